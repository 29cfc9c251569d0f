// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The numbers of the contract that both sides compile in.
//!
//! Limits are none of them: one side looks after each, and the other is told by an error.

/// A number with a meaning.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// Its name, with those of its modules.
    pub name: &'static str,
    /// Its value.
    pub value: u64,
    /// The minor version that added it.
    pub since: u16,
}

macro_rules! numbers {
    ($( since $since:literal { $( $($path:ident)::+ )* } )*) => {
        &[$($( Number {
            name: stringify!($($path)::+),
            value: crate::$($path)::+ as u64,
            since: $since,
        }, )*)*]
    };
}

/// Every number that crosses the boundary, in the order of the versions that added them.
pub const NUMBERS: &[Number] = numbers! {
    since 0 {
        events::HOST_CONTEXT_IN
        events::HOST_CONTEXT_OUT
        events::OUTCOME_DONE
        events::OUTCOME_HUNG
        events::OUTCOME_CANCELLED
        types::ENGINE_RENDER
        types::ENGINE_COPY
        types::ENGINE_VIDEO
        types::ENGINE_VIDEO_ENHANCE
        types::PAGE_SIZE_4K
        types::PAGE_SIZE_64K
        types::PAGE_SIZE_2M
        types::mmio::READ
        types::mmio::WRITE
        types::mmio::POLL
        types::REGION_APERTURE
        types::REGION_HIGH
        types::PTE_VALID_BITS
        types::PTE_ADDRESS
        types::PTE_PRESENT
        types::GGTT_PAGE_SHIFT
        types::GGTT_PAGE_SIZE
        snapshot::BLOB_MAGIC
        snapshot::BLOB_VERSION
        snapshot::CONFIG_SIZE
        snapshot::BLOB_VCS1
        errno::EPERM
        errno::ESRCH
        errno::EINTR
        errno::EIO
        errno::E2BIG
        errno::EBADF
        errno::EAGAIN
        errno::ENOMEM
        errno::EFAULT
        errno::EBUSY
        errno::ENODEV
        errno::EINVAL
        errno::ENOSPC
        errno::ERANGE
        errno::ENODATA
        errno::EOPNOTSUPP
        errno::ETIMEDOUT
    }
};
