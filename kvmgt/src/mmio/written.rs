// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a guest wrote to one register.

/// Bits from the lower half of a masked register to the half that selects them.
const SELECT_SHIFT: u32 = 16;

/// A write of some or all bytes of a dword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Where not written it is zero.
    value: u32,
    /// The bits that are written.
    bits: u32,
}

impl Written {
    /// A write of those bytes that are `Some`, the lowest first.
    pub(crate) fn new(bytes: [Option<u8>; 4]) -> Self {
        Self {
            value: u32::from_le_bytes(bytes.map(|byte| byte.unwrap_or(0))),
            bits: u32::from_le_bytes(bytes.map(|byte| byte.map_or(0, |_| u8::MAX))),
        }
    }

    /// What is written; bytes that are not are zero.
    pub(crate) fn value(self) -> u32 {
        self.value
    }

    /// What a plain register holds afterwards that held `old` before.
    pub(crate) fn over(self, old: u32) -> u32 {
        old & !self.bits | self.value
    }

    /// The same, with some bits not written.
    pub(crate) fn without(self, bits: u32) -> Self {
        Self {
            value: self.value & !bits,
            bits: self.bits & !bits,
        }
    }

    /// What a masked register holds afterwards that held `old` before: the upper half selects
    /// which bits of the lower half change.
    pub(crate) fn masked_over(self, old: u32) -> u32 {
        let select = self.value >> SELECT_SHIFT;
        old & !select | self.value & select
    }

    /// The same, with some bits of a masked register not selected.
    pub(crate) fn deselect(self, bits: u32) -> Self {
        Self {
            value: self.value & !(bits | bits.wrapping_shl(SELECT_SHIFT)),
            ..self
        }
    }

    /// Whether it sets any of these bits of a masked register.
    pub(crate) fn sets_any(self, bits: u32) -> bool {
        self.value & self.value >> SELECT_SHIFT & bits != 0
    }

    /// Whether it clears any of these bits of a masked register.
    pub(crate) fn clears_any(self, bits: u32) -> bool {
        !self.value & self.value >> SELECT_SHIFT & bits != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(value: u32) -> Written {
        Written::new(value.to_le_bytes().map(Some))
    }

    #[test]
    fn over_replaces_only_what_is_written() {
        let middle = Written::new([None, Some(0x11), Some(0x22), None]);

        assert_eq!(middle.over(0xffff_ffff), 0xff22_11ff);
        assert_eq!(middle.value(), 0x0022_1100);
        assert_eq!(all(0x1234_5678).over(0xffff_ffff), 0x1234_5678);
    }

    #[test]
    fn without_keeps_old_bits() {
        assert_eq!(all(0xffff_ffff).without(0xf0).over(0x50), 0xffff_ff5f);
        assert_eq!(all(0).without(0xf0).over(0x5f), 0x50);
    }

    #[test]
    fn masked_over_changes_only_what_is_selected() {
        assert_eq!(all(0x0003_0001).masked_over(0x0000_00f2), 0xf1);
        assert_eq!(all(0x0000_ffff).masked_over(0x0000_00f2), 0xf2);
        assert_eq!(all(0x0003_0003).deselect(1).masked_over(0), 2);
    }

    #[test]
    fn masked_over_of_half_a_register_changes_nothing_that_is_not_selected() {
        let lower = Written::new([Some(0xff), Some(0xff), None, None]);
        let upper = Written::new([None, None, Some(0x0f), None]);

        assert_eq!(lower.masked_over(0x1234), 0x1234);
        assert_eq!(upper.masked_over(0x1234), 0x1230);
    }

    #[test]
    fn sets_and_clears_need_the_selecting_half() {
        assert!(all(0x0001_0001).sets_any(1) && !all(0x0001_0001).clears_any(1));
        assert!(all(0x0001_0000).clears_any(1) && !all(0x0001_0000).sets_any(1));
        assert!(!all(0x0000_0001).sets_any(1) && !all(0x0000_0001).clears_any(1));
    }
}
