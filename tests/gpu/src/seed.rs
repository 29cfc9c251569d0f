// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Reset values that depend on a seed, and the secrets of an earlier owner.
//!
//! No two machines come up with the same register values, so a test that passes on one fixed set
//! of reset values proves little. Here every tracked register has either *legal bits* ([`legal`]),
//! which the seed decides, or a reason why it must not vary ([`fixed`]), or it holds a planted
//! secret ([`mod@secrets`]). A test proves that no tracked register is left out.

pub mod fixed;
pub mod legal;
pub mod secrets;

use iface::registers;

use crate::address::MmioOffset;
use crate::platform::{Platform, PlatformId};
use crate::register_file::RegisterFile;

pub use secrets::{config_secrets, is_secret, secrets, TAG, TAG_MASK};

/// Reset value of the register at `offset` for this seed, before any firmware.
///
/// Bits outside of the legal ones are those of the platform's fixed value, or 0.
pub fn reset_value(platform: &Platform, seed: u64, offset: MmioOffset) -> u32 {
    let fixed = platform.fixed.iter().find(|(fixed, _)| *fixed == offset);
    if let Some((_, value)) = fixed {
        return *value;
    }
    let mask = legal::mask(offset.0);
    let value = hash(seed, u64::from(offset.0)) & mask;
    // A value must never be taken for a secret.
    if is_secret(value) {
        value & !TAG_MASK
    } else {
        value
    }
}

/// Stores the reset values of all tracked registers, as after power-on and before any firmware.
pub fn fill(regs: &mut RegisterFile, platform: &Platform, seed: u64) {
    for offset in tracked_dwords(platform.id).filter(|offset| legal::mask(*offset) != 0) {
        let offset = MmioOffset(offset);
        regs.set(offset, reset_value(platform, seed, offset));
    }
    for (offset, value) in platform.fixed {
        regs.set(*offset, *value);
    }
}

/// The dwords of all tracked registers of a platform, of the largest GPU of its kind.
pub fn tracked_dwords(platform: PlatformId) -> impl Iterator<Item = u32> {
    registers::rows(contract_platform(platform), true)
        .flat_map(|row| (row.offset..row.offset + row.size).step_by(4))
}

/// The contract's name for a platform.
pub fn contract_platform(platform: PlatformId) -> registers::Platform {
    match platform {
        PlatformId::Broadwell => registers::Platform::Bdw,
        PlatformId::Skylake => registers::Platform::Skl,
        PlatformId::Kabylake => registers::Platform::Kbl,
        PlatformId::Broxton => registers::Platform::Bxt,
        PlatformId::Coffeelake => registers::Platform::Cfl,
        PlatformId::Cometlake => registers::Platform::Cml,
    }
}

/// 32 well-mixed bits that depend on both numbers (the finaliser of SplitMix64).
pub(crate) fn hash(seed: u64, index: u64) -> u32 {
    let mut x = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ x >> 31) >> 16) as u32
}

#[cfg(test)]
mod tests;
