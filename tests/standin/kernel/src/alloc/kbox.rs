// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A box whose allocation may fail.

use super::allocator::{KVmalloc, Kmalloc};
use super::{AllocError, Allocator, Flags};
use crate::fmt;
use crate::testing::Live;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

/// An owned value in memory of the allocator `A`.
pub struct Box<T: ?Sized, A: Allocator> {
    // `None`: nothing is allocated for a type of no size.
    live: Option<Live>,
    allocator: PhantomData<fn() -> A>,
    value: std::boxed::Box<T>,
}

/// A [`Box`] of physically contiguous memory.
pub type KBox<T> = Box<T, Kmalloc>;

/// A [`Box`] of memory of either kind.
pub type KVBox<T> = Box<T, KVmalloc>;

impl<T, A> Box<T, A>
where
    A: Allocator,
{
    /// Moves `x` into new memory.
    pub fn new(x: T, flags: Flags) -> Result<Self, AllocError> {
        let bytes = size_of::<T>();
        if bytes > A::__MAX_BYTES {
            return Err(AllocError);
        }
        let live = if bytes == 0 {
            None
        } else {
            Some(Live::book(bytes, flags)?)
        };
        Ok(Box {
            live,
            allocator: PhantomData,
            value: std::boxed::Box::new(x),
        })
    }

    /// Moves the value out and frees the memory.
    pub fn into_inner(b: Self) -> T {
        drop(b.live);
        *b.value
    }
}

impl<T, A> Deref for Box<T, A>
where
    T: ?Sized,
    A: Allocator,
{
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T, A> DerefMut for Box<T, A>
where
    T: ?Sized,
    A: Allocator,
{
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T, A> fmt::Debug for Box<T, A>
where
    T: ?Sized + fmt::Debug,
    A: Allocator,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use crate::prelude::{KBox, KVBox, GFP_KERNEL};
    use crate::testing::Ledger;

    #[test]
    fn box_is_booked_until_it_is_dropped_or_taken_apart() {
        let ledger = Ledger::current();
        let one = KBox::new([0_u8; 24], GFP_KERNEL).unwrap();
        let two = KBox::new(7_u64, GFP_KERNEL).unwrap();
        assert_eq!((ledger.live_objects(), ledger.live_bytes()), (2, 32));
        drop(one);
        assert_eq!(KBox::into_inner(two), 7);
        assert_eq!((ledger.live_objects(), ledger.live_bytes()), (0, 0));
    }

    #[test]
    fn box_of_no_size_is_not_allocated() {
        let ledger = Ledger::current();
        let _unit = KBox::new((), GFP_KERNEL).unwrap();
        assert_eq!(ledger.live_objects(), 0);
    }

    #[test]
    fn kvbox_writes_through() {
        let mut value = KVBox::new(1, GFP_KERNEL).unwrap();
        *value += 1;
        assert_eq!(*value, 2);
    }
}
