// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A fixed number of places, and handles that go stale when a place is emptied.
//!
//! The places are made when a client comes and go with it: they are filled where nothing may be
//! allocated, and are too many for a stack.

use kernel::prelude::*;

/// A number that names what is in a slot; never 0.
///
/// The high half counts what was ever put into the slots, so that a handle of something that is gone
/// finds nothing, nor does one of an earlier client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handle(u64);

impl Handle {
    fn new(index: usize, generation: u32) -> Self {
        Self(u64::from(generation) << 32 | index as u64)
    }

    /// The handle of a number that came from outside.
    pub(crate) const fn from_raw(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub(crate) const fn raw(self) -> u64 {
        self.0
    }

    fn index(self) -> usize {
        self.0 as u32 as usize
    }

    fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

struct Slot<T> {
    generation: u32,
    content: Option<T>,
}

/// Empty places that nothing can be put into yet.
pub(crate) struct Places<T>(KVec<Slot<T>>);

impl<T> Places<T> {
    fn new(count: usize) -> Result<Self> {
        let mut slots = KVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            let slot = Slot {
                generation: 0,
                content: None,
            };
            slots.push(slot, GFP_KERNEL)?;
        }
        Ok(Self(slots))
    }
}

/// `N` places for a `T`, once they are [there](Slots::furnish).
pub(crate) struct Slots<T, const N: usize> {
    slots: KVec<Slot<T>>,
    /// What was put in last has this generation.
    generation: u32,
}

impl<T, const N: usize> Slots<T, N> {
    /// No places.
    pub(crate) const fn new() -> Self {
        Self {
            slots: KVec::new(),
            generation: 0,
        }
    }

    /// Makes places, to be put there where nothing may be allocated.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn places() -> Result<Places<T>> {
        Places::new(N)
    }

    /// Replaces the places, and what is in them; gives the old ones.
    pub(crate) fn furnish(&mut self, places: Places<T>) -> Places<T> {
        Places(core::mem::replace(&mut self.slots, places.0))
    }

    /// Takes the places away, and what is in them.
    pub(crate) fn strip(&mut self) -> Places<T> {
        self.furnish(Places(KVec::new()))
    }

    /// Fills a place, or gives the content back if there is none.
    pub(crate) fn insert(&mut self, content: T) -> Result<Handle, T> {
        match self
            .slots
            .iter_mut()
            .enumerate()
            .find(|(_, slot)| slot.content.is_none())
        {
            Some((index, slot)) => {
                // 0 is never a generation, so 0 is never a handle.
                self.generation = self.generation.wrapping_add(1).max(1);
                slot.generation = self.generation;
                slot.content = Some(content);
                Ok(Handle::new(index, slot.generation))
            }
            None => Err(content),
        }
    }

    fn slot(&mut self, handle: Handle) -> Option<&mut Slot<T>> {
        self.slots
            .get_mut(handle.index())
            .filter(|slot| slot.generation == handle.generation())
    }

    /// What the handle names.
    pub(crate) fn get_mut(&mut self, handle: Handle) -> Option<&mut T> {
        self.slot(handle)?.content.as_mut()
    }

    /// Empties the place that the handle names.
    pub(crate) fn take(&mut self, handle: Handle) -> Option<T> {
        self.slot(handle)?.content.take()
    }

    /// Empties some place that is filled.
    pub(crate) fn take_any(&mut self) -> Option<T> {
        self.slots.iter_mut().find_map(|slot| slot.content.take())
    }

    /// All that is there.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots
            .iter_mut()
            .filter_map(|slot| slot.content.as_mut())
    }
}

#[cfg(test)]
mod tests {
    use super::{Handle, Slots};

    fn slots<const N: usize>() -> Slots<u8, N> {
        let mut slots = Slots::new();
        slots.furnish(Slots::<u8, N>::places().unwrap());
        slots
    }

    #[test]
    fn insert_beyond_the_last_slot_gives_the_content_back() {
        let mut slots = slots::<2>();
        slots.insert(1).unwrap();
        slots.insert(2).unwrap();
        assert_eq!(slots.insert(3), Err(3));
    }

    #[test]
    fn handle_of_taken_content_finds_nothing_even_when_refilled() {
        let mut slots = slots::<1>();
        let old = slots.insert(1).unwrap();
        slots.take(old);
        let new = slots.insert(2).unwrap();
        assert_eq!(slots.get_mut(old), None);
        assert_eq!(slots.take(old), None);
        assert_eq!(slots.get_mut(new), Some(&mut 2));
    }

    #[test]
    fn handle_of_earlier_places_finds_nothing_in_new_ones() {
        let mut slots = slots::<1>();
        let old = slots.insert(1).unwrap();
        drop(slots.strip());
        assert_eq!(slots.insert(2), Err(2));
        drop(slots.furnish(Slots::<u8, 1>::places().unwrap()));
        let new = slots.insert(3).unwrap();
        assert_eq!(slots.get_mut(old), None);
        assert_eq!(slots.get_mut(new), Some(&mut 3));
    }

    #[test]
    fn handles_that_were_never_given_find_nothing() {
        let mut slots = slots::<4>();
        let right = slots.insert(1).unwrap();
        for number in [0, 1, 4, u64::MAX, right.raw() + 1, 1 << 32 | 99] {
            assert_eq!(slots.get_mut(Handle::from_raw(number)), None, "{number:#x}");
        }
    }
}
