// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Numbers that look random, and are the same in each run.

/// Where they come from.
pub struct Noise(u64);

impl Noise {
    /// Those of a seed.
    pub fn new(seed: u64) -> Self {
        // Not zero, which would stay so.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Any number.
    pub fn next(&mut self) -> u64 {
        // Marsaglia's xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// One below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// One of them.
    pub fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}
