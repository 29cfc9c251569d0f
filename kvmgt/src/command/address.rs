// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Which addresses a vGPU's commands may reach through the GGTT.

use super::refusal::Rule;
use crate::address::Gma;
use crate::gtt::ranges::Ranges;

/// Bits of a command's lower address dword that are part of an address of dwords.
pub(super) const DWORDS: u32 = !0x3;
/// The same of qwords.
pub(super) const QWORDS: u32 = !0x7;

/// Whether all of `bytes` bytes from an address on are the vGPU's own, as a rule.
pub(super) fn check(own: &Ranges, first: Gma, bytes: u64) -> Result<(), Rule> {
    match own.has(first, bytes) {
        true => Ok(()),
        false => Err(Rule::Address { first, bytes }),
    }
}

/// The GGTT address in two dwords of a command. Dwords above 4 GiB stay: no vGPU has them.
pub(super) fn ggtt(low: u32, high: u32, mask: u32) -> Gma {
    Gma(u64::from(high) << u32::BITS | u64::from(low & mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ggtt_when_the_upper_dword_is_set_then_it_is_beyond_any_vgpu() {
        assert_eq!(ggtt(0x1007, 1, QWORDS), Gma(0x1_0000_1000));
        assert_eq!(ggtt(0x1007, 0, DWORDS), Gma(0x1004));
    }
}
