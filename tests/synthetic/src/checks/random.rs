// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Numbers that nobody would choose.

use crate::registers::display::plane;

/// Numbers that are the same each time (Marsaglia's xorshift).
pub(super) struct Random(pub(super) u32);

impl Random {
    pub(super) fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// Any number, or one of those at which things change.
    pub(super) fn edge(&mut self) -> u32 {
        let value = self.next();
        match self.next() % 8 {
            0 => 0,
            1 => u32::MAX,
            2 => 1 << (value % 32),
            3 => value & 0xff,
            4 => value & 0x0fff_0fff,
            5 => plane::ENABLE | plane::XRGB_GEN9 | value & 0x3fff,
            6 => plane::ENABLE | value,
            _ => value,
        }
    }
}
