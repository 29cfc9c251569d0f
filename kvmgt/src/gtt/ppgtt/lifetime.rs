// SPDX-License-Identifier: GPL-2.0 OR MIT
//! How shadows come and go.

use super::backing::Backing;
use super::directory::{self, Child};
use super::key::Key;
use super::leaf;
use super::scratch::allocate;
use super::shadow::{Shadow, Watch};
use super::spaces::{Built, Root};
use super::tables::Link;
use super::top::Top;
use super::Ppgtt;
use kernel::prelude::*;
use kernel::rbtree::RBTreeNodeReservation;

impl Ppgtt {
    /// Makes a shadow that has no user yet. If there is no room it [makes some](Self::insist).
    ///
    /// # Errors
    ///
    /// `ENOSPC` the vGPU has as many as it may; `ENOMEM`; others of [`super::ShadowMemory`].
    pub(super) fn create(&mut self, backing: &mut Backing<'_>, key: Key) -> Result {
        self.insist(backing, |ppgtt, backing| ppgtt.try_create(backing, key))
    }

    /// Has what the GPU needs of a root: shadows, each with a user more, and what is above them.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create); then there is nothing of it.
    pub(super) fn build(&mut self, backing: &mut Backing<'_>, root: Root) -> Result<Built> {
        for (number, key) in root.keys().enumerate() {
            if self.tables.get(&key).is_none() {
                if let Err(error) = self.create(backing, key) {
                    let done = root.keys().take(number);
                    done.for_each(|key| self.release(backing, key));
                    return Err(error);
                }
            }
            self.tables.add_user(&key);
        }
        let built = self.insist(backing, |ppgtt, backing| ppgtt.try_join(backing, root));
        if built.is_err() {
            root.keys().for_each(|key| self.release(backing, key));
        }
        built
    }

    /// Has room for one link more. A page map level 4 takes 512 of them, as i915 lets each entry lead
    /// somewhere, so they can be used up long before the pages are.
    ///
    /// # Errors
    ///
    /// `ENOSPC` the vGPU has as many as it may.
    pub(super) fn make_room_for_link(&mut self, backing: &mut Backing<'_>) -> Result {
        self.insist(backing, |ppgtt, _| {
            if ppgtt.tables.link_count() >= ppgtt.limits.links {
                return Err(ENOSPC);
            }
            Ok(())
        })
    }

    /// Tries to make something that takes pages of shadows, or a link between them. As long as there
    /// is no room, what waits for a flush goes first, then address spaces that nobody needs now.
    fn insist<T>(
        &mut self,
        backing: &mut Backing<'_>,
        attempt: impl Fn(&mut Self, &mut Backing<'_>) -> Result<T>,
    ) -> Result<T> {
        loop {
            let error = match attempt(self, backing) {
                Ok(made) => return Ok(made),
                Err(error) => error,
            };
            if self.exhausted {
                return Err(error);
            }
            if !self.reclaim(backing) {
                // What goes on now need not try in vain for each entry.
                self.exhausted = true;
                self.counters.crowded = self.counters.crowded.saturating_add(1);
                return Err(error);
            }
        }
    }

    /// Whether the vGPU may have so many more pages of shadows, and there is room for all of them to
    /// wait for a flush in the end.
    fn admit(&mut self, pages: usize) -> Result {
        let tops = self.spaces.top_pages();
        let count = self.tables.len().saturating_add(tops).saturating_add(pages);
        if count.saturating_add(self.deferred.len()) > self.limits.tables {
            return Err(ENOSPC);
        }
        self.deferred.reserve(count)
    }

    fn try_create(&mut self, backing: &mut Backing<'_>, key: Key) -> Result {
        self.admit(1)?;
        let node = RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?;
        let copy = Shadow::copy_for(key)?;
        let page = allocate(backing.shadow)?;
        let scratch = self.scratch.entry(key.kind);
        backing.shadow.fill(page, scratch.raw());
        self.tables.insert(node, key, Shadow::new(key, page, copy));
        Ok(())
    }

    /// Makes one root of the shadows of a root's tables.
    fn try_join(&mut self, backing: &mut Backing<'_>, root: Root) -> Result<Built> {
        let page = |number| -> Option<_> { Some(self.tables.get(&root.key(number)?)?.page) };
        let first = page(0).ok_or(EINVAL)?;
        match root {
            Root::FourLevel(_) => Ok(Built {
                root: first.address,
                top: None,
            }),
            Root::ThreeLevel(_) => {
                let rest = [page(1), page(2), page(3)];
                let [Some(second), Some(third), Some(fourth)] = rest else {
                    return Err(EINVAL);
                };
                self.admit(Top::PAGES)?;
                let directories = [first, second, third, fourth];
                let top = Top::new(backing.shadow, &self.scratch, directories)?;
                Ok(Built {
                    root: top.root(),
                    top: Some(top),
                })
            }
        }
    }

    /// Lets go of what the GPU has of an address space, which stays known.
    pub(super) fn tear_down(&mut self, backing: &mut Backing<'_>, index: usize) {
        let Some(root) = self.spaces.get(index).map(|space| space.root) else {
            return;
        };
        let Some(built) = self.spaces.set_built(index, None) else {
            return;
        };
        for page in built.top.into_iter().flat_map(Top::pages) {
            self.deferred.changed();
            self.deferred.retire(backing, page);
        }
        root.keys().for_each(|key| self.release(backing, key));
    }

    /// Makes room for shadows. Gives whether there may be some now.
    fn reclaim(&mut self, backing: &mut Backing<'_>) -> bool {
        if self.deferred.len() == 0 {
            let Some(index) = self.spaces.idlest(|space| space.built().is_some()) else {
                return false;
            };
            self.counters.reclaimed = self.counters.reclaimed.saturating_add(1);
            // It may share tables with others, but what the GPU begins with is its own.
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
