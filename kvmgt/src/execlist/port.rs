// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The submit port: a register that takes two descriptors in four writes.

use super::descriptor::RawDescriptor;

/// Bits of a dword.
const DWORD_BITS: u32 = 32;

/// How much of a submission was written (PRM Vol 2c, ExecList Submit Port: the second context's
/// descriptor comes first, and of each the upper dword).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Port {
    written: [Option<u32>; 3],
}

impl Port {
    /// Takes a dword; the fourth one makes a submission of them, the first context first.
    pub fn write(&mut self, value: u32) -> Option<[RawDescriptor; 2]> {
        let [Some(second_high), Some(second_low), Some(first_high)] = self.written else {
            let free = self.written.iter_mut().find(|dword| dword.is_none());
            if let Some(dword) = free {
                *dword = Some(value);
            }
            return None;
        };
        self.reset();
        let descriptor = |high: u32, low: u32| {
            RawDescriptor(u64::from(high).wrapping_shl(DWORD_BITS) | u64::from(low))
        };
        Some([
            descriptor(first_high, value),
            descriptor(second_high, second_low),
        ])
    }

    /// Forgets what was written: the engine is reset.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}
