// SPDX-License-Identifier: GPL-2.0 OR MIT
//! How shadows come and go.

use super::backing::Backing;
use super::directory::{self, Child};
use super::key::Key;
use super::leaf;
use super::scratch::allocate;
use super::shadow::{Shadow, Watch};
use super::tables::Link;
use super::Ppgtt;
use kernel::prelude::*;
use kernel::rbtree::RBTreeNodeReservation;

impl Ppgtt {
    /// Makes a shadow that has no user yet. If there is no room, what waits for a flush goes
    /// first, then address spaces that nobody needs now.
    ///
    /// # Errors
    ///
    /// `ENOSPC` the vGPU has as many as it may; `ENOMEM`; others of [`super::ShadowMemory`].
    pub(super) fn create(&mut self, backing: &mut Backing<'_>, key: Key) -> Result {
        loop {
            let error = match self.try_create(backing, key) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if self.exhausted || !self.reclaim(backing) {
                // What goes on now need not try in vain for each entry.
                self.exhausted = true;
                return Err(error);
            }
        }
    }

    fn try_create(&mut self, backing: &mut Backing<'_>, key: Key) -> Result {
        let count = self.tables.len().saturating_add(self.deferred.len());
        if count >= self.limits.tables {
            return Err(ENOSPC);
        }
        let node = RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?;
        let copy = Shadow::copy_for(key)?;
        self.deferred.reserve(self.tables.len().saturating_add(1))?;
        let page = allocate(backing.shadow)?;
        let scratch = self.scratch.entry(key.kind);
        backing.shadow.fill(page, scratch.raw());
        self.tables.insert(node, key, Shadow::new(key, page, copy));
        Ok(())
    }

    /// Makes room for shadows. Gives whether there may be some now.
    fn reclaim(&mut self, backing: &mut Backing<'_>) -> bool {
        while self.deferred.len() == 0 {
            let Some(index) = self.spaces.idlest(|space| space.built) else {
                return false;
            };
            self.counters.reclaimed = self.counters.reclaimed.saturating_add(1);
            // It may share all of its tables with others, and leave nothing.
            self.tear_down(backing, index);
        }
        self.deferred.relieve(backing)
    }

    /// A shadow has one user less. With the last one it goes, and what only it led to.
    pub(super) fn release(&mut self, backing: &mut Backing<'_>, key: Key) {
        if !self.tables.drop_user(&key) {
            return;
        }
        // Nothing leads there, so its entries need no scratch: the page is kept until a flush.
        self.let_go_of_children(backing, key);
        if let Some(shadow) = self.tables.remove(&key) {
            self.untrack(backing.tracker, key.gfn, shadow.watch);
            self.deferred.changed();
            self.deferred.retire(backing, shadow.page);
        }
    }

    /// Makes all entries of a shadow lead to scratch. It stays where it is, and its table is read
    /// anew at the next submission.
    pub(super) fn empty(&mut self, backing: &mut Backing<'_>, key: Key) {
        let scratch = self.scratch.entry(key.kind).raw();
        let Some(shadow) = self.tables.get(&key) else {
            return;
        };
        if !shadow.live.is_empty() {
            backing.shadow.fill(shadow.page, scratch);
            self.deferred.changed();
            self.let_go_of_children(backing, key);
        }
        let Some(shadow) = self.tables.get_mut(&key) else {
            return;
        };
        let was_restless = shadow.is_restless();
        shadow.forget();
        let watch = core::mem::replace(&mut shadow.watch, Watch::New);
        self.untrack(backing.tracker, key.gfn, watch);
        if !was_restless {
            self.tables.disturb(key);
        }
    }

    /// Lets go of all that a shadow's entries lead to. The GPU reaches nothing by them any more.
    fn let_go_of_children(&mut self, backing: &mut Backing<'_>, key: Key) {
        let Some(shadow) = self.tables.get(&key) else {
            return;
        };
        if key.kind.is_leaf() {
            for slot in shadow.live.iter() {
                if let Some(gfn) = leaf::mapped(shadow, key, slot) {
                    self.deferred.let_go(backing, gfn);
                }
            }
            return;
        }
        for index in shadow.live.iter() {
            let Some(shadow) = self.tables.get(&key) else {
                return;
            };
            match directory::child(shadow, key, index, self.modes) {
                Child::None => {}
                Child::Table(child) => {
                    let link = Link {
                        child,
                        parent: key,
                        index,
                    };
                    self.unlink(backing, &link);
                }
                Child::Whole(first) => {
                    directory::pages(first).for_each(|gfn| self.deferred.let_go(backing, gfn));
                }
            }
        }
    }
}
