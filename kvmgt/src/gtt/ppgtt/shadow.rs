// SPDX-License-Identifier: GPL-2.0 OR MIT
//! One shadow table.

use super::backing::ShadowPage;
use super::bits::Bits;
use super::key::{Key, Kind};
use super::sync::ENTRY_SIZE;
use super::{first_entry, ENTRIES};
use kernel::prelude::*;

/// How a change of the guest's table becomes known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    /// It was never read, or is to be read as if it never was.
    New,
    /// Writes are told: so many since it was last read.
    Tracked { writes: u32 },
    /// It is compared at each submission: unchanged so often in a row.
    Resync { calm: u32 },
}

/// A shadow of a guest's table, or a table of ours.
///
/// What an entry of the shadow leads to is not stored: it follows from the kept copy of the guest's
/// entry, and from whether the entry is `live`.
pub(super) struct Shadow {
    /// Where the GPU reads it.
    pub(super) page: ShadowPage,
    /// Entries of other shadows, and roots of address spaces, that lead here.
    pub(super) users: u32,
    /// The guest's entries as they were read last. Empty if there is no table of the guest.
    copy: KVVec<u64>,
    /// The shadow's entries that lead to a page or table. All others lead to scratch.
    pub(super) live: Bits,
    /// Those of them that map 2 MiB.
    pub(super) whole: Bits,
    /// Entries that lead to scratch since something failed, to be tried again.
    pub(super) failed: Bits,
    /// The guest's entries that are to be read.
    pub(super) stale: Bits,
    /// Entries that lead to a table that is not at rest.
    pub(super) below: Bits,
    /// How a change becomes known.
    pub(super) watch: Watch,
    /// The preparation that read it last.
    pub(super) serial: u64,
    /// Where trying again goes on.
    pub(super) retry_from: usize,
    /// The guest was told of what failed.
    pub(super) complained: bool,
}

impl Shadow {
    /// Memory for the copy of the guest's entries.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn copy_for(key: Key) -> Result<KVVec<u64>> {
        let count = if key.kind.is_guest_table() {
            ENTRIES
        } else {
            0
        };
        Ok(KVVec::from_elem(0, count, GFP_KERNEL_ACCOUNT)?)
    }

    /// A table whose entries are all scratch, and have to be made.
    pub(super) fn new(key: Key, page: ShadowPage, copy: KVVec<u64>) -> Self {
        let (stale, failed) = match key.kind {
            Kind::Split(_) => (Bits::NONE, Bits::ALL),
            _ => (Bits::ALL, Bits::NONE),
        };
        Self {
            page,
            users: 0,
            copy,
            live: Bits::NONE,
            whole: Bits::NONE,
            failed,
            stale,
            below: Bits::NONE,
            watch: Watch::New,
            serial: 0,
            retry_from: 0,
            complained: false,
        }
    }

    /// The guest's entry as it was read last.
    pub(super) fn entry(&self, index: usize) -> u64 {
        self.copy.get(index).copied().unwrap_or(0)
    }

    /// Whether the guest's entries from `first` on, as they are in `data`, are those that were read
    /// last.
    pub(super) fn has_entries(&self, first: usize, data: &[u8]) -> bool {
        let kept = self.copy.get(first..).unwrap_or_default();
        let new = data.chunks_exact(ENTRY_SIZE).map(first_entry);
        Iterator::zip(kept.iter(), new).all(|(kept, new)| *kept == new)
    }

    /// Keeps another entry of the guest; gives the one before.
    pub(super) fn keep(&mut self, index: usize, entry: u64) -> u64 {
        match self.copy.get_mut(index) {
            Some(kept) => core::mem::replace(kept, entry),
            None => 0,
        }
    }

    /// Whether a submission has to look at it.
    pub(super) fn is_restless(&self) -> bool {
        matches!(self.watch, Watch::Resync { .. })
            || !self.stale.is_empty()
            || !self.failed.is_empty()
            || !self.below.is_empty()
    }

    /// It was brought up to date. If all went well, the guest can be told again when it does not.
    pub(super) fn synced(&mut self) {
        self.complained &= !self.failed.is_empty() || !self.stale.is_empty();
    }

    /// Forgets what the guest has. All entries lead to scratch by now.
    pub(super) fn forget(&mut self) {
        self.copy.iter_mut().for_each(|entry| *entry = 0);
        self.live = Bits::NONE;
        self.whole = Bits::NONE;
        self.failed = Bits::NONE;
        self.below = Bits::NONE;
        self.stale = Bits::ALL;
    }
}
