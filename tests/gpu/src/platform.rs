// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What differs between the supported GPUs, as data: one table a platform.

pub mod bdw;
pub mod bxt;
pub mod cfl;
pub mod cml;
pub mod kbl;
pub mod skl;

use crate::address::MmioOffset;

/// The supported platforms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlatformId {
    /// Broadwell, Gen8.
    Broadwell,
    /// Skylake, Gen9.
    Skylake,
    /// Kaby Lake, Gen9.5.
    Kabylake,
    /// Broxton (Apollo Lake), Gen9 low power.
    Broxton,
    /// Coffee Lake, Gen9.5.
    Coffeelake,
    /// Comet Lake, Gen9.5.
    Cometlake,
}

impl PlatformId {
    /// All of them, oldest first.
    pub const ALL: [Self; 6] = [
        Self::Broadwell,
        Self::Skylake,
        Self::Kabylake,
        Self::Broxton,
        Self::Coffeelake,
        Self::Cometlake,
    ];

    /// The short lower-case name: `bdw`, `skl`, `kbl`, `bxt`, `cfl`, `cml`.
    pub fn name(self) -> &'static str {
        Platform::get(self).name
    }

    /// The platform with that short name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|id| id.name() == name)
    }
}

/// The engines (command streamers) of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EngineId {
    /// Render.
    Rcs0,
    /// Copy (blitter).
    Bcs0,
    /// First video decode engine.
    Vcs0,
    /// Second video decode engine.
    Vcs1,
    /// Video enhancement.
    Vecs0,
}

impl EngineId {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Rcs0, Self::Bcs0, Self::Vcs0, Self::Vcs1, Self::Vecs0];

    /// The lower-case name that i915 shows: `rcs0`, `bcs0`, `vcs0`, `vcs1`, `vecs0`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rcs0 => "rcs0",
            Self::Bcs0 => "bcs0",
            Self::Vcs0 => "vcs0",
            Self::Vcs1 => "vcs1",
            Self::Vecs0 => "vecs0",
        }
    }

    /// First register of the engine's own range (PRM Vol 2c, register bases; observed: i915).
    pub const fn mmio_base(self) -> MmioOffset {
        MmioOffset(match self {
            Self::Rcs0 => 0x2000,
            Self::Bcs0 => 0x2_2000,
            Self::Vcs0 => 0x1_2000,
            Self::Vcs1 => 0x1_c000,
            Self::Vecs0 => 0x1_a000,
        })
    }

    /// Position in arrays with one place for each engine.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// A PCI device of a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceId {
    /// PCI device id.
    pub id: u16,
    /// GT size: 1 to 4. From GT3 on there is a second video decode engine.
    pub gt: u8,
}

/// Everything that is particular to a platform.
#[derive(Debug)]
pub struct Platform {
    /// Which one.
    pub id: PlatformId,
    /// Short lower-case name.
    pub name: &'static str,
    /// Graphics generation: 8 or 9.
    pub generation: u8,
    /// PCI devices; the first is the default.
    pub device_ids: &'static [DeviceId],
    /// PCI revision, a stepping that stock drivers accept as production silicon.
    pub revision: u8,
    /// Frequency of the command streamer's time stamp in Hz.
    pub timestamp_hz: u64,
    /// Pages of a render context image without its per-process status page.
    pub render_context_pages: u64,
    /// Pages of any other context image without its per-process status page.
    pub other_context_pages: u64,
    /// Whether forcewake has render, media and GT domains (Gen9) or one (Gen8).
    pub forcewake_domains: bool,
    /// Registers whose reset value is a fixed property of the part: fuses, straps, capabilities.
    pub fixed: &'static [(MmioOffset, u32)],
    /// Widest DMA address in bits.
    pub dma_bits: u32,
}

impl Platform {
    /// The table of a platform.
    pub const fn get(id: PlatformId) -> &'static Self {
        match id {
            PlatformId::Broadwell => &bdw::PLATFORM,
            PlatformId::Skylake => &skl::PLATFORM,
            PlatformId::Kabylake => &kbl::PLATFORM,
            PlatformId::Broxton => &bxt::PLATFORM,
            PlatformId::Coffeelake => &cfl::PLATFORM,
            PlatformId::Cometlake => &cml::PLATFORM,
        }
    }

    /// GT size of one of its devices; 2 for a device that is not its own.
    pub fn gt(&self, device_id: u16) -> u8 {
        self.device_ids
            .iter()
            .find(|d| d.id == device_id)
            .map_or(2, |d| d.gt)
    }

    /// Engines of one of its devices.
    pub fn engines(&self, device_id: u16) -> impl Iterator<Item = EngineId> {
        let second_decoder = self.gt(device_id) >= 3 && self.id != PlatformId::Broxton;
        EngineId::ALL
            .into_iter()
            .filter(move |&e| e != EngineId::Vcs1 || second_decoder)
    }

    /// Pages of a context image on `engine`, without the per-process status page.
    pub fn context_pages(&self, engine: EngineId) -> u64 {
        match engine {
            EngineId::Rcs0 => self.render_context_pages,
            _ => self.other_context_pages,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_when_asked_by_id_then_answer_for_it() {
        for id in PlatformId::ALL {
            assert_eq!(Platform::get(id).id, id);
            assert_eq!(PlatformId::from_name(id.name()), Some(id));
            assert!(!Platform::get(id).device_ids.is_empty());
        }
    }

    #[test]
    fn engines_when_gt3_then_second_decoder() {
        let kbl = Platform::get(PlatformId::Kabylake);

        assert_eq!(kbl.engines(0x5916).count(), 4);
        assert_eq!(kbl.engines(0x5926).count(), 5);
    }
}
