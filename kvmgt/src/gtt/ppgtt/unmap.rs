// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What happens when memory of the guest goes away, or its meaning does.

use super::backing::Backing;
use super::key::{Key, Kind};
use super::Ppgtt;
use crate::address::Gfn;
use kernel::prelude::*;

impl Ppgtt {
    /// The guest's memory goes away from page `first` on, `count` pages of it: the client unmaps it
    /// for DMA, or a memory slot is removed. May sleep.
    ///
    /// All entries that lead there lead to scratch, and tables in there are dropped. If anything of
    /// it is pinned the TLBs are flushed, and what only these shadows had pinned is unpinned, before
    /// this returns. At the next submission all of it is looked at again.
    ///
    /// # Errors
    ///
    /// As [`Tlbs::flush`](super::Tlbs::flush): the pages stay pinned, and no entry leads there
    /// before a flush succeeds. The GPU has to be stopped by other means, and
    /// [`flushed`](Self::flushed) be told.
    pub fn forget_memory(&mut self, backing: &mut Backing<'_>, first: Gfn, count: u64) -> Result {
        let Some(more) = count.checked_sub(1) else {
            return Ok(());
        };
        self.begin_request();
        let last = Gfn(first.0.saturating_add(more));
        let mut from = Some(Key::first(first));
        while let Some(key) = self.tables.next_in(from, last) {
            from = key.after();
            if key.kind.is_guest_table() {
                self.empty(backing, key);
            }
        }
        if backing.pins.is_empty(first, last) {
            return Ok(());
        }
        let mut from = Some(Key::first(Gfn(0)));
        while let Some(key) = self.tables.next_in(from, Gfn(u64::MAX)) {
            from = key.after();
            if key.kind.is_leaf() {
                self.scratch_leaf(backing, key, |gfn| (first..=last).contains(&gfn));
            } else if key.kind == Kind::Pd {
                self.scratch_large(backing, key, first, last);
            }
        }
        // Even if no entry led there: a page may wait for a flush.
        let flushed = self.deferred.flush(backing);
        if flushed.is_err() {
            backing.pins.doom(first, last);
        }
        flushed
    }

    /// The guest has switched 64 KiB pages on or off (`GAMW_ECO`). What page directories lead to is
    /// made anew at the next submission.
    pub fn set_pages_64k(&mut self, backing: &mut Backing<'_>, enabled: bool) {
        if self.modes.pages_64k == enabled {
            return;
        }
        self.begin_request();
        let mut from = Some(Key::first(Gfn(0)));
        while let Some(key) = self.tables.next_in(from, Gfn(u64::MAX)) {
            from = key.after();
            if key.kind == Kind::Pd {
                self.empty(backing, key);
            }
        }
        self.modes.pages_64k = enabled;
    }
}
