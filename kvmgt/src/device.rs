// SPDX-License-Identifier: GPL-2.0 OR MIT
//! One GPU whose host half kvmgt has opened.

use crate::engines::EngineInfo;
use crate::golden::{FileError, FileName, Golden, Model, PciIds};
use crate::hardware::Engine;
use crate::host::Host;
use crate::message::{Attached, Failure};
use crate::mmio::dispatch::Dispatch;
use iface::registers::Platform;
use iface::snapshot::Blob;
use iface::types::{Info, PAGE_SIZE_2M};
use iface::version::Version;
use kernel::prelude::*;

/// How large the parts of a GPU are that vGPUs see or share, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// BAR 0: registers and the GGTT.
    pub bar0_size: u64,
    /// BAR 2: the aperture.
    pub aperture_size: u64,
    /// What the GGTT maps.
    pub ggtt_size: u64,
}

/// What kvmgt knows of a GPU.
///
/// It is made when the GPU's host half was opened, and must be dropped before that is closed.
/// Nothing in it changes afterwards but by a golden state of the administrator's, before
/// anything uses it.
pub struct Device {
    version: Version,
    features: u64,
    ids: PciIds,
    drm_minor: u32,
    geometry: Geometry,
    model: Model,
    golden: Golden,
    dispatch: Dispatch,
    engines: KVec<EngineInfo>,
    has_pages_2m: bool,
}

impl Device {
    /// Reads what the host half of a GPU tells, after `version` and `features` were agreed.
    ///
    /// Wakes the GPU. May sleep.
    ///
    /// # Errors
    ///
    /// What does not fit; its text is the line to print.
    pub fn new(host: &impl Host, version: Version, features: u64) -> Result<Self, Failure> {
        let info = host.info().map_err(Failure::Info)?;
        let platform =
            Platform::from_number(info.platform).ok_or(Failure::Platform(info.platform))?;
        let ids = ids(&info);
        let bytes = host.snapshot().map_err(Failure::NoSnapshot)?;
        let blob = Blob::new(bytes).map_err(Failure::Damaged)?;
        let found = PciIds::of_config(blob.config());
        if blob.platform() != platform || found != Some(ids) {
            return Err(Failure::Foreign { ids });
        }
        let model = Model {
            platform,
            vcs1: blob.has_vcs1(),
        };
        // The golden state asks in ascending order, so both are walked through side by side.
        let mut registers = blob.registers().peekable();
        let golden = Golden::from_snapshot(model, blob.config(), |offset| {
            while registers.next_if(|(at, _)| *at < offset).is_some() {}
            let (_, value) = registers.next_if(|(at, _)| *at == offset)?;
            Some(value)
        })
        .map_err(Failure::Memory)?;
        let mut engines = KVec::new();
        host.awake(&mut || {
            engines = EngineInfo::all(host, &info, model)?;
            Ok(())
        })
        .map_err(Failure::Info)?;
        Ok(Self {
            version,
            features,
            ids,
            drm_minor: info.drm_minor,
            geometry: Geometry {
                bar0_size: info.gttmmadr_size,
                aperture_size: info.aperture_size,
                ggtt_size: info.ggtt_size,
            },
            model,
            golden,
            dispatch: Dispatch::new(model).map_err(Failure::Memory)?,
            engines,
            has_pages_2m: info.page_sizes & PAGE_SIZE_2M != 0,
        })
    }

    /// Name of the file that takes the snapshot's place, if the administrator provides it.
    pub fn file_name(&self) -> FileName {
        FileName(self.ids)
    }

    /// Takes the registers of the golden state out of `file`, which may be anything.
    ///
    /// The configuration space stays the snapshot's: what a file has there may be addresses of the
    /// host, and only tells which GPU the file is of.
    ///
    /// # Errors
    ///
    /// Why it is not accepted, or `ENOMEM`. The golden state is as before then.
    pub fn use_file(&mut self, file: &[u8]) -> Result<(), FileError> {
        let of_file = Golden::from_file(self.model, self.ids, file)?;
        self.golden.take_registers(of_file);
        Ok(())
    }

    /// The version of the interface that the host half offers.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The features that the host half offers.
    pub fn features(&self) -> u64 {
        self.features
    }

    /// What identifies the GPU on its bus.
    pub fn ids(&self) -> PciIds {
        self.ids
    }

    /// What decides which registers the GPU has.
    pub fn model(&self) -> Model {
        self.model
    }

    /// Minor number of the card's primary DRM node.
    pub fn drm_minor(&self) -> u32 {
        self.drm_minor
    }

    /// How large its parts are.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The golden state in use.
    pub fn golden(&self) -> &Golden {
        &self.golden
    }

    /// What the registers of its vGPUs do.
    pub fn dispatch(&self) -> &Dispatch {
        &self.dispatch
    }

    /// One of its engines, if it has it.
    pub fn engine(&self, engine: Engine) -> Option<&EngineInfo> {
        self.engines.iter().find(|info| info.engine == engine)
    }

    /// Engines of whose default state not all commands are known.
    pub fn unknown_states(&self) -> impl Iterator<Item = Engine> + '_ {
        let unknown = |info: &&EngineInfo| {
            let default = info.default.as_ref();
            default.is_some_and(|default| !default.map.is_complete())
        };
        self.engines.iter().filter(unknown).map(|info| info.engine)
    }

    /// Whether its PPGTTs have pages of 2 MiB.
    pub fn has_pages_2m(&self) -> bool {
        self.has_pages_2m
    }

    /// The line that says that kvmgt has the GPU now.
    pub fn attached(&self) -> Attached {
        Attached {
            version: self.version,
            features: self.features,
            platform: self.model.platform,
            ids: self.ids,
            tracked: self.model.tracked(),
            kept: self.golden.kept(),
        }
    }
}

/// The identification that the host half tells.
fn ids(info: &Info) -> PciIds {
    PciIds {
        vendor: info.vendor,
        device: info.device,
        // The bus has eight bits of it.
        revision: info.revision.to_le_bytes()[0],
    }
}

#[cfg(test)]
mod tests;
