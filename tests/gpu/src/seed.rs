// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Reset values that depend on a seed.

use crate::address::MmioOffset;
use crate::platform::Platform;
use crate::register_file::RegisterFile;

/// Reset value of the register at `offset` for this seed.
pub fn reset_value(_platform: &Platform, _seed: u64, _offset: MmioOffset) -> u32 {
    0
}

/// Stores the reset values of all registers, as after power-on and before any firmware.
pub fn fill(_regs: &mut RegisterFile, _platform: &Platform, _seed: u64) {}
