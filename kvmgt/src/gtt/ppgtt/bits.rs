// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A bit for each of a table's 512 entries.

use super::ENTRIES;

/// Bits of a word.
const WORD: usize = 64;
/// log2 of it.
const WORD_SHIFT: u32 = 6;

/// A bit for each entry of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bits([u64; ENTRIES / WORD]);

impl Bits {
    pub(super) const NONE: Self = Self([0; ENTRIES / WORD]);
    pub(super) const ALL: Self = Self([u64::MAX; ENTRIES / WORD]);

    /// Where a bit is: its word, and its mask in there.
    fn place(index: usize) -> (usize, u64) {
        // Modulo the bits of a word.
        (index >> WORD_SHIFT, 1_u64.wrapping_shl(index as u32))
    }

    pub(super) fn get(&self, index: usize) -> bool {
        let (word, mask) = Self::place(index);
        self.0.get(word).is_some_and(|bits| bits & mask != 0)
    }

    /// Sets a bit or clears it.
    pub(super) fn put(&mut self, index: usize, value: bool) {
        let (word, mask) = Self::place(index);
        if let Some(bits) = self.0.get_mut(word) {
            *bits = if value { *bits | mask } else { *bits & !mask };
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// The first bit that is set, from `from` on.
    pub(super) fn next(&self, from: usize) -> Option<usize> {
        let (first, mask) = Self::place(from);
        // The bits of the first word that are not below `from`.
        let mut window = !mask.wrapping_sub(1);
        for (number, bits) in self.0.iter().enumerate().skip(first) {
            let bits = bits & window;
            if bits != 0 {
                let within = bits.trailing_zeros() as usize;
                return number.checked_mul(WORD)?.checked_add(within);
            }
            window = u64::MAX;
        }
        None
    }

    /// The last bit that is set.
    pub(super) fn last(&self) -> Option<usize> {
        let (number, bits) = self.0.iter().enumerate().rfind(|(_, bits)| **bits != 0)?;
        number.checked_mul(WORD)?.checked_add(bits.ilog2() as usize)
    }

    /// All bits that are set.
    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        let mut from = 0;
        core::iter::from_fn(move || {
            let index = self.next(from)?;
            from = index.saturating_add(1);
            Some(index)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn bits_that_are_put_are_found_in_order() {
        let mut bits = Bits::NONE;
        for index in [511, 0, 63, 64, 200] {
            bits.put(index, true);
        }
        bits.put(200, false);

        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 63, 64, 511]);
        assert_eq!((bits.next(1), bits.next(65)), (Some(63), Some(511)));
        assert_eq!(
            (bits.last(), bits.get(64), bits.get(200)),
            (Some(511), true, false)
        );
    }

    #[test]
    fn bits_beyond_the_table_are_none() {
        let mut bits = Bits::NONE;
        bits.put(ENTRIES, true);

        assert!(bits.is_empty() && !Bits::ALL.get(ENTRIES));
        assert_eq!((Bits::ALL.next(ENTRIES), bits.last()), (None, None));
        assert_eq!(Bits::ALL.iter().count(), ENTRIES);
    }
}
