// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The lines that kvmgt prints, one type each: both worlds print the same.
//!
//! `Display` gives the line without a newline and without the device's name, which whoever
//! prints it puts in front. Refusals of the contract itself are [`iface::client::Refusal`].

use crate::golden::{BadFile, FileError, FileName, PciIds};
use crate::hardware::Engine;
use crate::vgpu::kind::Name;
use crate::vgpu::shares::{Refusal, Shortage};
use core::fmt;
use iface::registers::Platform;
use iface::snapshot::Damage;
use iface::version::Version;
use kernel::prelude::{Error, ENODEV, ENOMEM, ENOSPC};

mod complaint;

pub use complaint::{Complaint, Failsafe};

/// What to do about an i915 and a kvmgt that do not fit.
const REBUILD: &str = "load the i915 and the kvmgt of one build";

/// An error by its number, since not every kernel has the names.
struct Errno(Error);

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error {}", self.0.to_errno())
    }
}

/// kvmgt has a GPU. Level: info.
#[derive(Clone, Copy, Debug)]
pub struct Attached {
    /// The version that the host half offers.
    pub version: Version,
    /// Its features.
    pub features: u64,
    /// The GPU's family.
    pub platform: Platform,
    /// The GPU.
    pub ids: PciIds,
    /// Registers that are tracked, in dwords.
    pub tracked: u32,
    /// Registers that the golden state keeps, in dwords.
    pub kept: usize,
}

impl fmt::Display for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            version,
            features,
            platform,
            ids,
            tracked,
            kept,
        } = self;
        write!(
            f,
            "attached to {platform} {ids}: interface {version}, features {features:#x}, \
             {tracked} registers tracked, {kept} in the golden state"
        )
    }
}

/// Registers took their default because the snapshot lacks them. Level: warning.
#[derive(Clone, Copy, Debug)]
pub struct Lacking(pub u32);

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the snapshot lacks {} registers that this kvmgt tracks: they take their default",
            self.0
        )
    }
}

/// An engine's default state has a command that is not known. Level: warning.
#[derive(Clone, Copy, Debug)]
pub struct UnknownState(pub Engine);

impl fmt::Display for UnknownState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the default state of {} has an unknown command: guests lose what the engine saves \
             behind it",
            self.0.name()
        )
    }
}

/// Why a GPU can't be used although its table is acceptable. Level: error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The host half does not describe the GPU.
    Info(Error),
    /// A family of GPUs that this build does not know.
    Platform(u32),
    /// There is no snapshot.
    NoSnapshot(Error),
    /// There is something else in its place.
    Damaged(Damage),
    /// It is the snapshot of another GPU.
    Foreign {
        /// The GPU that was opened.
        ids: PciIds,
    },
    /// There is no memory for the golden state.
    Memory(Error),
}

impl Failure {
    /// What attaching returns then: the GPU is none for this kvmgt, or memory is short.
    pub fn error(&self) -> Error {
        match self {
            Self::Memory(error) => *error,
            Self::Info(error) | Self::NoSnapshot(error) if *error == ENOMEM => ENOMEM,
            _ => ENODEV,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Info(error) => write!(f, "i915 does not describe the GPU ({})", Errno(*error)),
            Self::Platform(number) => write!(
                f,
                "i915 calls the GPU platform {number}, which this kvmgt does not know; \
                 load a newer kvmgt"
            ),
            Self::NoSnapshot(error) => write!(
                f,
                "i915 has no golden snapshot ({}); unbind and bind it to take one",
                Errno(*error)
            ),
            Self::Damaged(damage) => {
                f.write_str("the golden snapshot is damaged: ")?;
                match damage {
                    Damage::Size => f.write_str("its size is wrong")?,
                    Damage::Magic => f.write_str("it does not begin as one")?,
                    Damage::Version(version) => write!(f, "its format is version {version}")?,
                    Damage::Checksum => f.write_str("its checksum differs")?,
                    Damage::Platform(number) => write!(f, "its platform is {number}")?,
                    Damage::Range(index) => write!(f, "its range {index} is none")?,
                    Damage::Values => f.write_str("its values do not fit its ranges")?,
                }
                write!(f, "; {REBUILD}")
            }
            Self::Foreign { ids } => write!(
                f,
                "the golden snapshot is of another GPU than {ids}; {REBUILD}"
            ),
            Self::Memory(error) => write!(f, "no golden state ({})", Errno(*error)),
        }
    }
}

/// A golden state of the administrator's is in use. Level: info.
#[derive(Clone, Copy, Debug)]
pub struct FileUsed(pub FileName);

impl fmt::Display for FileUsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the golden state is that of {}", self.0)
    }
}

/// A golden state of the administrator's is not in use. Level: error.
#[derive(Clone, Copy, Debug)]
pub struct FileIgnored(pub FileName, pub FileError);

impl fmt::Display for FileIgnored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name, error) = self;
        write!(f, "{name} is ignored: ")?;
        match error {
            FileError::Bad(bad @ (BadFile::Magic | BadFile::Device { .. })) => write!(f, "{bad}")?,
            FileError::Bad(bad) => write!(f, "it is damaged, {bad}")?,
            FileError::Failed(error) => write!(f, "{}", Errno(*error))?,
        }
        f.write_str("; the snapshot is used")
    }
}

/// A vGPU was not made. Level: error.
#[derive(Clone, Copy, Debug)]
pub enum NotMade {
    /// Other vGPUs have what it needs.
    Shortage(Name, Shortage),
    /// The host half did not give it.
    Refusal(Name, Refusal),
}

impl NotMade {
    /// What creating it returns then.
    pub fn error(&self) -> Error {
        match self {
            Self::Shortage(..) => ENOSPC,
            Self::Refusal(_, refusal) => refusal.error,
        }
    }
}

impl fmt::Display for NotMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shortage(name, shortage) => write!(f, "no vGPU of type {name}: {shortage}"),
            Self::Refusal(name, refusal) => write!(f, "no vGPU of type {name}: {refusal}"),
        }
    }
}

/// kvmgt was loaded, and i915 drives a GPU that it offers no GVT-g for. Level: info.
#[derive(Clone, Copy, Debug)]
pub struct NotOffered<T>(pub T);

impl<T: fmt::Display> fmt::Display for NotOffered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "i915 offers no GVT-g on {gpu}: /sys/bus/pci/devices/{gpu}/gvt_status says why",
            gpu = self.0
        )
    }
}

/// kvmgt was loaded, and i915 drives no GPU. Level: info.
#[derive(Clone, Copy, Debug)]
pub struct Waiting;

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no GPU is bound to i915: waiting for one")
    }
}

#[cfg(test)]
mod tests;
