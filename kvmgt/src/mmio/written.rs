// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a guest wrote to one register.

use iface::registers::DWORD;

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
    /// A write of `bytes`, the first of them to byte `first` of the register, the lowest being 0.
    /// What does not fit is not written.
    pub(crate) fn new(first: usize, bytes: &[u8]) -> Self {
        // So are nearly all.
        if let (0, Ok(all)) = (first, bytes.try_into()) {
            return Self {
                value: u32::from_le_bytes(all),
                bits: u32::MAX,
            };
        }
        let mut value = [0; DWORD as usize];
        let mut bits = [0; DWORD as usize];
        let places = Iterator::zip(value.iter_mut(), bits.iter_mut()).skip(first);
        for ((value, bits), byte) in places.zip(bytes) {
            *value = *byte;
            *bits = u8::MAX;
        }
        Self {
            value: u32::from_le_bytes(value),
            bits: u32::from_le_bytes(bits),
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
        Written::new(0, &value.to_le_bytes())
    }

    #[test]
    fn over_replaces_only_what_is_written() {
        let middle = Written::new(1, &[0x11, 0x22]);

        assert_eq!(middle.over(0xffff_ffff), 0xff22_11ff);
        assert_eq!(middle.value(), 0x0022_1100);
        assert_eq!(all(0x1234_5678).over(0xffff_ffff), 0x1234_5678);
    }

    #[test]
    fn new_when_bytes_do_not_fit_then_they_are_not_written() {
        assert_eq!(Written::new(3, &[0x11, 0x22]).over(0), 0x1100_0000);
        assert_eq!(Written::new(1, &[0x11; 4]).over(0xff), 0x1111_11ff);
        assert_eq!(Written::new(0, &[0x11; 5]).over(0), 0x1111_1111);
        assert_eq!(Written::new(4, &[0x11]).over(0xff), 0xff);
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
        let lower = Written::new(0, &[0xff, 0xff]);
        let upper = Written::new(2, &[0x0f]);

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
