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
//!   but for `mmio_exec`, which says where it may be called.
//! - Those that program the GPU wake it for themselves, and fail with `-EIO` if it does not wake.
//!   They are not called between `suspend` and `resume`.
//! - Pointers are only used during the call unless their text says otherwise. One that is null or not
//!   aligned is `-EFAULT`.

use crate::events::ClientTable;
use crate::layout::{table, Structure};
use crate::table::Table;
use crate::types::{
    Buffer, Context, ContextRequest, GgttRange, GgttRequest, Info, MmioOp, Snapshot, Submission,
};
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
    #[derive(Clone, Copy)]
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
            /// with `private`; they may be before it returns. The table itself is copied. Since 1.0.
            ///
            /// Errors: `-EBUSY` there is a client; `-EINVAL` its table does not meet what the host
            /// half needs; `-ENOMEM`.
            since 0 fn open(dev: *mut HostDevice, client: *const ClientTable, private: *mut c_void) -> c_int;

            /// Ends what `open` began.
            ///
            /// Waits until no call-back runs; none is called afterwards. Releases what the client
            /// still holds: contexts, buffers, GGTT ranges, fences, wakerefs. What they still execute is
            /// killed, and waited for. Must not be called from a call-back.
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
            /// All are checked before the first is executed. Does not sleep or allocate: it may be called
            /// with spin locks held and in softirqs, but not in hard interrupts. Its accesses are made
            /// with interrupts off. The GPU must be awake: the client holds a wakeref. No other access
            /// of the host half comes between two of a batch, but i915's own may. Since 1.0.
            ///
            /// Errors: `-EINVAL` a kind, an offset or a `reserved` is none, or the polls take
            /// longer than [`MAX_POLL_US`](crate::types::mmio::MAX_POLL_US) together;
            /// `-E2BIG` more than [`MAX_OPS`](crate::types::mmio::MAX_OPS); `-EPERM` a write to a
            /// register that is not the client's to write
            /// ([`is_client_writable`](crate::registers::Register::is_client_writable)); `-EAGAIN`
            /// the GPU sleeps; `-ETIMEDOUT` a poll ran out of time: what stands before it has been
            /// executed, what stands behind it not.
            since 0 fn mmio_exec(dev: *mut HostDevice, ops: *mut MmioOp, count: u32) -> c_int;

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
            /// client that the host resumed. Since 1.0.
            ///
            /// Errors: `-EINVAL` region, size, alignment or `reserved` is none; `-ENOSPC` no such
            /// range is free, or there are [`MAX_RANGES`](crate::types::MAX_RANGES); `-ENOMEM`;
            /// `-EINTR`.
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
            /// [`PTE_VALID_BITS`](crate::types::PTE_VALID_BITS), or `count` is 0; `-ENOMEM`, but never
            /// if no entry is present. Without memory some that are not written may become entries to
            /// the scratch page then.
            since 0 fn ggtt_write(dev: *mut HostDevice, range: u64, first: u32, entries: *const u64, count: u32) -> c_int;

            /// Takes `count` fence registers, all disabled.
            ///
            /// `out` receives a handle, never 0. What is written to them survives as a range's
            /// entries do; during a reset they may be disabled for a moment. Since 1.0.
            ///
            /// Errors: `-EINVAL` `count` is 0; `-ENOSPC` not so many are free, or there are
            /// [`MAX_FENCE_SETS`](crate::types::MAX_FENCE_SETS); `-ENOMEM`; `-EINTR`.
            since 0 fn fences_reserve(dev: *mut HostDevice, count: u32, out: *mut u64) -> c_int;

            /// Disables the fences and gives them back.
            ///
            /// Since 1.0.
            ///
            /// Errors: `-EBADF`.
            since 0 fn fences_release(dev: *mut HostDevice, fences: u64) -> c_int;

            /// Writes fence number `index` of `fences` (PRM Vol 2c, FENCE, 64 bits).
            ///
            /// All that a valid fence can reach must lie inside `range`, which must be in the
            /// aperture: its pages, and what is left of the last row of tiles. For a value whose
            /// valid bit is clear `range` is not looked at, and the fence is disabled. Since 1.0.
            ///
            /// Errors: `-EBADF` one of the handles; `-ERANGE` `index`, or it reaches beyond
            /// the range; `-EINVAL` it ends before it begins.
            since 0 fn fence_write(dev: *mut HostDevice, fences: u64, index: u32, value: u64, range: u64) -> c_int;

            /// Allocates a buffer of `size` bytes, zeroed, which the GPU reaches through the GGTT.
            ///
            /// It lies in none of the client's ranges, so no guest can name it. It stays where it is,
            /// and keeps what it holds, until it is freed, whatever is reset or suspended. Since 1.0.
            ///
            /// Errors: `-EINVAL` `size` is 0 or no multiple of 4 KiB; `-ENOSPC` no room in the GGTT,
            /// or there are [`MAX_BUFFERS`](crate::types::MAX_BUFFERS); `-ENOMEM`; `-EINTR`.
            since 0 fn buffer_alloc(dev: *mut HostDevice, size: u64, out: *mut Buffer) -> c_int;

            /// Frees a buffer. By then nothing that the client submitted uses it.
            ///
            /// Since 1.0.
            ///
            /// Errors: `-EBADF`.
            since 0 fn buffer_free(dev: *mut HostDevice, buffer: u64) -> c_int;

            /// Reads `size` bytes of a buffer, from `offset` on.
            ///
            /// What the GPU wrote before a submission was done is there when that was told. Since 1.0.
            ///
            /// Errors: `-EBADF`; `-ERANGE` beyond the buffer.
            since 0 fn buffer_read(dev: *mut HostDevice, buffer: u64, offset: u64, data: *mut u8, size: u64) -> c_int;

            /// Writes `size` bytes of a buffer, from `offset` on; what is submitted afterwards sees them.
            ///
            /// Since 1.0.
            ///
            /// Errors: `-EBADF`; `-ERANGE` beyond the buffer.
            since 0 fn buffer_write(dev: *mut HostDevice, buffer: u64, offset: u64, data: *const u8, size: u64) -> c_int;

            /// Makes a logical context, whose image is the engine's default state: what the engine saved
            /// after i915 had initialised it, but for what is not the client's to write (see
            /// `ctx_write`).
            ///
            /// It is idle. Its PPGTT is the one that each submission brings. Since 1.0.
            ///
            /// Errors: `-EINVAL` the engine, `commands` or `reserved` is none; `-ENOSPC` there are
            /// [`MAX_CONTEXTS`](crate::types::MAX_CONTEXTS); `-ENOMEM`; `-ENODATA` the engine has no
            /// default state; `-EINTR`.
            since 0 fn ctx_create(dev: *mut HostDevice, request: *const ContextRequest, out: *mut Context) -> c_int;

            /// Destroys a context that is idle or dead.
            ///
            /// The engine has let go of it when this returns. Since 1.0.
            ///
            /// Errors: `-EBADF`; `-EBUSY` it executes: kill it, and wait until that is done.
            since 0 fn ctx_destroy(dev: *mut HostDevice, context: u64) -> c_int;

            /// Reads `size` bytes of a context's image, from `offset` on, as the engine saved it.
            ///
            /// Since 1.0.
            ///
            /// Errors: `-EBADF`; `-EBUSY` it executes; `-ERANGE` beyond the image.
            since 0 fn ctx_read(dev: *mut HostDevice, context: u64, offset: u64, data: *mut u8, size: u64) -> c_int;

            /// Writes `size` bytes of a context's image, from `offset` on; the engine loads them with
            /// the next submission.
            ///
            /// The client answers for what it writes: the image is restored with privilege. What the
            /// host half needs for itself is not the client's to write: the status page, and of the
            /// ring context `CTX_CONTEXT_CONTROL`, ring and page table registers
            /// ([`image::is_client_writable`](crate::image::is_client_writable)). Since 1.0.
            ///
            /// Errors: `-EBADF`; `-EBUSY` it executes; `-EIO` it is dead; `-ERANGE` beyond the image,
            /// `-EINVAL` not whole dwords; `-EPERM` one of them is not the client's.
            since 0 fn ctx_write(dev: *mut HostDevice, context: u64, offset: u64, data: *const u8, size: u64) -> c_int;

            /// Has a context execute commands, and returns; `submit_done` tells the end.
            ///
            /// If it returns 0, `submit_done` is called exactly once for it, maybe before it returns,
            /// unless `close` comes first. Until then nothing else is submitted to this context. The
            /// commands of all segments are copied once, into the ring, not checked, and executed
            /// with privilege.
            ///
            /// Once its first command is executed nothing else runs on the engine before its last
            /// one: i915 neither preempts it nor gives its time slice to another one. Whatever the
            /// commands change in the engine they can so change back. It waits like all other work of
            /// default priority before, and can take any time until then. i915's heartbeat still
            /// beats: it resets an engine that one submission holds for too long (12 to 16 seconds,
            /// unless the host's user has set the interval), which is told as
            /// [`OUTCOME_HUNG`](crate::events::OUTCOME_HUNG).
            ///
            /// The engine's TLBs are invalidated before the first command. All of the page tables
            /// stays as it is until it is done, and DMA addresses in them are mapped for as long.
            /// Since 1.0.
            ///
            /// Errors: `-EBADF`; `-EBUSY` it executes; `-EIO` it is dead, or the GPU is;
            /// `-EAGAIN` the host suspends; `-EINVAL` `root`, or there are no dwords, or an odd number
            /// of them; `-E2BIG` more dwords than the context takes, or more segments than
            /// [`MAX_SEGMENTS`](crate::types::MAX_SEGMENTS); `-ENOMEM`.
            since 0 fn ctx_submit(dev: *mut HostDevice, context: u64, submission: *const Submission) -> c_int;

            /// Ends the submission with that `tag`, if it is what a context executes. Returns at once;
            /// `submit_done` tells when it has ended.
            ///
            /// If the engine has to be reset for that, it is. The outcome is
            /// [`OUTCOME_CANCELLED`](crate::events::OUTCOME_CANCELLED), and the context is dead. Until
            /// then it may be killed as often as one likes.
            ///
            /// A kill that comes too late does nothing: a context that is idle or dead, or executes
            /// another submission by now, stays as it is. The end of the one that was meant was told
            /// then, or is being told. A client that gives a tag of a context again can't tell the two
            /// apart. Since 1.0.
            ///
            /// Errors: `-EBADF`; `-ESRCH` the context executes no submission with that tag.
            since 0 fn ctx_kill(dev: *mut HostDevice, context: u64, tag: u64) -> c_int;
        }
    }
}

// SAFETY: the table is constant; `device` is only handed back to the operations, which may be
// called from any thread.
unsafe impl Send for HostTable {}
// SAFETY: as above.
unsafe impl Sync for HostTable {}

// SAFETY: the header stands first, a pointer and functions that may be null behind it; `table!` made
// the layout.
unsafe impl Table for HostTable {
    const MAGIC: u64 = HOST_MAGIC;
    const LAYOUT: Structure = Self::LAYOUT;

    fn null_function(&self, minor: u16) -> Option<&'static str> {
        self.null_function(minor)
    }
}

impl HostTable {
    /// The header of a host table of this build.
    pub const HEADER: Header = Header::new(HOST_MAGIC, size_of::<Self>(), HOST_NEEDS);
}

const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(HostTable, device) == 48);
    assert!(offset_of!(HostTable, open) == 56);
    assert!(offset_of!(HostTable, fence_write) == 56 + 12 * 8);
    assert!(offset_of!(HostTable, ctx_kill) == 56 + 22 * 8);
    assert!(size_of::<HostTable>() == 56 + 23 * 8);
};
