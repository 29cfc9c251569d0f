// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The operations that i915's host half offers.
//!
//! # Rules for all of them
//!
//! - They return 0, or a negative number of [`errno`](crate::errno), and then have changed nothing
//!   unless their text says otherwise.
//! - `dev` is [`HostTable::device`]. All but `open` fail with `-ENODEV` unless the device is open.
//! - They may be called at the same time from any number of threads, `open` and `close` included;
//!   but the client must see to it that nothing of its own is inside an operation, or will enter
//!   one, when its remove returns: the table is gone then.
//! - They run in process context and may sleep, and no lock that a call-back takes may be held;
//!   but for `mmio_exec`, which may be called from any context.
//! - Those that program the GPU wake it for themselves, and fail with `-EIO` if it does not wake.
//! - Pointers are only used during the call unless their text says otherwise. A null pointer is
//!   `-EFAULT`.

use crate::events::ClientTable;
use crate::layout::table;
use crate::types::{GgttRange, GgttRequest, Info, MmioOp, Snapshot};
use crate::version::{Header, HOST_MAGIC, HOST_NEEDS};
use core::ffi::{c_int, c_void};

/// A GPU as the host half knows it; opaque.
#[repr(C)]
#[cfg_attr(feature = "stable-abi", derive(abi_stable::StableAbi))]
pub struct HostDevice {
    _opaque: [u8; 0],
}

table! {
    /// The table that the platform data of `i915.gvt.N` points to.
    ///
    /// It is constant, and valid from before the auxiliary device is added until the client's
    /// remove has returned.
    pub struct HostTable {
        data {
            /// What this is; to be checked before anything behind it is read.
            since 0 pub header: Header,
            /// First argument of every operation.
            since 0 pub device: *mut HostDevice,
        }
        functions {
            /// Makes `client` the device's client.
            ///
            /// From when it returns 0 until `close` returns, the call-backs of `client` may be called
            /// with `private`. Both must stay valid for so long. Since 1.0.
            ///
            /// Errors: `-EBUSY` there is a client; `-EINVAL` its table does not meet what the host
            /// half needs.
            since 0 fn open(dev: *mut HostDevice, client: *const ClientTable, private: *mut c_void) -> c_int;

            /// Ends what `open` began.
            ///
            /// Waits until no call-back runs; none is called afterwards. Releases what the client
            /// still holds: GGTT ranges, fences, wakerefs. Must not be called from a call-back.
            /// Since 1.0.
            since 0 fn close(dev: *mut HostDevice) -> c_int;

            /// Describes the GPU.
            ///
            /// Writes the first `size` bytes of [`Info`], at the most as many as the host has; what
            /// is beyond is zeroed. Since 1.0.
            ///
            /// Errors: `-EINVAL` `size` is 0.
            since 0 fn info(dev: *mut HostDevice, out: *mut Info, size: u32) -> c_int;

            /// Tells where the golden snapshot is.
            ///
            /// Since 1.0.
            ///
            /// Errors: `-EIO` none could be taken; `gvt_status` says `error` then.
            since 0 fn snapshot(dev: *mut HostDevice, out: *mut Snapshot) -> c_int;

            /// Executes `count` register accesses in their order, with forcewake held.
            ///
            /// All are checked before the first is executed. Does not sleep, allocate or take a lock
            /// that is ever held with interrupts on: it may be called with interrupts off, from hard
            /// interrupt context too. The GPU must be awake: the client holds a wakeref, or calls it
            /// from a call-back that says that the GPU is. No other access of the host half comes
            /// between two of a batch, but i915's own may. Since 1.0.
            ///
            /// Errors: `-EINVAL` `flags`, a kind, an offset or a `reserved` is none, or the polls take
            /// longer than [`MAX_POLL_US`](crate::types::mmio::MAX_POLL_US) together;
            /// `-E2BIG` more than [`MAX_OPS`](crate::types::mmio::MAX_OPS); `-EPERM` a write to a
            /// register that is not the client's to write
            /// ([`is_client_writable`](crate::registers::Register::is_client_writable)); `-EAGAIN`
            /// the GPU sleeps; `-ETIMEDOUT` a poll ran out of time: what stands before it has been
            /// executed, what stands behind it not.
            since 0 fn mmio_exec(dev: *mut HostDevice, ops: *mut MmioOp, count: u32, flags: u32) -> c_int;

            /// Wakes the GPU, and keeps it awake until `wake_put`; calls are counted.
            ///
            /// Since 1.0.
            ///
            /// Errors: `-EIO` it does not wake.
            since 0 fn wake_get(dev: *mut HostDevice) -> c_int;

            /// Gives back what one `wake_get` took.
            ///
            /// Since 1.0.
            ///
            /// Errors: `-EINVAL` nothing was taken.
            since 0 fn wake_put(dev: *mut HostDevice) -> c_int;

            /// Takes a range out of the GGTT.
            ///
            /// The host uses it for nothing else until it is released. All of its entries point to
            /// the scratch page. What is written to it survives GPU reset, runtime and host suspend:
            /// the host half restores it, before i915 lets anything run, and before it tells the
            /// client that the reset is done or the host resumed. Since 1.0.
            ///
            /// Errors: `-EINVAL` region, size, alignment or `reserved` is none; `-ENOSPC` no such
            /// range is free; `-ENOMEM`.
            since 0 fn ggtt_reserve(dev: *mut HostDevice, request: *const GgttRequest, out: *mut GgttRange) -> c_int;

            /// Gives a range back: its entries point to the scratch page, and the GPU's TLB has
            /// forgotten the old ones, when it returns.
            ///
            /// Fences that were written for it are disabled first. Since 1.0.
            ///
            /// Errors: `-EBADF`.
            since 0 fn ggtt_release(dev: *mut HostDevice, range: u64) -> c_int;

            /// Writes `count` entries of a range, from its entry number `first`.
            ///
            /// An entry without [`PTE_PRESENT`](crate::types::PTE_PRESENT) becomes one to the scratch
            /// page. All are checked before the first is written; the GPU sees them when it returns
            /// (one flush a call). Whoever maps a page keeps it mapped for DMA until the entry was
            /// replaced. Since 1.0.
            ///
            /// Errors: `-EBADF`; `-ERANGE` beyond the range; `-EINVAL` an entry has a bit outside of
            /// [`PTE_VALID_BITS`](crate::types::PTE_VALID_BITS), or `count` is 0.
            since 0 fn ggtt_write(dev: *mut HostDevice, range: u64, first: u32, entries: *const u64, count: u32) -> c_int;

            /// Takes `count` fence registers, all disabled.
            ///
            /// `out` receives a handle, never 0. What is written to them survives as a range's
            /// entries do; during a reset they may be disabled for a moment. Since 1.0.
            ///
            /// Errors: `-EINVAL` `count` is 0; `-ENOSPC` not so many are free; `-ENOMEM`.
            since 0 fn fences_reserve(dev: *mut HostDevice, count: u32, out: *mut u64) -> c_int;

            /// Disables the fences and gives them back.
            ///
            /// Since 1.0.
            ///
            /// Errors: `-EBADF`.
            since 0 fn fences_release(dev: *mut HostDevice, fences: u64) -> c_int;

            /// Writes fence number `index` of `fences` (PRM Vol 2c, FENCE, 64 bits).
            ///
            /// A valid fence must lie inside `range`, which must be in the aperture; for a value
            /// whose valid bit is clear `range` is not looked at, and the fence is disabled. Since
            /// 1.0.
            ///
            /// Errors: `-EBADF` one of the handles; `-ERANGE` `index`, or the fence is not inside
            /// the range; `-EINVAL` it ends before it begins.
            since 0 fn fence_write(dev: *mut HostDevice, fences: u64, index: u32, value: u64, range: u64) -> c_int;
        }
    }
}

// SAFETY: the table is constant; `device` is only handed back to the operations, which may be
// called from any thread.
unsafe impl Send for HostTable {}
// SAFETY: as above.
unsafe impl Sync for HostTable {}

impl HostTable {
    /// The header of a host table of this build.
    pub const HEADER: Header = Header::new(HOST_MAGIC, size_of::<Self>(), HOST_NEEDS);
}

const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(HostTable, device) == 48);
    assert!(offset_of!(HostTable, open) == 56);
    assert!(offset_of!(HostTable, fence_write) == 56 + 12 * 8);
    assert!(size_of::<HostTable>() == 56 + 13 * 8);
};
