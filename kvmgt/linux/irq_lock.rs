// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A spinlock that is held with interrupts off, and so may be taken in interrupts.
//!
//! The kernel crate's leaves interrupts as they are.

use crate::c::raw;
use kernel::{
    bindings,
    prelude::*,
    sync::lock::{Backend, Lock},
};

/// A lock of this kind.
pub(crate) type IrqSpinLock<T> = Lock<T, IrqBackend>;

/// How it is taken.
pub(crate) struct IrqBackend;

// SAFETY: the kernel's spinlock has one owner at a time; it is always taken the same way.
unsafe impl Backend for IrqBackend {
    type State = bindings::spinlock_t;
    /// What interrupts were before.
    type GuardState = c_ulong;

    unsafe fn init(ptr: *mut Self::State, name: *const c_char, key: *mut bindings::lock_class_key) {
        // SAFETY: by this function's own requirement.
        unsafe { bindings::__spin_lock_init(ptr, name, key) };
    }

    unsafe fn lock(ptr: *mut Self::State) -> c_ulong {
        // SAFETY: by this function's own requirement.
        unsafe { raw::kvmgt_lock_irqsave(ptr) }
    }

    unsafe fn try_lock(ptr: *mut Self::State) -> Option<c_ulong> {
        let mut flags = 0;
        // SAFETY: by this function's own requirement.
        unsafe { raw::kvmgt_trylock_irqsave(ptr, &raw mut flags) }.then_some(flags)
    }

    unsafe fn unlock(ptr: *mut Self::State, flags: &c_ulong) {
        // SAFETY: by this function's own requirement; the flags are those of when it was taken.
        unsafe { raw::kvmgt_unlock_irqrestore(ptr, *flags) };
    }

    unsafe fn assert_is_held(ptr: *mut Self::State) {
        // SAFETY: by this function's own requirement.
        unsafe { bindings::spin_assert_is_held(ptr) };
    }
}
