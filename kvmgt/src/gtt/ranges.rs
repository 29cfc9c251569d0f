// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Which addresses of the GGTT are a vGPU's own.

use crate::address::Gma;
use crate::gtt::ggtt::Ggtt;
use core::ops::Range;

/// The two ranges of the GGTT that a vGPU has, in bytes from GGTT address 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    /// Its part of the aperture.
    pub aperture: Range<u64>,
    /// Its part behind the aperture.
    pub high: Range<u64>,
}

impl Ranges {
    /// Those of a vGPU's GGTT.
    pub fn of(ggtt: &Ggtt) -> Self {
        Self {
            aperture: ggtt.aperture(),
            high: ggtt.high(),
        }
    }

    /// Whether `bytes` bytes from `first` on are its own, all in one range, and at least one.
    pub fn has(&self, first: Gma, bytes: u64) -> bool {
        let Some(end) = first.0.checked_add(bytes) else {
            return false;
        };
        let is_in = |range: &Range<u64>| range.start <= first.0 && end <= range.end;
        bytes != 0 && (is_in(&self.aperture) || is_in(&self.high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges() -> Ranges {
        Ranges {
            aperture: 0x1000..0x3000,
            high: 0x8000..0x9000,
        }
    }

    #[test]
    fn has_when_the_last_byte_is_the_ranges_last_then_yes_and_one_more_is_no() {
        let ranges = ranges();

        assert!(ranges.has(Gma(0x1000), 0x2000));
        assert!(ranges.has(Gma(0x2ffc), 4));
        assert!(ranges.has(Gma(0x8ff8), 8));
        for (first, bytes) in [(0x2ffc, 8), (0xffc, 8), (0x1000, 0x2001), (0x8ffc, 8)] {
            assert!(!ranges.has(Gma(first), bytes), "{first:#x}");
        }
    }

    #[test]
    fn has_when_between_the_ranges_or_across_both_then_no() {
        assert!(!ranges().has(Gma(0x4000), 4));
        assert!(!ranges().has(Gma(0x2000), 0x6800));
    }

    #[test]
    fn has_when_the_end_goes_around_the_numbers_then_no() {
        let all = Ranges {
            aperture: 0..u64::MAX,
            high: 0..0,
        };

        assert!(!all.has(Gma(u64::MAX - 3), 8));
        assert!(!all.has(Gma(8), u64::MAX));
    }

    #[test]
    fn has_when_any_byte_is_outside_or_there_is_none_then_is_false() {
        let ranges = Ranges {
            aperture: 0x1000..0x3000,
            high: 0x3000..0x5000,
        };

        assert!(ranges.has(Gma(0x1000), 0x2000) && ranges.has(Gma(0x4fff), 1));
        assert!(!ranges.has(Gma(0xfff), 2) && !ranges.has(Gma(0x4fff), 2));
        assert!(!ranges.has(Gma(0x2fff), 2), "that is in two ranges");
        assert!(!ranges.has(Gma(0x1000), 0) && !ranges.has(Gma(u64::MAX), 2));
    }
}
