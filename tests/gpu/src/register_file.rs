// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Plain storage of the registers behind BAR0, without behaviour.

use crate::address::MmioOffset;

/// Bytes of BAR0 that are registers; the upper half of BAR0 is the GGTT.
pub const REGISTER_SPACE: u32 = 8 << 20;

/// One dword for each register offset.
///
/// Behaviours are in [`crate::regs`] and [`crate::display`]; they keep their visible state here,
/// so that a test sees the same value as a read through BAR0.
#[derive(Clone)]
pub struct RegisterFile {
    dwords: Vec<u32>,
}

impl Default for RegisterFile {
    fn default() -> Self {
        Self {
            dwords: vec![0; (REGISTER_SPACE / 4) as usize],
        }
    }
}

impl RegisterFile {
    /// Value of the register at `offset`; offsets outside of the register space read 0.
    pub fn get(&self, offset: MmioOffset) -> u32 {
        self.dwords.get(offset.0 as usize / 4).copied().unwrap_or(0)
    }

    /// Stores `value` at `offset`; offsets outside of the register space are ignored.
    pub fn set(&mut self, offset: MmioOffset, value: u32) {
        if let Some(dword) = self.dwords.get_mut(offset.0 as usize / 4) {
            *dword = value;
        }
    }

    /// Sets the bits of `mask` to those of `value`, leaves the others.
    pub fn update(&mut self, offset: MmioOffset, mask: u32, value: u32) {
        self.set(offset, (self.get(offset) & !mask) | (value & mask));
    }

    /// Sets every register to 0.
    pub fn clear(&mut self) {
        self.dwords.fill(0);
    }
}
