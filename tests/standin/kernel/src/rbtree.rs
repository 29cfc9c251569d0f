// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A sorted map whose allocation may fail.

use crate::alloc::Flags;
use crate::error::Result;
use crate::testing::Live;
use core::marker::PhantomData;
use std::collections::BTreeMap;

/// Bytes of the kernel's links of a node: parent with colour, left, right.
const LINKS: usize = 3 * size_of::<usize>();

/// A map, sorted by key.
pub struct RBTree<K, V> {
    nodes: BTreeMap<K, (Live, V)>,
}

impl<K, V> RBTree<K, V> {
    /// An empty tree; allocates nothing.
    pub fn new() -> Self {
        RBTree {
            nodes: BTreeMap::new(),
        }
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

impl<K, V> RBTree<K, V>
where
    K: Ord,
{
    /// Puts a node in; gives the one back that had the same key.
    pub fn insert(&mut self, node: RBTreeNode<K, V>) -> Option<RBTreeNode<K, V>> {
        let RBTreeNode { live, key, value } = node;
        // `BTreeMap` would keep the old key.
        let old = self.remove_node(&key);
        self.nodes.insert(key, (live, value));
        old
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.nodes.get(key).map(|(_, value)| value)
    }

    /// The value of a key, to change it.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.nodes.get_mut(key).map(|(_, value)| value)
    }

    /// Takes the node of a key out.
    pub fn remove_node(&mut self, key: &K) -> Option<RBTreeNode<K, V>> {
        let (key, (live, value)) = self.nodes.remove_entry(key)?;
        Some(RBTreeNode { live, key, value })
    }

    /// Takes the node of a key out and frees it.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.nodes.remove(key).map(|(_, value)| value)
    }

    /// A cursor at the first node whose key is not below `key`.
    pub fn cursor_lower_bound(&self, key: &K) -> Option<Cursor<'_, K, V>>
    where
        K: Ord,
    {
        let (key, (_, value)) = self.nodes.range(key..).next()?;
        Some(Cursor { key, value })
    }
}

impl<K, V> Default for RBTree<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

/// A place in a tree.
pub struct Cursor<'a, K, V> {
    key: &'a K,
    value: &'a V,
}

impl<'a, K, V> Cursor<'a, K, V> {
    /// The node there.
    pub fn current(&self) -> (&K, &V) {
        (self.key, self.value)
    }
}

/// Memory for a node.
pub struct RBTreeNodeReservation<K, V> {
    live: Live,
    node: PhantomData<fn() -> (K, V)>,
}

impl<K, V> RBTreeNodeReservation<K, V> {
    /// Allocates it.
    pub fn new(flags: Flags) -> Result<RBTreeNodeReservation<K, V>> {
        Ok(RBTreeNodeReservation {
            live: Live::book(LINKS + size_of::<K>() + size_of::<V>(), flags)?,
            node: PhantomData,
        })
    }

    /// Makes a node of it.
    pub fn into_node(self, key: K, value: V) -> RBTreeNode<K, V> {
        RBTreeNode {
            live: self.live,
            key,
            value,
        }
    }
}

/// A node that is in no tree.
pub struct RBTreeNode<K, V> {
    live: Live,
    key: K,
    value: V,
}

impl<K, V> RBTreeNode<K, V> {
    /// Takes it apart.
    pub fn to_key_value(self) -> (K, V) {
        (self.key, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::testing::{fail_each_alloc, Ledger};

    fn insert(tree: &mut RBTree<u32, char>, key: u32, value: char) -> Option<(u32, char)> {
        let node = RBTreeNodeReservation::new(GFP_KERNEL).unwrap();
        let old = tree.insert(node.into_node(key, value))?;
        Some(old.to_key_value())
    }

    #[test]
    fn insert_of_a_key_that_is_there_gives_the_old_node() {
        let mut tree = RBTree::new();
        assert_eq!(insert(&mut tree, 3, 'a'), None);
        assert_eq!(insert(&mut tree, 3, 'b'), Some((3, 'a')));
        assert_eq!(tree.get(&3), Some(&'b'));
    }

    #[test]
    fn cursor_lower_bound_is_at_the_key_or_the_next() {
        let mut tree = RBTree::new();
        insert(&mut tree, 3, 'a');
        insert(&mut tree, 7, 'b');
        let at = |key| tree.cursor_lower_bound(&key).map(|c| *c.current().0);
        assert_eq!(
            [at(0), at(3), at(4), at(8)],
            [Some(3), Some(3), Some(7), None]
        );
    }

    #[test]
    fn nodes_are_booked_until_they_are_removed() {
        let ledger = Ledger::current();
        let mut tree = RBTree::new();
        insert(&mut tree, 3, 'a');
        insert(&mut tree, 7, 'b');
        assert_eq!(ledger.live_objects(), 2);
        *tree.get_mut(&7).unwrap() = 'c';
        assert_eq!(tree.remove(&7), Some('c'));
        assert_eq!(tree.remove_node(&7).map(RBTreeNode::to_key_value), None);
        assert_eq!((ledger.live_objects(), tree.is_empty()), (1, false));
        drop(tree);
        assert_eq!(ledger.live_objects(), 0);
    }

    #[test]
    fn reservation_without_memory_fails() {
        let sites = fail_each_alloc(|| RBTreeNodeReservation::<u32, u32>::new(GFP_KERNEL));
        assert_eq!(sites, 1);
    }
}
