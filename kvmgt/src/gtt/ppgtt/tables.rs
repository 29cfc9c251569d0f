// SPDX-License-Identifier: GPL-2.0 OR MIT
//! All shadows of a vGPU, and which leads to which.
//!
//! A table is *restless* when a submission has to look at it. Each entry that leads to a restless
//! table has its bit in the parent's `below`, so the parent is restless too: a submission goes
//! down along these bits, and leaves out all that is at rest.

use super::key::Key;
use super::shadow::{Shadow, Watch};
use crate::address::Gfn;
use kernel::rbtree::{RBTree, RBTreeNodeReservation};

/// An entry that leads from one shadow to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Link {
    pub(super) child: Key,
    pub(super) parent: Key,
    pub(super) index: usize,
}

/// The shadows.
pub(super) struct Tables {
    shadows: RBTree<Key, Shadow>,
    links: RBTree<Link, ()>,
    shadow_count: usize,
    link_count: usize,
}

impl Tables {
    pub(super) fn new() -> Self {
        Self {
            shadows: RBTree::new(),
            links: RBTree::new(),
            shadow_count: 0,
            link_count: 0,
        }
    }

    /// How many shadows there are.
    pub(super) fn len(&self) -> usize {
        self.shadow_count
    }

    /// How many links there are.
    pub(super) fn link_count(&self) -> usize {
        self.link_count
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Shadow> {
        self.shadows.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &Key) -> Option<&mut Shadow> {
        self.shadows.get_mut(key)
    }

    /// The first key that is not below `from`.
    pub(super) fn next(&self, from: Key) -> Option<Key> {
        let cursor = self.shadows.cursor_lower_bound(&from)?;
        let (key, _) = cursor.current();
        Some(*key)
    }

    /// The first table of the guest in pages `from` to `last`, from a key on.
    pub(super) fn next_in(&self, from: Option<Key>, last: Gfn) -> Option<Key> {
        self.next(from?).filter(|key| key.gfn <= last)
    }

    /// Whether writes to a page are being told for one of its tables.
    pub(super) fn is_tracked(&self, gfn: Gfn) -> bool {
        let mut from = Some(Key::first(gfn));
        while let Some(key) = self.next_in(from, gfn) {
            match self.get(&key).map(|shadow| shadow.watch) {
                _ if !key.kind.is_guest_table() => return false,
                Some(Watch::Tracked { .. }) => return true,
                _ => from = key.after(),
            }
        }
        false
    }

    /// Adds a shadow, which was not there.
    pub(super) fn insert(
        &mut self,
        node: RBTreeNodeReservation<Key, Shadow>,
        key: Key,
        shadow: Shadow,
    ) {
        self.shadows.insert(node.into_node(key, shadow));
        self.shadow_count = self.shadow_count.saturating_add(1);
    }

    /// Takes a shadow out, which nothing leads to.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Shadow> {
        let shadow = self.shadows.remove(key)?;
        self.shadow_count = self.shadow_count.saturating_sub(1);
        Some(shadow)
    }

    /// An entry leads to a shadow from now on, which has one user more.
    pub(super) fn connect(&mut self, node: RBTreeNodeReservation<Link, ()>, link: Link) {
        self.add_user(&link.child);
        self.links.insert(node.into_node(link, ()));
        self.link_count = self.link_count.saturating_add(1);
    }

    /// It does so no more. Who called takes the user away.
    pub(super) fn disconnect(&mut self, link: &Link) {
        if self.links.remove(link).is_some() {
            self.link_count = self.link_count.saturating_sub(1);
        }
    }

    /// One user more.
    pub(super) fn add_user(&mut self, key: &Key) {
        if let Some(shadow) = self.get_mut(key) {
            // As many as there are links and roots, which are bounded.
            shadow.users = shadow.users.saturating_add(1);
        }
    }

    /// One user less; whether that was the last.
    pub(super) fn drop_user(&mut self, key: &Key) -> bool {
        self.get_mut(key).is_some_and(|shadow| {
            shadow.users = shadow.users.saturating_sub(1);
            shadow.users == 0
        })
    }

    /// A table was at rest and is restless now: lets all that leads there know.
    ///
    /// It goes up no more than four levels, and no further than to what was restless before.
    pub(super) fn disturb(&mut self, child: Key) {
        let mut from = Link {
            child,
            parent: Key::first(Gfn(0)),
            index: 0,
        };
        loop {
            let Some(cursor) = self.links.cursor_lower_bound(&from) else {
                return;
            };
            let (link, ()) = cursor.current();
            let link = *link;
            if link.child != child {
                return;
            }
            if let Some(parent) = self.get_mut(&link.parent) {
                let was_restless = parent.is_restless();
                parent.below.put(link.index, true);
                if !was_restless {
                    self.disturb(link.parent);
                }
            }
            from = Link {
                index: link.index.saturating_add(1),
                ..link
            };
        }
    }
}
