// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Who has which part of a row of numbered places, such as the pages of the GGTT.

use std::collections::BTreeMap;
use std::ops::Range;

/// A row of places.
pub(super) struct Places {
    /// How many there are.
    count: u64,
    /// How many of the first are never given away.
    own: u64,
    /// Runs that were: first place, and how many.
    taken: BTreeMap<u64, u64>,
}

impl Places {
    /// `count` places, of which the first `own` are never given away.
    pub(super) fn new(count: u64, own: u64) -> Self {
        Places {
            count,
            own,
            taken: BTreeMap::new(),
        }
    }

    /// Takes a run of `count` places inside of `within` whose first is a multiple of `align`.
    pub(super) fn take(&mut self, count: u64, align: u64, within: Range<u64>) -> Option<u64> {
        let mut first = within.start.max(self.own).checked_next_multiple_of(align)?;
        loop {
            let end = first.checked_add(count)?;
            if end > within.end.min(self.count) {
                return None;
            }
            // Runs do not overlap, so the last that begins before `end` decides.
            match self.taken.range(..end).next_back() {
                Some((start, len)) if start + len > first => {
                    first = (start + len).checked_next_multiple_of(align)?;
                }
                _ => break,
            }
        }
        self.taken.insert(first, count);
        Some(first)
    }

    /// Gives back the run that begins at `first`.
    pub(super) fn give_back(&mut self, first: u64) {
        let known = self.taken.remove(&first);
        assert!(
            known.is_some(),
            "place {first} is given back that was not taken"
        );
    }

    /// The runs that were taken.
    pub(super) fn taken(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.taken.iter().map(|(first, count)| (*first, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::Places;

    #[test]
    fn take_skips_what_is_taken_and_keeps_alignment() {
        let mut places = Places::new(64, 4);
        assert_eq!(places.take(2, 1, 0..64), Some(4));
        assert_eq!(places.take(8, 8, 0..64), Some(8));
        assert_eq!(places.take(2, 1, 0..64), Some(6));
        assert_eq!(places.take(8, 8, 0..64), Some(16));
    }

    #[test]
    fn take_when_nothing_fits_takes_nothing() {
        let mut places = Places::new(16, 0);
        assert_eq!(places.take(16, 1, 0..16), Some(0));
        assert_eq!(places.take(1, 1, 0..16), None);
        places.give_back(0);
        assert_eq!(places.take(9, 1, 8..16), None);
        assert_eq!(places.take(8, 1, 8..16), Some(8));
    }
}
