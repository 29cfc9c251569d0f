// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A growable array whose allocation may fail.

use super::allocator::{KVmalloc, Kmalloc};
use super::{AllocError, Allocator, Flags};
use crate::fmt;
use crate::testing::Live;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut, Index, IndexMut};
use core::slice::{self, SliceIndex};

/// An array in memory of the allocator `A`.
pub struct Vec<T, A: Allocator> {
    // `None`: nothing is allocated yet, or the elements have no size.
    live: Option<Live>,
    allocator: PhantomData<fn() -> A>,
    elements: std::vec::Vec<T>,
}

/// A [`Vec`] of physically contiguous memory.
pub type KVec<T> = Vec<T, Kmalloc>;

/// A [`Vec`] of memory of either kind.
pub type KVVec<T> = Vec<T, KVmalloc>;

impl<T, A> Vec<T, A>
where
    A: Allocator,
{
    /// An empty vector; allocates nothing.
    pub const fn new() -> Self {
        Vec {
            live: None,
            allocator: PhantomData,
            elements: std::vec::Vec::new(),
        }
    }

    /// An empty vector with room for `capacity` elements.
    pub fn with_capacity(capacity: usize, flags: Flags) -> Result<Self, AllocError> {
        let mut v = Self::new();
        v.reserve(capacity, flags)?;
        Ok(v)
    }

    /// How many elements fit without allocating.
    pub const fn capacity(&self) -> usize {
        self.elements.capacity()
    }

    /// How many elements there are.
    pub const fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether there is no element.
    pub const fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The elements.
    pub fn as_slice(&self) -> &[T] {
        &self.elements
    }

    /// The elements, to change them.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.elements
    }

    /// Makes room for `additional` more elements, by doubling at least.
    pub fn reserve(&mut self, additional: usize, flags: Flags) -> Result<(), AllocError> {
        let (len, capacity) = (self.len(), self.capacity());
        if capacity - len >= additional {
            return Ok(());
        }
        let wanted = len
            .checked_add(additional)
            .ok_or(AllocError)?
            .max(capacity.saturating_mul(2));
        let bytes = wanted.checked_mul(size_of::<T>()).ok_or(AllocError)?;
        if bytes > A::__MAX_BYTES {
            return Err(AllocError);
        }
        // Booked before the old entry leaves: a failure changes nothing.
        let live = Live::book(bytes, flags)?;
        self.elements
            .try_reserve_exact(wanted - len)
            .map_err(|_| AllocError)?;
        self.live = Some(live);
        Ok(())
    }

    /// Adds an element at the end.
    pub fn push(&mut self, v: T, flags: Flags) -> Result<(), AllocError> {
        self.reserve(1, flags)?;
        self.elements.push(v);
        Ok(())
    }

    /// Takes the last element.
    pub fn pop(&mut self) -> Option<T> {
        self.elements.pop()
    }

    /// Drops the elements from index `len` on and keeps the memory.
    pub fn truncate(&mut self, len: usize) {
        self.elements.truncate(len);
    }
}

impl<T: Clone, A: Allocator> Vec<T, A> {
    /// Adds clones of the elements of `other` at the end.
    pub fn extend_from_slice(&mut self, other: &[T], flags: Flags) -> Result<(), AllocError> {
        self.reserve(other.len(), flags)?;
        self.elements.extend_from_slice(other);
        Ok(())
    }

    /// A vector of `n` clones of `value`.
    pub fn from_elem(value: T, n: usize, flags: Flags) -> Result<Self, AllocError> {
        let mut v = Self::with_capacity(n, flags)?;
        v.elements.resize(n, value);
        Ok(v)
    }
}

impl<T, A: Allocator> Default for Vec<T, A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug, A: Allocator> fmt::Debug for Vec<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T, A> Deref for Vec<T, A>
where
    A: Allocator,
{
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.elements
    }
}

impl<T, A> DerefMut for Vec<T, A>
where
    A: Allocator,
{
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.elements
    }
}

impl<T, I: SliceIndex<[T]>, A> Index<I> for Vec<T, A>
where
    A: Allocator,
{
    type Output = I::Output;

    fn index(&self, index: I) -> &Self::Output {
        Index::index(&**self, index)
    }
}

impl<T, I: SliceIndex<[T]>, A> IndexMut<I> for Vec<T, A>
where
    A: Allocator,
{
    fn index_mut(&mut self, index: I) -> &mut Self::Output {
        IndexMut::index_mut(&mut **self, index)
    }
}

impl<'a, T, A> IntoIterator for &'a Vec<T, A>
where
    A: Allocator,
{
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T, A: Allocator> IntoIterator for &'a mut Vec<T, A>
where
    A: Allocator,
{
    type Item = &'a mut T;
    type IntoIter = slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::super::flags::GFP_KERNEL;
    use super::*;
    use crate::testing::Ledger;

    #[test]
    fn push_when_full_doubles_and_books_the_new_size_alone() {
        let ledger = Ledger::current();
        let mut v = KVec::<u32>::with_capacity(4, GFP_KERNEL).unwrap();
        v.extend_from_slice(&[1; 5], GFP_KERNEL).unwrap();
        assert_eq!(v.capacity(), 8);
        assert_eq!((ledger.live_objects(), ledger.live_bytes()), (1, 32));
        drop(v);
        assert_eq!((ledger.live_objects(), ledger.live_bytes()), (0, 0));
    }

    #[test]
    fn push_when_the_allocation_fails_keeps_the_elements() {
        let mut v = KVec::from_elem(3_u8, 2, GFP_KERNEL).unwrap();
        Ledger::current().fail_at(0, true);
        assert_eq!(v.push(4, GFP_KERNEL), Err(AllocError));
        Ledger::current().fail_none();
        assert_eq!(v.as_slice(), [3, 3]);
    }

    #[test]
    fn kvec_beyond_what_kmalloc_serves_fails() {
        assert!(KVec::<u8>::with_capacity((4096 << 10) + 1, GFP_KERNEL).is_err());
        assert!(KVVec::<u8>::with_capacity((4096 << 10) + 1, GFP_KERNEL).is_ok());
    }

    #[test]
    fn elements_can_be_added_taken_and_dropped() {
        let mut v = KVec::new();
        v.extend_from_slice(&[1, 2, 3, 4], GFP_KERNEL).unwrap();
        assert_eq!(v.pop(), Some(4));
        v.truncate(2);
        assert_eq!((v.as_slice(), v.is_empty()), (&[1, 2][..], false));
    }
}
