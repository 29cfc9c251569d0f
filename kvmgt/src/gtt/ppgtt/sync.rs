// SPDX-License-Identifier: GPL-2.0 OR MIT
//! How a change of the guest's tables becomes known, and reaches the shadows.
//!
//! Nothing that is told of a write is believed but its place: the entries that it touches are read
//! at the next submission. So a write may have any size and place, and may be one half of an entry
//! whose other half comes later.

use super::backing::{Backing, PageTracker};
use super::bits::Bits;
use super::directory::{child, Child};
use super::key::Key;
use super::shadow::{Shadow, Watch};
use super::{complain_of_table, Ppgtt, COOL_SYNCS, ENTRIES, HOT_WRITES};
use crate::address::{Gfn, PAGE_SHIFT};
use core::ops::Range;

/// log2 of the bytes of an entry.
const ENTRY_SHIFT: u32 = 3;
/// Bytes of an entry.
pub(super) const ENTRY_SIZE: usize = 1 << ENTRY_SHIFT;

impl Ppgtt {
    /// The guest has written `size` bytes from byte `offset` of a page on. Does not sleep.
    ///
    /// What is not the page of a table is ignored. A table that is written often stops being
    /// watched; see [`HOT_WRITES`].
    pub fn written(&mut self, tracker: &mut dyn PageTracker, gfn: Gfn, offset: u64, size: u64) {
        let start = (gfn.0 << PAGE_SHIFT).saturating_add(offset);
        let last = start.saturating_add(size.saturating_sub(1));
        let last_gfn = Gfn(last >> PAGE_SHIFT);
        let mut from = Some(Key::first(Gfn(start >> PAGE_SHIFT)));
        while let Some(key) = self.tables.next_in(from, last_gfn) {
            from = key.after();
            let page = key.gfn.0 << PAGE_SHIFT;
            let first = start.saturating_sub(page) >> ENTRY_SHIFT;
            let end = (last.saturating_sub(page) >> ENTRY_SHIFT).saturating_add(1);
            self.mark(tracker, key, first, end);
        }
    }

    /// Entries `first` to before `end` of a table are to be read, if it is watched. If not, all of
    /// them will be anyway.
    fn mark(&mut self, tracker: &mut dyn PageTracker, key: Key, first: u64, end: u64) {
        let Some(shadow) = self.tables.get_mut(&key) else {
            return;
        };
        let Watch::Tracked { writes } = &mut shadow.watch else {
            return;
        };
        self.counters.notified = self.counters.notified.saturating_add(1);
        *writes = writes.saturating_add(1);
        let is_hot = *writes >= HOT_WRITES;
        let was_restless = shadow.is_restless();
        for index in first..end.min(ENTRIES as u64) {
            shadow.stale.put(index as usize, true);
        }
        if is_hot {
            let watch = core::mem::replace(&mut shadow.watch, Watch::Resync { calm: 0 });
            self.counters.heated = self.counters.heated.saturating_add(1);
            self.untrack(tracker, key.gfn, watch);
        }
        if !was_restless {
            self.tables.disturb(key);
        }
    }

    /// Brings a shadow and all that it leads to up to date, once in a preparation. Gives whether a
    /// later one has to look at it again.
    ///
    /// It goes down four levels at most.
    pub(super) fn visit(&mut self, backing: &mut Backing<'_>, key: Key) -> bool {
        let serial = self.serial;
        match self.tables.get_mut(&key) {
            Some(shadow) if shadow.is_restless() && shadow.serial != serial => {
                shadow.serial = serial;
            }
            shadow => return shadow.is_some_and(|shadow| shadow.is_restless()),
        }
        let read = self.read(backing, key);
        if key.kind.is_leaf() {
            self.sync_leaf(backing, key, read);
        } else {
            self.sync_directory(backing, key, read);
            self.descend(backing, key);
        }
        self.tables.get(&key).is_some_and(Shadow::is_restless)
    }

    /// Visits what a directory leads to that is not at rest.
    fn descend(&mut self, backing: &mut Backing<'_>, key: Key) {
        let mut from = 0;
        while let Some(shadow) = self.tables.get(&key) {
            let Some(index) = shadow.below.next(from) else {
                return;
            };
            from = index.saturating_add(1);
            let restless = match child(shadow, key, index, self.modes) {
                Child::Table(child) => self.visit(backing, child),
                _ => false,
            };
            if let Some(shadow) = self.tables.get_mut(&key) {
                shadow.below.put(index, restless);
            }
        }
    }

    /// Reads the entries of the guest's table that may have changed into the buffer; gives which.
    /// If they can't be read, all that the shadow has becomes scratch.
    fn read(&mut self, backing: &mut Backing<'_>, key: Key) -> Range<usize> {
        const NOTHING: Range<usize> = 0..0;
        if !key.kind.is_guest_table() {
            return NOTHING;
        }
        let range = self.choose(backing, key);
        let bytes = range.start.saturating_mul(ENTRY_SIZE)..range.end.saturating_mul(ENTRY_SIZE);
        let offset = bytes.start;
        let Some(data) = self.buffer.get_mut(bytes).filter(|data| !data.is_empty()) else {
            return NOTHING;
        };
        self.counters.read = self.counters.read.saturating_add(range.len() as u64);
        if let Err(error) = backing.memory.read(key.gfn, offset, data) {
            if let Some(shadow) = self.tables.get_mut(&key) {
                complain_of_table(backing, shadow, key, error);
            }
            self.empty(backing, key);
            return NOTHING;
        }
        let Some(shadow) = self.tables.get_mut(&key) else {
            return NOTHING;
        };
        shadow.stale = Bits::NONE;
        if let Watch::Resync { calm } = &mut shadow.watch {
            *calm = calm.saturating_add(1);
            if shadow.has_entries(range.start, data) {
                return NOTHING;
            }
            shadow.watch = Watch::Resync { calm: 0 };
        }
        range
    }

    /// Which entries of the guest's table may have changed. From now on further changes are known.
    fn choose(&mut self, backing: &mut Backing<'_>, key: Key) -> Range<usize> {
        let Some(shadow) = self.tables.get_mut(&key) else {
            return 0..0;
        };
        match &mut shadow.watch {
            Watch::Tracked { writes } => {
                *writes = 0;
                let first = shadow.stale.next(0);
                let last = shadow.stale.last();
                return match (first, last) {
                    (Some(first), Some(last)) => first..last.saturating_add(1),
                    _ => 0..0,
                };
            }
            Watch::Resync { calm } if *calm < COOL_SYNCS => {}
            _ => {
                // Before it is read, so that no write is missed in between.
                let watch = self.track(backing.tracker, key.gfn);
                if let Some(shadow) = self.tables.get_mut(&key) {
                    shadow.watch = watch;
                }
            }
        }
        0..ENTRIES
    }

    /// Has writes to the page of a table told, if that is possible.
    fn track(&mut self, tracker: &mut dyn PageTracker, gfn: Gfn) -> Watch {
        if self.tables.is_tracked(gfn) || tracker.start(gfn).is_ok() {
            return Watch::Tracked { writes: 0 };
        }
        Watch::Resync { calm: 0 }
    }

    /// A table was watched like this, and is no more.
    pub(super) fn untrack(&mut self, tracker: &mut dyn PageTracker, gfn: Gfn, was: Watch) {
        if matches!(was, Watch::Tracked { .. }) && !self.tables.is_tracked(gfn) {
            tracker.stop(gfn);
        }
    }
}
