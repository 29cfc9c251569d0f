// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A fixed number of places, and handles that go stale when a place is emptied.

/// A number that names what is in a slot; never 0.
///
/// The high half counts how often the slot was filled, so that a handle of something that is gone
/// finds nothing.
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

/// `N` places for a `T`.
pub(crate) struct Slots<T, const N: usize> {
    slots: [Slot<T>; N],
}

impl<T, const N: usize> Slots<T, N> {
    pub(crate) fn new() -> Self {
        Self {
            slots: [const {
                Slot {
                    generation: 0,
                    content: None,
                }
            }; N],
        }
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
                slot.generation = slot.generation.wrapping_add(1).max(1);
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

    #[test]
    fn insert_beyond_the_last_slot_gives_the_content_back() {
        let mut slots: Slots<u8, 2> = Slots::new();
        slots.insert(1).unwrap();
        slots.insert(2).unwrap();
        assert_eq!(slots.insert(3), Err(3));
    }

    #[test]
    fn handle_of_taken_content_finds_nothing_even_when_refilled() {
        let mut slots: Slots<u8, 1> = Slots::new();
        let old = slots.insert(1).unwrap();
        slots.take(old);
        let new = slots.insert(2).unwrap();
        assert_eq!(slots.get_mut(old), None);
        assert_eq!(slots.take(old), None);
        assert_eq!(slots.get_mut(new), Some(&mut 2));
    }

    #[test]
    fn handles_that_were_never_given_find_nothing() {
        let mut slots: Slots<u8, 4> = Slots::new();
        let right = slots.insert(1).unwrap();
        for number in [0, 1, 4, u64::MAX, right.raw() + 1, 1 << 32 | 99] {
            assert_eq!(slots.get_mut(Handle::from_raw(number)), None, "{number:#x}");
        }
    }
}
