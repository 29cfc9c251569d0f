// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The entries of a range as the client wrote them.
//!
//! They are kept in chunks. One whose entries are all the same, as they are where a client maps
//! nothing and where its guest maps one page all over, is that one value; it takes memory from the
//! first write on that makes an entry differ, until the last entry of the chunk was written and all
//! are the same again, or none leads elsewhere than to the scratch page.

use iface::types::PTE_PRESENT;
use kernel::prelude::*;

/// Entries of a chunk: a page of them.
const CHUNK: usize = 512;
/// Entries that are shown at a time if all are the same: they are on the stack.
const RUN: usize = 32;

/// Entries that follow each other.
enum Chunk {
    /// All are this one.
    Same(u64),
    /// Each is its own.
    Each(Each),
}

struct Each {
    entries: KVec<u64>,
    /// How many are not the scratch page's.
    mapped: usize,
}

/// Memory for chunks, allocated where that may sleep.
pub(super) enum Spare {
    /// None was needed yet.
    None,
    /// For so many.
    Chunks(KVec<KVec<u64>>),
    /// There is none to be had.
    Starved,
}

impl Spare {
    /// For how many chunks it is.
    fn len(&self) -> usize {
        match self {
            Self::Chunks(chunks) => chunks.len(),
            Self::None | Self::Starved => 0,
        }
    }

    fn take(&mut self) -> Option<KVec<u64>> {
        match self {
            Self::Chunks(chunks) => chunks.pop(),
            Self::None | Self::Starved => None,
        }
    }

    /// Allocates memory for `count` chunks. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new(count: usize) -> Result<Self> {
        // Guests decide how many there are, by what they map: they are on their account.
        let mut chunks = KVec::with_capacity(count, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..count {
            let chunk = KVec::from_elem(0, CHUNK, GFP_KERNEL_ACCOUNT)?;
            chunks.push(chunk, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(Self::Chunks(chunks))
    }
}

/// The entries of a range.
pub(super) struct Kept {
    chunks: KVVec<Chunk>,
    scratch: u64,
    count: usize,
}

impl Kept {
    /// So many entries, all of them `scratch`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new(count: usize, scratch: u64) -> Result<Self> {
        let number = count.div_ceil(CHUNK);
        let mut chunks = KVVec::with_capacity(number, GFP_KERNEL)?;
        for _ in 0..number {
            chunks.push(Chunk::Same(scratch), GFP_KERNEL)?;
        }
        Ok(Self {
            chunks,
            scratch,
            count,
        })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Keeps entries from number `first` on, and calls `show` with what they became, in pieces, each
    /// with the number of its first. Allocates nothing.
    ///
    /// Gives for how many chunks there must be memory to spare. If it is not 0 that is more than
    /// there is, and nothing was done. If that is [`Spare::Starved`], all of a chunk may become
    /// entries to the scratch page: that can always be kept.
    ///
    /// # Errors
    ///
    /// `ERANGE` beyond the last.
    pub(super) fn write(
        &mut self,
        first: usize,
        entries: &[u64],
        spare: &mut Spare,
        mut show: impl FnMut(usize, &[u64]),
    ) -> Result<usize> {
        let end = first.checked_add(entries.len()).ok_or(ERANGE)?;
        if end > self.count {
            return Err(ERANGE);
        }
        if let [entry] = entries {
            // Most writes are like this: for speed.
            let chunk = self.chunks.get_mut(first / CHUNK);
            if let Some(chunk @ Chunk::Each(_)) = chunk {
                chunk.put(first, *entry, self.scratch, &mut show);
                return Ok(0);
            }
        }
        Ok(self.write_pieces(first, entries, spare, &mut show))
    }

    /// [`write`](Self::write) of any entries; not inlined there, for speed.
    #[inline(never)]
    fn write_pieces(
        &mut self,
        first: usize,
        entries: &[u64],
        spare: &mut Spare,
        show: &mut impl FnMut(usize, &[u64]),
    ) -> usize {
        let lacking = self.lacks(first, entries);
        if lacking > spare.len() && !matches!(spare, Spare::Starved) {
            return lacking;
        }
        let (count, scratch) = (self.count, self.scratch);
        for piece in pieces(first, entries) {
            let Some(chunk) = self.chunks.get_mut(piece.chunk) else {
                break;
            };
            if let Chunk::Same(same) = *chunk {
                if lacking == 0 || piece.is_all(same, scratch) {
                    show_same(piece.first, piece.entries.len(), same, show);
                    continue;
                }
                let Some(entries) = spare.take() else {
                    *chunk = Chunk::Same(scratch);
                    let start = piece.first.saturating_sub(piece.offset);
                    let rest = count.saturating_sub(start);
                    show_same(start, rest.min(CHUNK), scratch, show);
                    continue;
                };
                *chunk = Chunk::Each(Each::new(entries, same, scratch));
            }
            chunk.write(&piece, scratch, show);
        }
        0
    }

    /// For how many chunks [`write`](Self::write) of the same needs memory.
    fn lacks(&self, first: usize, entries: &[u64]) -> usize {
        let lacking = pieces(first, entries).filter(|piece| match self.chunks.get(piece.chunk) {
            Some(Chunk::Same(same)) => !piece.is_all(*same, self.scratch),
            _ => false,
        });
        lacking.count()
    }

    /// Calls `show` with all entries in pieces, each with the number of its first.
    pub(super) fn for_each(&self, mut show: impl FnMut(usize, &[u64])) {
        let mut first = 0;
        for chunk in &self.chunks {
            let count = self.count.saturating_sub(first).min(CHUNK);
            match chunk {
                Chunk::Same(same) => show_same(first, count, *same, &mut show),
                Chunk::Each(each) => show(first, each.entries.get(..count).unwrap_or_default()),
            }
            first = first.saturating_add(CHUNK);
        }
    }

    /// Makes all lead to the scratch page.
    pub(super) fn clear(&mut self) {
        for chunk in &mut self.chunks {
            *chunk = Chunk::Same(self.scratch);
        }
    }
}

impl Chunk {
    /// Puts entries in the places of others, and shows what they became. It has memory.
    fn write(&mut self, piece: &Piece<'_>, scratch: u64, show: &mut impl FnMut(usize, &[u64])) {
        let Self::Each(each) = self else {
            return;
        };
        let end = piece.offset.saturating_add(piece.entries.len());
        for (offset, entry) in (piece.offset..end).zip(piece.entries) {
            each.put(offset, *entry, scratch);
        }
        let entries = each.entries.get(piece.offset..end);
        show(piece.first, entries.unwrap_or_default());
        if let Some(same) = each.same(end, scratch) {
            *self = Self::Same(same);
        }
    }

    /// The same for the one entry of that number.
    fn put(
        &mut self,
        index: usize,
        entry: u64,
        scratch: u64,
        show: &mut impl FnMut(usize, &[u64]),
    ) {
        let Self::Each(each) = self else {
            return;
        };
        let offset = index % CHUNK;
        show(index, &[each.put(offset, entry, scratch)]);
        if let Some(same) = each.same(offset.saturating_add(1), scratch) {
            *self = Self::Same(same);
        }
    }
}

impl Each {
    /// Entries that are all `same`.
    fn new(mut entries: KVec<u64>, same: u64, scratch: u64) -> Self {
        entries.fill(same);
        let mapped = if same == scratch { 0 } else { CHUNK };
        Self { entries, mapped }
    }

    /// Puts an entry in the place of another, and gives what it became.
    #[inline]
    fn put(&mut self, offset: usize, entry: u64, scratch: u64) -> u64 {
        let entry = lead(entry, scratch);
        if let Some(place) = self.entries.get_mut(offset) {
            let mapped = self.mapped.saturating_add(usize::from(entry != scratch));
            self.mapped = mapped.saturating_sub(usize::from(*place != scratch));
            *place = entry;
        }
        entry
    }

    /// What all are, if they are all the same; that is looked for when those in front of `end` were
    /// put there, for it may be so when none is mapped, or at the end of the chunk.
    #[inline]
    fn same(&self, end: usize, scratch: u64) -> Option<u64> {
        if self.mapped == 0 {
            return Some(scratch);
        }
        if end != CHUNK {
            return None;
        }
        let last = self.entries.last().copied()?;
        let mut entries = self.entries.iter();
        entries.all(|entry| *entry == last).then_some(last)
    }
}

/// Entries that are in one chunk.
struct Piece<'a> {
    /// The chunk's number.
    chunk: usize,
    /// The place in it of the first.
    offset: usize,
    /// The number of the first in the range.
    first: usize,
    entries: &'a [u64],
}

impl Piece<'_> {
    /// Whether they all become `same`.
    fn is_all(&self, same: u64, scratch: u64) -> bool {
        let mut entries = self.entries.iter();
        entries.all(|entry| lead(*entry, scratch) == same)
    }
}

/// Entries from number `first` on, chunk by chunk.
fn pieces(first: usize, entries: &[u64]) -> impl Iterator<Item = Piece<'_>> {
    let (mut first, mut rest) = (first, entries);
    core::iter::from_fn(move || {
        let offset = first % CHUNK;
        let count = rest.len().min(CHUNK - offset);
        let (entries, behind) = rest.split_at_checked(count)?;
        let piece = Piece {
            chunk: first / CHUNK,
            offset,
            first,
            entries,
        };
        first = first.saturating_add(count);
        rest = behind;
        (count > 0).then_some(piece)
    })
}

/// What an entry becomes: without the bit that makes it one it is the scratch page's.
fn lead(entry: u64, scratch: u64) -> u64 {
    if entry & PTE_PRESENT != 0 {
        entry
    } else {
        scratch
    }
}

/// Calls `show` with `count` entries that are all `same`.
fn show_same(first: usize, count: usize, same: u64, show: &mut impl FnMut(usize, &[u64])) {
    let run = [same; RUN];
    for start in (0..count).step_by(RUN) {
        let rest = count.saturating_sub(start).min(RUN);
        let entries = run.get(..rest).unwrap_or_default();
        show(first.saturating_add(start), entries);
    }
}

#[cfg(test)]
mod tests;
