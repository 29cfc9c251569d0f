// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The pages of a guest that are pinned, each once for however many entries map it.

use crate::address::{DmaAddress, Gfn};
use crate::guest::Guest;
use kernel::prelude::*;
use kernel::rbtree::{RBTree, RBTreeNodeReservation};

/// A pinned page.
struct Pin {
    address: DmaAddress,
    /// Entries that map it, 1 at least.
    users: u32,
}

/// The pinned pages of one guest.
pub struct Pins(RBTree<Gfn, Pin>);

impl Pins {
    /// None yet.
    pub fn new() -> Self {
        Self(RBTree::new())
    }

    /// Has a page pinned for one more user.
    ///
    /// # Errors
    ///
    /// As [`Guest::pin`]; `ENOMEM`; `EOVERFLOW` nobody can have so many entries.
    pub fn take(&mut self, guest: &mut dyn Guest, gfn: Gfn) -> Result<DmaAddress> {
        if let Some(pin) = self.0.get_mut(&gfn) {
            pin.users = pin.users.checked_add(1).ok_or(EOVERFLOW)?;
            return Ok(pin.address);
        }
        // Before the page is pinned, so that nothing can fail behind that. The guest decides how
        // many there are: they are on its account.
        let node = RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?;
        let address = guest.pin(gfn)?;
        self.0
            .insert(node.into_node(gfn, Pin { address, users: 1 }));
        Ok(address)
    }

    /// One user less; the last one unpins the page. The entry that led there is gone by now.
    pub fn give_back(&mut self, guest: &mut dyn Guest, gfn: Gfn) {
        let Some(pin) = self.0.get_mut(&gfn) else {
            return;
        };
        pin.users = pin.users.saturating_sub(1);
        if pin.users == 0 {
            let address = pin.address;
            self.0.remove(&gfn);
            guest.unpin(gfn, address);
        }
    }

    /// Whether no page between `first` and `last`, both included, is pinned.
    pub fn is_empty(&self, first: Gfn, last: Gfn) -> bool {
        self.next(first, last).is_none()
    }

    /// Unpins all pages between `first` and `last`, both included. No entry leads there by now.
    pub fn unpin(&mut self, guest: &mut dyn Guest, first: Gfn, last: Gfn) {
        while let Some(gfn) = self.next(first, last) {
            if let Some(pin) = self.0.remove(&gfn) {
                guest.unpin(gfn, pin.address);
            }
        }
    }

    /// The first pinned page of a range.
    fn next(&self, first: Gfn, last: Gfn) -> Option<Gfn> {
        let cursor = self.0.cursor_lower_bound(&first)?;
        let (gfn, _) = cursor.current();
        (*gfn <= last).then_some(*gfn)
    }
}

impl Default for Pins {
    fn default() -> Self {
        Self::new()
    }
}
