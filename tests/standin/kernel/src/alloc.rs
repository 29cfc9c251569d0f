// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fallible allocation.

pub mod allocator;
pub mod kbox;
pub mod kvec;

pub use self::kbox::{Box, KBox, KVBox};
pub use self::kvec::{KVVec, KVec, Vec};

/// An allocation failed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct AllocError;

/// How to allocate; see [`flags`].
#[derive(Clone, Copy, PartialEq)]
pub struct Flags(u32);

impl Flags {
    /// Whether all of `flags` are in here.
    pub fn contains(self, flags: Flags) -> bool {
        (self & flags) == flags
    }

    /// Whether the allocator may sleep to find memory.
    pub(crate) fn may_sleep(self) -> bool {
        self.contains(flags::GFP_KERNEL)
    }
}

impl core::ops::BitOr for Flags {
    type Output = Self;
    fn bitor(self, rhs: Self) -> Self::Output {
        Self(self.0 | rhs.0)
    }
}

impl core::ops::BitAnd for Flags {
    type Output = Self;
    fn bitand(self, rhs: Self) -> Self::Output {
        Self(self.0 & rhs.0)
    }
}

/// The flags; their values mean nothing outside of the stand-in.
pub mod flags {
    use super::Flags;

    /// Memory that comes zeroed.
    pub const __GFP_ZERO: Flags = Flags(1 << 0);
    /// No report of a failure in the log.
    pub const __GFP_NOWARN: Flags = Flags(1 << 1);
    /// May sleep.
    pub const GFP_KERNEL: Flags = Flags(1 << 2);
    /// May not sleep, and may use the reserves.
    pub const GFP_ATOMIC: Flags = Flags(1 << 3);
    /// May not sleep.
    pub const GFP_NOWAIT: Flags = Flags(1 << 4);
    /// As `GFP_KERNEL`, accounted to the control group of the caller.
    pub const GFP_KERNEL_ACCOUNT: Flags = Flags(GFP_KERNEL.0 | 1 << 5);
}

/// Something that allocates.
///
/// # Safety
///
/// The kernel's trait has methods with a contract; this one has none, and so no contract.
pub unsafe trait Allocator {
    /// The largest allocation that can succeed, in bytes.
    #[doc(hidden)]
    const __MAX_BYTES: usize;
}
