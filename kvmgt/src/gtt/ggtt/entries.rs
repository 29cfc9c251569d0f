// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The entries of a range as the guest wrote them.
//!
//! They are kept in chunks. One whose entries are all the same, as they are after a reset and where
//! the guest's driver has cleared them, is that one value; it takes memory from the first write on
//! that makes an entry differ. Drivers clear upwards, so when the last entry of a chunk was written
//! it is looked whether all are the same again, and then the memory is given back.

use crate::gtt::entry::GuestEntry;
use kernel::prelude::*;

/// Entries of a chunk: a page of them.
const CHUNK: usize = 512;

/// Entries that follow each other.
enum Chunk {
    /// All are this one.
    Same(GuestEntry),
    /// Each is as it is here.
    Each(KVec<GuestEntry>),
}

/// The entries of a range.
pub(super) struct Entries {
    chunks: KVVec<Chunk>,
}

impl Entries {
    /// At least `count` that nobody wrote.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new(count: usize) -> Result<Self> {
        let count = count.div_ceil(CHUNK);
        let mut chunks = KVVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            chunks.push(Chunk::Same(GuestEntry::NONE), GFP_KERNEL)?;
        }
        Ok(Self { chunks })
    }

    /// The entry of that number; behind the end, one that nobody wrote.
    pub(super) fn get(&self, index: usize) -> GuestEntry {
        let entry = match self.chunks.get(index / CHUNK) {
            Some(Chunk::Same(entry)) => Some(entry),
            Some(Chunk::Each(entries)) => entries.get(index % CHUNK),
            None => None,
        };
        entry.copied().unwrap_or(GuestEntry::NONE)
    }

    /// The place for an entry of that number, which stays as it is until the new one is
    /// [put](Place::put) there.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EINVAL` it is behind the end.
    pub(super) fn place(&mut self, index: usize, entry: GuestEntry) -> Result<Place<'_>> {
        let chunk = self.chunks.get_mut(index / CHUNK).ok_or(EINVAL)?;
        match *chunk {
            Chunk::Same(same) if same != entry => {
                // The guest decides how many there are: they are on its account.
                *chunk = Chunk::Each(KVec::from_elem(same, CHUNK, GFP_KERNEL_ACCOUNT)?);
            }
            _ => {}
        }
        Ok(Place {
            chunk,
            index: index % CHUNK,
            entry,
        })
    }

    /// Forgets what was written.
    pub(super) fn clear(&mut self) {
        for chunk in &mut self.chunks {
            *chunk = Chunk::Same(GuestEntry::NONE);
        }
    }
}

/// Where an entry goes: nothing can fail from here on.
pub(super) struct Place<'a> {
    /// It has room for the entry, or all of its entries are that one already.
    chunk: &'a mut Chunk,
    index: usize,
    entry: GuestEntry,
}

impl Place<'_> {
    /// Puts the entry there. Gives the one that was there before.
    pub(super) fn put(self) -> GuestEntry {
        let Chunk::Each(entries) = self.chunk else {
            return self.entry;
        };
        let Some(slot) = entries.get_mut(self.index) else {
            return GuestEntry::NONE;
        };
        let old = core::mem::replace(slot, self.entry);
        let is_last = self.index == CHUNK - 1;
        if is_last && entries.iter().all(|entry| *entry == self.entry) {
            *self.chunk = Chunk::Same(self.entry);
        }
        old
    }
}

#[cfg(test)]
mod tests;
