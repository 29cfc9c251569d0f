// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the registers of a vGPU hold.

use crate::address::MmioOffset;
use crate::golden::Golden;
use iface::registers::{self, DWORD, MMIO_SIZE};
use kernel::prelude::*;

/// The offset of the register of that name, for constants.
pub(crate) const fn named(name: &str) -> MmioOffset {
    MmioOffset(registers::named(name))
}

/// The values of all registers, those included that nobody knows: they are plain memory.
pub(crate) struct RegisterFile {
    dwords: KVVec<u32>,
}

impl RegisterFile {
    /// Registers that are all zero.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        let count = index(MmioOffset(MMIO_SIZE));
        let dwords = KVVec::from_elem(0, count, GFP_KERNEL)?;
        Ok(Self { dwords })
    }

    /// The value of the register at an offset; only its dword counts. Behind the end it is zero.
    pub(crate) fn get(&self, offset: MmioOffset) -> u32 {
        self.dwords.get(index(offset)).copied().unwrap_or(0)
    }

    /// Changes it.
    pub(crate) fn set(&mut self, offset: MmioOffset, value: u32) {
        if let Some(dword) = self.dwords.get_mut(index(offset)) {
            *dword = value;
        }
    }

    /// Clears some of its bits, and then sets some.
    pub(crate) fn update(&mut self, offset: MmioOffset, clear: u32, set: u32) {
        self.set(offset, self.get(offset) & !clear | set);
    }

    /// Sets some of its bits if `condition`, else clears them.
    pub(crate) fn set_if(&mut self, condition: bool, offset: MmioOffset, bits: u32) {
        self.update(offset, bits, if condition { bits } else { 0 });
    }

    /// Makes all registers in front of `end` golden.
    pub(crate) fn restore(&mut self, golden: &Golden, end: u32) {
        let count = index(MmioOffset(end));
        if let Some(dwords) = self.dwords.get_mut(..count) {
            dwords.fill(0);
        }
        for (offset, value) in golden.registers().take_while(|(offset, _)| *offset < end) {
            self.set(MmioOffset(offset), value);
        }
    }
}

fn index(offset: MmioOffset) -> usize {
    (offset.0 / DWORD) as usize
}
