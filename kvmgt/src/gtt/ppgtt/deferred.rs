// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What waits until the TLBs are flushed: pages to unpin, and pages of shadows to free.

use super::backing::{Backing, ShadowPage};
use super::entry::{PageBits, ShadowEntry};
use crate::address::{DmaAddress, Gfn};
use crate::gtt::pins::Stamp;
#[cfg(feature = "mutants")]
use crate::mutant::{self, Mutant};
use kernel::prelude::*;

/// A page of a shadow that nothing leads to any more.
#[derive(Clone, Copy)]
struct Retired {
    page: ShadowPage,
    stamp: Stamp,
}

/// What waits for a flush.
pub(super) struct Deferred {
    /// Oldest first.
    retired: KVVec<Retired>,
    /// What is let go now is free after a flush that begins from now on.
    now: Stamp,
    /// The last change of an entry was then, if there was one that no flush has followed.
    changed: Option<Stamp>,
    /// A flush failed: none is tried again within the request.
    pub(super) stuck: bool,
}

impl Deferred {
    pub(super) fn new() -> Self {
        Self {
            retired: KVVec::new(),
            now: Stamp(0),
            changed: None,
            stuck: false,
        }
    }

    /// How many pages of shadows wait.
    pub(super) fn len(&self) -> usize {
        self.retired.len()
    }

    /// Makes room for all that can be retired, if there are so many pages of shadows.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn reserve(&mut self, pages: usize) -> Result {
        Ok(self.retired.reserve(pages, GFP_KERNEL_ACCOUNT)?)
    }

    /// An entry was changed.
    pub(super) fn changed(&mut self) {
        self.changed = Some(self.now);
    }

    /// Whether an entry was changed that no flush has followed.
    pub(super) fn is_due(&self) -> bool {
        self.changed.is_some()
    }

    /// A flush begins: gives what to say when it has ended.
    pub(super) fn begin(&mut self) -> Stamp {
        let stamp = self.now;
        self.now = Stamp(stamp.0.saturating_add(1));
        stamp
    }

    /// A flush has ended that began at `stamp`.
    pub(super) fn ended(&mut self, backing: &mut Backing<'_>, stamp: Stamp) {
        if self.changed.is_some_and(|changed| changed <= stamp) {
            self.changed = None;
        }
        backing.pins.flushed(backing.guest, stamp);
        let mut done: usize = 0;
        for retired in &self.retired {
            if retired.stamp > stamp {
                break;
            }
            backing.shadow.free(retired.page);
            done = done.saturating_add(1);
        }
        self.retired.copy_within(done.., 0);
        let rest = self.retired.len().saturating_sub(done);
        self.retired.truncate(rest);
    }

    /// Flushes, and lets go of all that waits.
    ///
    /// # Errors
    ///
    /// As [`Tlbs::flush`](super::Tlbs::flush); then all of it waits on.
    pub(super) fn flush(&mut self, backing: &mut Backing<'_>) -> Result {
        let stamp = self.begin();
        if let Err(error) = backing.tlbs.flush() {
            self.stuck = true;
            return Err(error);
        }
        self.ended(backing, stamp);
        Ok(())
    }

    /// Flushes if anything waits. Gives whether it did.
    pub(super) fn relieve(&mut self, backing: &mut Backing<'_>) -> bool {
        let waits = !self.retired.is_empty() || backing.pins.has_parked();
        // If it fails all waits on, which is all that there is to do about it here.
        waits && !self.stuck && self.flush(backing).is_ok()
    }

    /// A page of the guest is mapped by one entry less; that one leads elsewhere by now.
    pub(super) fn let_go(&mut self, backing: &mut Backing<'_>, gfn: Gfn) {
        backing.pins.park(gfn, self.now);
        if backing.pins.is_crowded() {
            self.relieve(backing);
        }
    }

    /// Nothing leads to a shadow's page any more.
    pub(super) fn retire(&mut self, backing: &mut Backing<'_>, page: ShadowPage) {
        let stamp = self.now;
        // There is room: it was made when the page was allocated.
        let pushed = self
            .retired
            .push(Retired { page, stamp }, GFP_KERNEL_ACCOUNT);
        if pushed.is_err() && self.flush(backing).is_ok() {
            backing.shadow.free(page);
        }
    }

    /// Has a page pinned for one more entry. If that is refused, what waits is let go first: it
    /// may be what fills the guest's account.
    ///
    /// # Errors
    ///
    /// As [`Pins::take`](crate::gtt::pins::Pins::take).
    pub(super) fn take(&mut self, backing: &mut Backing<'_>, gfn: Gfn) -> Result<DmaAddress> {
        match backing.pins.take(backing.guest, gfn) {
            Err(error) if error != EFAULT && self.relieve(backing) => {
                backing.pins.take(backing.guest, gfn)
            }
            result => result,
        }
    }

    /// Pins a page; gives the entry that maps it.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take); `EINVAL` no entry can name where the page is for the GPU.
    pub(super) fn map(
        &mut self,
        backing: &mut Backing<'_>,
        gfn: Gfn,
        bits: PageBits,
    ) -> Result<ShadowEntry> {
        let address = self.take(backing, gfn)?;
        #[cfg(feature = "mutants")]
        let address = mutant::address(Mutant::PpgttAddress, gfn).unwrap_or(address);
        ShadowEntry::page(address, bits).ok_or_else(|| {
            backing.pins.give_back(backing.guest, gfn);
            EINVAL
        })
    }
}
