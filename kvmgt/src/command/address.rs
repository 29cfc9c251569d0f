// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Which addresses a vGPU's commands may reach through the GGTT.

use super::refusal::Rule;
use crate::address::Gma;
use core::ops::Range;

/// Bits of a command's lower address dword that are part of an address of dwords.
pub(super) const DWORDS: u32 = !0x3;
/// The same of qwords.
pub(super) const QWORDS: u32 = !0x7;

/// The ranges of the GGTT that are a vGPU's own, in bytes from GGTT address 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Its part of the aperture.
    pub aperture: Range<u64>,
    /// Its part of the GGTT behind the aperture.
    pub high: Range<u64>,
}

impl Reach {
    /// Whether all of `bytes` bytes from an address on are the vGPU's own.
    ///
    /// They must lie in one of the two ranges; nothing that goes around the end of the numbers
    /// does.
    pub fn holds(&self, first: Gma, bytes: u64) -> bool {
        let Some(end) = first.0.checked_add(bytes) else {
            return false;
        };
        [&self.aperture, &self.high]
            .iter()
            .any(|range| range.start <= first.0 && end <= range.end)
    }

    /// As [`holds`](Self::holds), as a rule.
    pub(super) fn check(&self, first: Gma, bytes: u64) -> Result<(), Rule> {
        match self.holds(first, bytes) {
            true => Ok(()),
            false => Err(Rule::Address { first, bytes }),
        }
    }
}

/// The GGTT address in two dwords of a command. Dwords above 4 GiB stay: no vGPU has them.
pub(super) fn ggtt(low: u32, high: u32, mask: u32) -> Gma {
    Gma(u64::from(high) << u32::BITS | u64::from(low & mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach() -> Reach {
        Reach {
            aperture: 0x1000..0x3000,
            high: 0x8000..0x9000,
        }
    }

    #[test]
    fn holds_when_the_last_byte_is_the_ranges_last_then_yes_and_one_more_is_no() {
        let reach = reach();

        assert!(reach.holds(Gma(0x1000), 0x2000));
        assert!(reach.holds(Gma(0x2ffc), 4));
        assert!(reach.holds(Gma(0x8ff8), 8));
        for (first, bytes) in [(0x2ffc, 8), (0xffc, 8), (0x1000, 0x2001), (0x8ffc, 8)] {
            assert!(!reach.holds(Gma(first), bytes), "{first:#x}");
        }
    }

    #[test]
    fn holds_when_between_the_ranges_or_across_both_then_no() {
        assert!(!reach().holds(Gma(0x4000), 4));
        assert!(!reach().holds(Gma(0x2000), 0x6800));
    }

    #[test]
    fn holds_when_the_end_goes_around_the_numbers_then_no() {
        let all = Reach {
            aperture: 0..u64::MAX,
            high: 0..0,
        };

        assert!(!all.holds(Gma(u64::MAX - 3), 8));
        assert!(!all.holds(Gma(8), u64::MAX));
    }

    #[test]
    fn ggtt_when_the_upper_dword_is_set_then_it_is_beyond_any_vgpu() {
        assert_eq!(ggtt(0x1007, 1, QWORDS), Gma(0x1_0000_1000));
        assert_eq!(ggtt(0x1007, 0, DWORDS), Gma(0x1004));
    }
}
