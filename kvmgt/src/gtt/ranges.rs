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
