// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Registers outside of the display engine: their names, and what reading and writing them does.
//!
//! Names are in the submodules. A register without an entry in [`Behaviours`] is plain storage.

pub mod engine;
pub mod fuse;
pub mod gt;
pub mod masked;
pub mod user;

use std::collections::HashMap;

use crate::address::MmioOffset;
use crate::platform::EngineId;
use crate::platform::Platform;

/// What a register does when it is read or written, if it is more than storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// The high half of a written value selects the bits of the low half that change.
    Masked,
    /// Writes are ignored.
    ReadOnly,
    /// Written ones clear bits.
    WriteOneToClear,
    /// Makes an engine forget all translations, at once, and reads 0.
    InvalidateTlb(EngineId),
    /// Makes all engines forget translations of the GGTT, at once, and reads 0.
    FlushGgtt,
    /// Masked; the low half appears in the acknowledge register.
    ForcewakeRequest {
        /// The acknowledge register.
        acknowledge: MmioOffset,
    },
    /// Resets the engines of the written bits, then reads 0.
    ResetDomains,
    /// Masked; a reset request is answered by ready.
    ResetControl,
    /// Masked, but for the idle bit, which shows whether the engine stands still.
    MiMode(EngineId),
    /// One of the four writes of a submission.
    ExeclistSubmit(EngineId),
    /// Low dword of the engine's time stamp.
    Timestamp,
    /// High dword of the engine's time stamp.
    TimestampHigh,
    /// Time that the context on the engine has been there.
    ContextTimestamp(EngineId),
    /// Runs a command of the power control unit at once.
    PcodeMailbox,
    /// The frequency that was asked for.
    ActualFrequency,
    /// Names a register that unprivileged batches may write; stored as it is.
    Plain,
}

/// The behaviours of a GPU's registers.
#[derive(Clone, Debug)]
pub struct Behaviours {
    map: HashMap<MmioOffset, Behaviour>,
}

impl Behaviours {
    /// Those of a platform with these engines.
    pub fn new(platform: &Platform, engines: &[EngineId]) -> Self {
        let mut map = HashMap::new();
        for &offset in masked::REGISTERS {
            map.insert(offset, Behaviour::Masked);
        }
        for &(offset, behaviour) in gt::BEHAVIOURS {
            map.insert(offset, behaviour);
        }
        for &(request, acknowledge) in gt::forcewake(platform) {
            map.insert(request, Behaviour::ForcewakeRequest { acknowledge });
        }
        for &(offset, _) in platform.fixed {
            map.insert(offset, Behaviour::ReadOnly);
        }
        for &id in engines {
            engine::add_behaviours(id, &mut map);
        }
        Self { map }
    }

    /// What the register at `offset` does.
    pub fn of(&self, offset: MmioOffset) -> Behaviour {
        self.map.get(&offset).copied().unwrap_or(Behaviour::Plain)
    }
}

/// The value of a masked register after `written` was written to it.
pub const fn merge_masked(old: u32, written: u32) -> u32 {
    let mask = written >> 16;
    (old & !mask & 0xffff) | (written & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merge_when_mask_selects_bits_then_only_those_change() {
        assert_eq!(merge_masked(0x00f0, 0x0011_0001), 0x00e1);
        assert_eq!(merge_masked(0x00f0, 0xffff), 0x00f0);
    }

    /// Registers that GVT-g treats as masked although the hardware does more with them.
    const MORE_THAN_MASKED: [u32; 1] = [engine::MI_MODE];

    #[test]
    fn masked_when_in_the_interface_table_then_here_too() {
        use iface::registers::{Flags, TABLE};
        let kbl = Platform::get(crate::platform::PlatformId::Kabylake);
        let behaviours = Behaviours::new(kbl, &EngineId::ALL);
        let masked = TABLE.iter().filter(|row| row.flags.contains(Flags::MASKED));

        let missing: Vec<_> = masked
            .map(|row| row.offset)
            .filter(|offset| behaviours.of(MmioOffset(*offset)) != Behaviour::Masked)
            .filter(|offset| !MORE_THAN_MASKED.contains(&(offset & 0xfff)))
            .collect();

        assert!(missing.is_empty(), "{missing:#x?}");
    }
}
