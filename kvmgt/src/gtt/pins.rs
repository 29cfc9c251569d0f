// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The pages of a guest that are pinned, each once for however many entries map it.
//!
//! A page whose entry was replaced in a table that the GPU may still have in a TLB is *parked*: it
//! stays pinned until a flush that began later has ended. Parked pages are listed in runs; the list
//! is bounded, and whoever parks looks at [`Pins::is_crowded`].

use crate::address::{DmaAddress, Gfn};
use crate::guest::Guest;
use kernel::prelude::*;
use kernel::rbtree::{RBTree, RBTreeNodeReservation};

/// The most runs of parked pages that are listed.
pub const RUNS_MAX: usize = 1024;

/// A place in the order of flushes: what was parked at one is free after the flush that began there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(pub u64);

/// A pinned page.
struct Pin {
    address: DmaAddress,
    /// Entries that map it. None only while it is parked.
    users: u32,
    /// When an entry that led here was last taken away, if a TLB may still have it.
    parked: Option<Stamp>,
    /// The guest's memory went away here, and the page could not be unpinned yet: nobody takes it.
    doomed: bool,
}

/// Pages that were parked one after the other.
#[derive(Clone, Copy)]
struct Run {
    first: Gfn,
    count: u64,
    stamp: Stamp,
}

/// The pinned pages of one guest.
pub struct Pins {
    pages: RBTree<Gfn, Pin>,
    /// Oldest first.
    parked: KVVec<Run>,
    /// Pages are parked that are not listed: there was no room.
    unlisted: bool,
}

impl Pins {
    /// None yet.
    pub fn new() -> Self {
        Self {
            pages: RBTree::new(),
            parked: KVVec::new(),
            unlisted: false,
        }
    }

    /// Has a page pinned for one more user.
    ///
    /// # Errors
    ///
    /// As [`Guest::pin`]; `ENOMEM`; `EOVERFLOW` nobody can have so many entries; `EAGAIN` it is
    /// [doomed](Self::doom).
    pub fn take(&mut self, guest: &mut dyn Guest, gfn: Gfn) -> Result<DmaAddress> {
        if let Some(pin) = self.pages.get_mut(&gfn) {
            if pin.doomed {
                return Err(EAGAIN);
            }
            pin.users = pin.users.checked_add(1).ok_or(EOVERFLOW)?;
            return Ok(pin.address);
        }
        // Before the page is pinned, so that nothing can fail behind that. The guest decides how
        // many there are: they are on its account.
        let node = RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?;
        let address = guest.pin(gfn)?;
        let pin = Pin {
            address,
            users: 1,
            parked: None,
            doomed: false,
        };
        self.pages.insert(node.into_node(gfn, pin));
        Ok(address)
    }

    /// One user less; the last one unpins the page, unless it is parked. The entry that led there
    /// is gone by now, and flushed.
    pub fn give_back(&mut self, guest: &mut dyn Guest, gfn: Gfn) {
        let Some(pin) = self.pages.get_mut(&gfn) else {
            return;
        };
        pin.users = pin.users.saturating_sub(1);
        if pin.users == 0 && pin.parked.is_none() {
            self.remove(guest, gfn);
        }
    }

    /// One user less, whose entry is gone but may still be in a TLB: the page stays pinned until
    /// [`flushed`](Self::flushed) is told of a flush that began at `stamp` or later.
    pub fn park(&mut self, gfn: Gfn, stamp: Stamp) {
        let Some(pin) = self.pages.get_mut(&gfn) else {
            return;
        };
        pin.users = pin.users.saturating_sub(1);
        pin.parked = Some(stamp);
        if let Some(run) = self.parked.last_mut() {
            let at = gfn.0.checked_sub(run.first.0);
            if run.stamp == stamp && at.is_some_and(|at| at <= run.count) {
                if at == Some(run.count) {
                    run.count = run.count.saturating_add(1);
                }
                return;
            }
        }
        let run = Run {
            first: gfn,
            count: 1,
            stamp,
        };
        let full = self.parked.len() >= RUNS_MAX;
        self.unlisted |= full || self.parked.push(run, GFP_KERNEL_ACCOUNT).is_err();
    }

    /// Whether anything is parked.
    pub fn has_parked(&self) -> bool {
        self.unlisted || !self.parked.is_empty()
    }

    /// Whether the list of parked pages is full: it is time to flush.
    pub fn is_crowded(&self) -> bool {
        self.unlisted || self.parked.len() >= RUNS_MAX
    }

    /// No TLB has an entry any more that was gone at `stamp`: pages that were parked by then and
    /// have no user are unpinned.
    pub fn flushed(&mut self, guest: &mut dyn Guest, stamp: Stamp) {
        let done = self.parked.iter().take_while(|run| run.stamp <= stamp);
        let done = done.count();
        for index in 0..done {
            let Some(run) = self.parked.get(index).copied() else {
                break;
            };
            for gfn in run.first.0..run.first.0.saturating_add(run.count) {
                self.settle(guest, Gfn(gfn), stamp);
            }
        }
        self.parked.copy_within(done.., 0);
        let rest = self.parked.len().saturating_sub(done);
        self.parked.truncate(rest);
        if core::mem::take(&mut self.unlisted) {
            let mut from = Gfn(0);
            while let Some(gfn) = self.next(from, Gfn(u64::MAX)) {
                self.unlisted |= self.settle(guest, gfn, stamp);
                from = Gfn(gfn.0.saturating_add(1));
            }
        }
    }

    /// The guest's memory went away between `first` and `last`, both included, and the TLBs could
    /// not be flushed: pages that are parked there are not taken again before they are.
    pub fn doom(&mut self, first: Gfn, last: Gfn) {
        let mut from = first;
        while let Some(gfn) = self.next(from, last) {
            if let Some(pin) = self.pages.get_mut(&gfn) {
                pin.doomed = pin.parked.is_some();
            }
            match gfn.0.checked_add(1) {
                Some(next) => from = Gfn(next),
                None => return,
            }
        }
    }

    /// Ends the parking of a page, if it began by `stamp`. Gives whether it is parked still.
    fn settle(&mut self, guest: &mut dyn Guest, gfn: Gfn, stamp: Stamp) -> bool {
        let Some(pin) = self.pages.get_mut(&gfn) else {
            return false;
        };
        match pin.parked {
            None => return false,
            Some(since) if since > stamp => return true,
            Some(_) => {
                pin.parked = None;
                pin.doomed = false;
            }
        }
        if pin.users == 0 {
            self.remove(guest, gfn);
        }
        false
    }

    fn remove(&mut self, guest: &mut dyn Guest, gfn: Gfn) {
        if let Some(pin) = self.pages.remove(&gfn) {
            guest.unpin(gfn, pin.address);
        }
    }

    /// Whether no page between `first` and `last`, both included, is pinned.
    pub fn is_empty(&self, first: Gfn, last: Gfn) -> bool {
        self.next(first, last).is_none()
    }

    /// Unpins all pages between `first` and `last`, both included. No entry leads there by now.
    pub fn unpin(&mut self, guest: &mut dyn Guest, first: Gfn, last: Gfn) {
        while let Some(gfn) = self.next(first, last) {
            self.remove(guest, gfn);
        }
    }

    /// The first pinned page of a range.
    fn next(&self, first: Gfn, last: Gfn) -> Option<Gfn> {
        let cursor = self.pages.cursor_lower_bound(&first)?;
        let (gfn, _) = cursor.current();
        (*gfn <= last).then_some(*gfn)
    }
}

impl Default for Pins {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
