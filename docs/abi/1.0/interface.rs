// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Interface 1.0 as it was released: its structures and numbers, in one module.
//!
//! Written by `cargo xtask abi release`; do not edit.

use core::ffi::{c_int, c_void};
/// Major version.
pub const MAJOR: u16 = 1u16;
/// Minor version.
pub const MINOR: u16 = 0u16;
/// The layout hashes that a table of this version publishes.
pub static HASHES: [u64; MINOR as usize + 1] = [0xf8df53195b4f9903];
///`HOST_MAGIC` of the interface.
pub const HOST_MAGIC: u64 = u64::from_be_bytes(*b"GVT-HOST");
///`CLIENT_MAGIC` of the interface.
pub const CLIENT_MAGIC: u64 = u64::from_be_bytes(*b"GVT-CLNT");
///`FEATURE_UNSTABLE` of the interface.
pub const FEATURE_UNSTABLE: u64 = 1 << 0;
///`HOST_CONTEXT_IN` of the interface.
pub const HOST_CONTEXT_IN: u32 = 0;
///`HOST_CONTEXT_OUT` of the interface.
pub const HOST_CONTEXT_OUT: u32 = 1;
///`OUTCOME_DONE` of the interface.
pub const OUTCOME_DONE: u32 = 0;
///`OUTCOME_HUNG` of the interface.
pub const OUTCOME_HUNG: u32 = 1;
///`OUTCOME_CANCELLED` of the interface.
pub const OUTCOME_CANCELLED: u32 = 2;
///`MAX_ENGINES` of the interface.
pub const MAX_ENGINES: usize = 8;
///`MAX_RANGES` of the interface.
pub const MAX_RANGES: usize = 32;
///`MAX_FENCE_SETS` of the interface.
pub const MAX_FENCE_SETS: usize = 8;
///`MAX_BUFFERS` of the interface.
pub const MAX_BUFFERS: usize = 48;
///`MAX_CONTEXTS` of the interface.
pub const MAX_CONTEXTS: usize = 40;
///`ENGINE_RENDER` of the interface.
pub const ENGINE_RENDER: u16 = 0;
///`ENGINE_COPY` of the interface.
pub const ENGINE_COPY: u16 = 1;
///`ENGINE_VIDEO` of the interface.
pub const ENGINE_VIDEO: u16 = 2;
///`ENGINE_VIDEO_ENHANCE` of the interface.
pub const ENGINE_VIDEO_ENHANCE: u16 = 3;
///`PAGE_SIZE_4K` of the interface.
pub const PAGE_SIZE_4K: u32 = 1 << 12;
///`PAGE_SIZE_64K` of the interface.
pub const PAGE_SIZE_64K: u32 = 1 << 16;
///`PAGE_SIZE_2M` of the interface.
pub const PAGE_SIZE_2M: u32 = 1 << 21;
/// Numbers of `mmio`.
pub mod mmio {
    ///`READ` of the interface.
    pub const READ: u32 = 0;
    ///`WRITE` of the interface.
    pub const WRITE: u32 = 1;
    ///`POLL` of the interface.
    pub const POLL: u32 = 2;
    ///`MAX_OPS` of the interface.
    pub const MAX_OPS: u32 = 256;
    ///`MAX_POLL_US` of the interface.
    pub const MAX_POLL_US: u32 = 250;
}
///`REGION_APERTURE` of the interface.
pub const REGION_APERTURE: u32 = 0;
///`REGION_HIGH` of the interface.
pub const REGION_HIGH: u32 = 1;
///`MAX_COMMANDS` of the interface.
pub const MAX_COMMANDS: u64 = 1 << 17;
///`MAX_SEGMENTS` of the interface.
pub const MAX_SEGMENTS: usize = 8;
///`PTE_VALID_BITS` of the interface.
pub const PTE_VALID_BITS: u64 = PTE_ADDRESS | 1 << 7 | 1 << 4 | 1 << 3 | PTE_PRESENT;
///`PTE_ADDRESS` of the interface.
pub const PTE_ADDRESS: u64 = ((1 << 46) - 1) & !0xfff;
///`PTE_PRESENT` of the interface.
pub const PTE_PRESENT: u64 = 1 << 0;
///`GGTT_PAGE_SHIFT` of the interface.
pub const GGTT_PAGE_SHIFT: u32 = 12;
///`GGTT_PAGE_SIZE` of the interface.
pub const GGTT_PAGE_SIZE: u64 = 1 << GGTT_PAGE_SHIFT;
///`BLOB_MAGIC` of the interface.
pub const BLOB_MAGIC: u32 = u32::from_be_bytes(*b"GSNP");
///`BLOB_VERSION` of the interface.
pub const BLOB_VERSION: u32 = 1;
///`CONFIG_SIZE` of the interface.
pub const CONFIG_SIZE: usize = 256;
///`BLOB_VCS1` of the interface.
pub const BLOB_VCS1: u32 = 1 << 0;
///`EPERM` of the interface.
pub const EPERM: c_int = 1;
///`ESRCH` of the interface.
pub const ESRCH: c_int = 3;
///`EINTR` of the interface.
pub const EINTR: c_int = 4;
///`EIO` of the interface.
pub const EIO: c_int = 5;
///`E2BIG` of the interface.
pub const E2BIG: c_int = 7;
///`EBADF` of the interface.
pub const EBADF: c_int = 9;
///`EAGAIN` of the interface.
pub const EAGAIN: c_int = 11;
///`ENOMEM` of the interface.
pub const ENOMEM: c_int = 12;
///`EFAULT` of the interface.
pub const EFAULT: c_int = 14;
///`EBUSY` of the interface.
pub const EBUSY: c_int = 16;
///`ENODEV` of the interface.
pub const ENODEV: c_int = 19;
///`EINVAL` of the interface.
pub const EINVAL: c_int = 22;
///`ENOSPC` of the interface.
pub const ENOSPC: c_int = 28;
///`ERANGE` of the interface.
pub const ERANGE: c_int = 34;
///`ENODATA` of the interface.
pub const ENODATA: c_int = 61;
///`EOPNOTSUPP` of the interface.
pub const EOPNOTSUPP: c_int = 95;
///`ETIMEDOUT` of the interface.
pub const ETIMEDOUT: c_int = 110;
/// A GPU as the host half knows it; opaque.
#[repr(C)]
pub struct HostDevice {
    _opaque: [u8; 0],
}
/// What stands first in both tables, in native byte order.
///
/// The rule is read from it, so it is the same in all versions.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Header {
    /// [`HOST_MAGIC`] or [`CLIENT_MAGIC`].
    pub magic: u64,
    /// [`MAJOR`] of the maker.
    pub major: u16,
    /// [`MINOR`] of the maker.
    pub minor: u16,
    /// Bytes of the whole table, the header included.
    pub size: u32,
    /// Features that the maker offers.
    pub features: u64,
    /// Layout hashes of the maker's minor versions 0, 1, …; [`layout::HASHES`]. Valid as long
    /// as the table.
    pub layouts: *const u64,
    /// How many there are.
    pub layout_count: u32,
    /// The minor version that the maker needs of the other side.
    pub needs_minor: u16,
    /// Zero; not looked at.
    pub reserved: u16,
    /// The features that the maker needs of the other side.
    pub needs_features: u64,
}
/// The table that the platform data of `i915.gvt.N` points to.
///
/// It is constant, and valid from before the auxiliary device is added until the client's
/// remove has returned.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct HostTable {
    /// What this is; to be checked before anything behind it is read.
    pub header: Header,
    /// First argument of every operation.
    pub device: *mut HostDevice,
    /// Makes `client` the device's client.
    ///
    /// From when it returns 0 until `close` returns, the call-backs of `client` may be called
    /// with `private`; they may be before it returns. The table itself is copied. Since 1.0.
    ///
    /// Errors: `-EBUSY` there is a client; `-EINVAL` its table does not meet what the host
    /// half needs; `-ENOMEM`.
    pub open: Option<
        unsafe extern "C" fn(
            dev: *mut HostDevice,
            client: *const ClientTable,
            private: *mut c_void,
        ) -> c_int,
    >,
    /// Ends what `open` began.
    ///
    /// Waits until no call-back runs; none is called afterwards. Releases what the client
    /// still holds: contexts, buffers, GGTT ranges, fences, wakerefs. What they still execute is
    /// killed, and waited for. Must not be called from a call-back.
    /// Since 1.0.
    pub close: Option<unsafe extern "C" fn(dev: *mut HostDevice) -> c_int>,
    /// Describes the GPU.
    ///
    /// Writes the first `size` bytes of [`Info`], at the most as many as the host has; what
    /// is beyond is zeroed. Since 1.0.
    ///
    /// Errors: `-EINVAL` `size` is 0.
    pub info: Option<
        unsafe extern "C" fn(dev: *mut HostDevice, out: *mut Info, size: u32) -> c_int,
    >,
    /// Tells where the golden snapshot is.
    ///
    /// Since 1.0.
    ///
    /// Errors: `-EIO` none could be taken; `gvt_status` says `error` then.
    pub snapshot: Option<
        unsafe extern "C" fn(dev: *mut HostDevice, out: *mut Snapshot) -> c_int,
    >,
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
    pub mmio_exec: Option<
        unsafe extern "C" fn(dev: *mut HostDevice, ops: *mut MmioOp, count: u32) -> c_int,
    >,
    /// Wakes the GPU, and keeps it awake until `wake_put`; calls are counted.
    ///
    /// Since 1.0.
    ///
    /// Errors: `-EIO` it does not wake.
    pub wake_get: Option<unsafe extern "C" fn(dev: *mut HostDevice) -> c_int>,
    /// Gives back what one `wake_get` took.
    ///
    /// Since 1.0.
    ///
    /// Errors: `-EINVAL` nothing was taken.
    pub wake_put: Option<unsafe extern "C" fn(dev: *mut HostDevice) -> c_int>,
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
    pub ggtt_reserve: Option<
        unsafe extern "C" fn(
            dev: *mut HostDevice,
            request: *const GgttRequest,
            out: *mut GgttRange,
        ) -> c_int,
    >,
    /// Gives a range back: its entries point to the scratch page, and the GPU's TLB has
    /// forgotten the old ones, when it returns.
    ///
    /// Fences that were written for it are disabled first. Since 1.0.
    ///
    /// Errors: `-EBADF`.
    pub ggtt_release: Option<
        unsafe extern "C" fn(dev: *mut HostDevice, range: u64) -> c_int,
    >,
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
    pub ggtt_write: Option<
        unsafe extern "C" fn(
            dev: *mut HostDevice,
            range: u64,
            first: u32,
            entries: *const u64,
            count: u32,
        ) -> c_int,
    >,
    /// Takes `count` fence registers, all disabled.
    ///
    /// `out` receives a handle, never 0. What is written to them survives as a range's
    /// entries do; during a reset they may be disabled for a moment. Since 1.0.
    ///
    /// Errors: `-EINVAL` `count` is 0; `-ENOSPC` not so many are free, or there are
    /// [`MAX_FENCE_SETS`](crate::types::MAX_FENCE_SETS); `-ENOMEM`; `-EINTR`.
    pub fences_reserve: Option<
        unsafe extern "C" fn(dev: *mut HostDevice, count: u32, out: *mut u64) -> c_int,
    >,
    /// Disables the fences and gives them back.
    ///
    /// Since 1.0.
    ///
    /// Errors: `-EBADF`.
    pub fences_release: Option<
        unsafe extern "C" fn(dev: *mut HostDevice, fences: u64) -> c_int,
    >,
    /// Writes fence number `index` of `fences` (PRM Vol 2c, FENCE, 64 bits).
    ///
    /// All that a valid fence can reach must lie inside `range`, which must be in the
    /// aperture: its pages, and what is left of the last row of tiles. For a value whose
    /// valid bit is clear `range` is not looked at, and the fence is disabled. Since 1.0.
    ///
    /// Errors: `-EBADF` one of the handles; `-ERANGE` `index`, or it reaches beyond
    /// the range; `-EINVAL` it ends before it begins.
    pub fence_write: Option<
        unsafe extern "C" fn(
            dev: *mut HostDevice,
            fences: u64,
            index: u32,
            value: u64,
            range: u64,
        ) -> c_int,
    >,
    /// Allocates a buffer of `size` bytes, zeroed, which the GPU reaches through the GGTT.
    ///
    /// It lies in none of the client's ranges, so no guest can name it. It stays where it is,
    /// and keeps what it holds, until it is freed, whatever is reset or suspended. Since 1.0.
    ///
    /// Errors: `-EINVAL` `size` is 0 or no multiple of 4 KiB; `-ENOSPC` no room in the GGTT,
    /// or there are [`MAX_BUFFERS`](crate::types::MAX_BUFFERS); `-ENOMEM`; `-EINTR`.
    pub buffer_alloc: Option<
        unsafe extern "C" fn(dev: *mut HostDevice, size: u64, out: *mut Buffer) -> c_int,
    >,
    /// Frees a buffer. By then nothing that the client submitted uses it.
    ///
    /// Since 1.0.
    ///
    /// Errors: `-EBADF`.
    pub buffer_free: Option<
        unsafe extern "C" fn(dev: *mut HostDevice, buffer: u64) -> c_int,
    >,
    /// Reads `size` bytes of a buffer, from `offset` on.
    ///
    /// What the GPU wrote before a submission was done is there when that was told. Since 1.0.
    ///
    /// Errors: `-EBADF`; `-ERANGE` beyond the buffer.
    pub buffer_read: Option<
        unsafe extern "C" fn(
            dev: *mut HostDevice,
            buffer: u64,
            offset: u64,
            data: *mut u8,
            size: u64,
        ) -> c_int,
    >,
    /// Writes `size` bytes of a buffer, from `offset` on; what is submitted afterwards sees them.
    ///
    /// Since 1.0.
    ///
    /// Errors: `-EBADF`; `-ERANGE` beyond the buffer.
    pub buffer_write: Option<
        unsafe extern "C" fn(
            dev: *mut HostDevice,
            buffer: u64,
            offset: u64,
            data: *const u8,
            size: u64,
        ) -> c_int,
    >,
    /// Makes a logical context, whose image is the engine's default state: what the engine saved
    /// after i915 had initialised it, but for what is not the client's to write (see
    /// `ctx_write`).
    ///
    /// It is idle. Its PPGTT is the one that each submission brings. Since 1.0.
    ///
    /// Errors: `-EINVAL` the engine, `commands` or `reserved` is none; `-ENOSPC` there are
    /// [`MAX_CONTEXTS`](crate::types::MAX_CONTEXTS); `-ENOMEM`; `-ENODATA` the engine has no
    /// default state; `-EINTR`.
    pub ctx_create: Option<
        unsafe extern "C" fn(
            dev: *mut HostDevice,
            request: *const ContextRequest,
            out: *mut Context,
        ) -> c_int,
    >,
    /// Destroys a context that is idle or dead.
    ///
    /// The engine has let go of it when this returns. Since 1.0.
    ///
    /// Errors: `-EBADF`; `-EBUSY` it executes: kill it, and wait until that is done.
    pub ctx_destroy: Option<
        unsafe extern "C" fn(dev: *mut HostDevice, context: u64) -> c_int,
    >,
    /// Reads `size` bytes of a context's image, from `offset` on, as the engine saved it.
    ///
    /// Since 1.0.
    ///
    /// Errors: `-EBADF`; `-EBUSY` it executes; `-ERANGE` beyond the image.
    pub ctx_read: Option<
        unsafe extern "C" fn(
            dev: *mut HostDevice,
            context: u64,
            offset: u64,
            data: *mut u8,
            size: u64,
        ) -> c_int,
    >,
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
    pub ctx_write: Option<
        unsafe extern "C" fn(
            dev: *mut HostDevice,
            context: u64,
            offset: u64,
            data: *const u8,
            size: u64,
        ) -> c_int,
    >,
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
    pub ctx_submit: Option<
        unsafe extern "C" fn(
            dev: *mut HostDevice,
            context: u64,
            submission: *const Submission,
        ) -> c_int,
    >,
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
    pub ctx_kill: Option<
        unsafe extern "C" fn(dev: *mut HostDevice, context: u64, tag: u64) -> c_int,
    >,
}
/// The table that a client gives to `open`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ClientTable {
    /// What this is.
    pub header: Header,
    /// The host is about to suspend; the GPU still runs.
    ///
    /// Process context, may sleep. When it has returned the client calls no operation that
    /// wakes the GPU until `resume`, which comes too if the suspend is given up. What still
    /// executes then ends, the latest as [`OUTCOME_CANCELLED`]. Since 1.0.
    pub suspend: Option<unsafe extern "C" fn(private: *mut c_void)>,
    /// The host has resumed, or does not suspend after all; what the client reserved was
    /// restored.
    ///
    /// Process context, may sleep. The last thing that i915 does on resume. Since 1.0.
    pub resume: Option<unsafe extern "C" fn(private: *mut c_void)>,
    /// A context that is not the client's comes to an engine, or has gone from it.
    ///
    /// `engine` is one bit, [`Engine::mask`](crate::types::Engine::mask). `event` is
    /// [`HOST_CONTEXT_IN`] or [`HOST_CONTEXT_OUT`]. IN comes before the context is given to
    /// the engine, when another one may still run there. A context that was on the engine when
    /// the device was opened only goes.
    ///
    /// Any context: interrupts may be off, and locks of i915's scheduler may be held. No
    /// operation may be called, nothing allocated, and no lock taken that is ever held with
    /// interrupts on. Since 1.0.
    pub host_context: Option<
        unsafe extern "C" fn(private: *mut c_void, engine: u32, event: u32),
    >,
    /// A submission has ended: the engine has saved the context and let go of it.
    ///
    /// `tag` is that of the submission, `outcome` one of `OUTCOME_*`. By then the context can
    /// be read, written, destroyed, and, unless it is dead, submitted to again. All of that
    /// may be done from here.
    ///
    /// Process context, may sleep; it may be called at the same time for different contexts.
    /// Since 1.0.
    pub submit_done: Option<
        unsafe extern "C" fn(private: *mut c_void, context: u64, tag: u64, outcome: u32),
    >,
}
/// An engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Engine {
    /// One of `ENGINE_*`.
    pub class: u16,
    /// Number within its class, from 0.
    pub instance: u16,
    /// Its bit, which names it in operations and call-backs.
    pub mask: u32,
    /// Bytes of a logical context image, the per-process status page included.
    pub context_size: u64,
}
/// What a GPU is; constant while the device is there.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Info {
    /// [`Platform`](crate::registers::Platform) as a number.
    pub platform: u32,
    /// PCI vendor id.
    pub vendor: u16,
    /// PCI device id.
    pub device: u16,
    /// PCI revision id.
    pub revision: u32,
    /// Minor number of the card's primary DRM node: the N of `i915.gvt.N` and `dri/N`.
    pub drm_minor: u32,
    /// Bytes that the GGTT maps.
    pub ggtt_size: u64,
    /// Bytes of the GGTT that the CPU reaches through the aperture (BAR 2), from GGTT address 0.
    pub aperture_size: u64,
    /// Physical address of the aperture.
    pub aperture_base: u64,
    /// Bytes of BAR 0.
    pub gttmmadr_size: u64,
    /// Fence registers that the GPU has.
    pub fence_count: u32,
    /// Page sizes of the PPGTT, an or of `PAGE_SIZE_*`.
    pub page_sizes: u32,
    /// How many of `engines` are valid.
    pub engine_count: u32,
    /// Zero.
    pub reserved: u32,
    /// The engines.
    pub engines: [Engine; MAX_ENGINES],
    /// `struct device` of the GPU: the parent of vGPUs, and what guest pages are mapped for DMA
    /// with. Borrowed, valid until the client's remove returns; null in the hosted world.
    pub parent: *mut c_void,
    /// `struct device` of the card's primary DRM node, for its uevents. As above.
    pub card: *mut c_void,
    /// `struct dentry` of the card's folder in debugfs, or an error in its place. As above.
    pub debugfs: *mut c_void,
}
/// An access to a register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct MmioOp {
    /// One of [`mmio`]'s kinds.
    pub kind: u32,
    /// Offset in register space, a multiple of 4 below 2 MiB.
    pub offset: u32,
    /// Value written, or read.
    pub value: u32,
    /// Bits that count, for [`mmio::POLL`].
    pub mask: u32,
    /// Microseconds, for [`mmio::POLL`].
    pub timeout_us: u32,
    /// Zero.
    pub reserved: u32,
}
/// Asks for a range of the GGTT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct GgttRequest {
    /// One of `REGION_*`.
    pub region: u32,
    /// Zero.
    pub reserved: u32,
    /// Bytes, a multiple of 4 KiB.
    pub size: u64,
    /// Alignment of its start in bytes, a power of two of at least 4 KiB.
    pub align: u64,
}
/// A range of the GGTT that belongs to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct GgttRange {
    /// Names it in other operations; never 0.
    pub handle: u64,
    /// GGTT address of its first byte.
    pub start: u64,
    /// Bytes.
    pub size: u64,
}
/// A buffer of the client: memory that the GPU reaches in the host's part of the GGTT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Buffer {
    /// Names it in other operations; never 0.
    pub handle: u64,
    /// GGTT address of its first byte, a multiple of 4 KiB.
    pub start: u64,
    /// Bytes, a multiple of 4 KiB.
    pub size: u64,
}
/// Asks for a logical context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct ContextRequest {
    /// The engine that it is for: its [`Engine::mask`], one bit.
    pub engine: u32,
    /// Zero.
    pub reserved: u32,
    /// Dwords of the longest submission, at the most [`MAX_COMMANDS`].
    pub commands: u64,
}
/// A logical context of the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Context {
    /// Names it in other operations; never 0.
    pub handle: u64,
    /// Bytes of its image, the per-process status page, which comes first, included.
    pub image: u64,
    /// Dwords of the longest submission that it takes; at least as many as were asked for.
    pub commands: u64,
}
/// Commands that are one behind the other in the client's memory.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Segment {
    /// The commands; not null, even if there are none.
    pub commands: *const u32,
    /// Dwords of them, maybe 0.
    pub count: u64,
}
/// What a context is to execute.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Submission {
    /// DMA address of the PML4 table that its PPGTT begins with, a multiple of 4 KiB.
    pub root: u64,
    /// The commands, in segments, which are executed from a ring one after the other. Together
    /// they have an even number of dwords, and no more than [`Context::commands`]. Borrowed,
    /// as is what they point to, until the operation returns.
    pub segments: *const Segment,
    /// How many segments there are, at the most [`MAX_SEGMENTS`].
    pub count: u64,
    /// Comes back when it is done.
    pub tag: u64,
}
/// Where the golden snapshot is.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Snapshot {
    /// The snapshot, in the format of [`crate::snapshot`]. Read-only, constant, valid until
    /// the client's remove returns.
    pub data: *const u8,
    /// Bytes.
    pub size: u64,
}
/// The snapshot's first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct BlobHeader {
    /// [`BLOB_MAGIC`].
    pub magic: u32,
    /// [`BLOB_VERSION`].
    pub version: u32,
    /// Bytes of all of it.
    pub size: u32,
    /// Checksum ([`checksum`]) over everything behind this field.
    pub checksum: u32,
    /// [`Platform`] as a number.
    pub platform: u32,
    /// An or of `BLOB_*` flags.
    pub flags: u32,
    /// [`REVISION`](crate::registers::REVISION) of the register table it was taken by.
    pub table_revision: u32,
    /// Bytes of configuration space, behind this header.
    pub config_size: u32,
    /// How many ranges follow.
    pub range_count: u32,
    /// How many values follow.
    pub value_count: u32,
}
/// A run of registers in the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct BlobRange {
    /// Offset of the first.
    pub offset: u32,
    /// How many.
    pub count: u32,
}

const _: () = {
    use core::mem::{align_of, offset_of, size_of};
    assert!(size_of::<Header>() == 48);
    assert!(align_of::<Header>() == 8);
    assert!(offset_of!(Header, magic) == 0);
    assert!(offset_of!(Header, major) == 8);
    assert!(offset_of!(Header, minor) == 10);
    assert!(offset_of!(Header, size) == 12);
    assert!(offset_of!(Header, features) == 16);
    assert!(offset_of!(Header, layouts) == 24);
    assert!(offset_of!(Header, layout_count) == 32);
    assert!(offset_of!(Header, needs_minor) == 36);
    assert!(offset_of!(Header, reserved) == 38);
    assert!(offset_of!(Header, needs_features) == 40);
    assert!(size_of::<HostTable>() == 240);
    assert!(align_of::<HostTable>() == 8);
    assert!(offset_of!(HostTable, header) == 0);
    assert!(offset_of!(HostTable, device) == 48);
    assert!(offset_of!(HostTable, open) == 56);
    assert!(offset_of!(HostTable, close) == 64);
    assert!(offset_of!(HostTable, info) == 72);
    assert!(offset_of!(HostTable, snapshot) == 80);
    assert!(offset_of!(HostTable, mmio_exec) == 88);
    assert!(offset_of!(HostTable, wake_get) == 96);
    assert!(offset_of!(HostTable, wake_put) == 104);
    assert!(offset_of!(HostTable, ggtt_reserve) == 112);
    assert!(offset_of!(HostTable, ggtt_release) == 120);
    assert!(offset_of!(HostTable, ggtt_write) == 128);
    assert!(offset_of!(HostTable, fences_reserve) == 136);
    assert!(offset_of!(HostTable, fences_release) == 144);
    assert!(offset_of!(HostTable, fence_write) == 152);
    assert!(offset_of!(HostTable, buffer_alloc) == 160);
    assert!(offset_of!(HostTable, buffer_free) == 168);
    assert!(offset_of!(HostTable, buffer_read) == 176);
    assert!(offset_of!(HostTable, buffer_write) == 184);
    assert!(offset_of!(HostTable, ctx_create) == 192);
    assert!(offset_of!(HostTable, ctx_destroy) == 200);
    assert!(offset_of!(HostTable, ctx_read) == 208);
    assert!(offset_of!(HostTable, ctx_write) == 216);
    assert!(offset_of!(HostTable, ctx_submit) == 224);
    assert!(offset_of!(HostTable, ctx_kill) == 232);
    assert!(size_of::<ClientTable>() == 80);
    assert!(align_of::<ClientTable>() == 8);
    assert!(offset_of!(ClientTable, header) == 0);
    assert!(offset_of!(ClientTable, suspend) == 48);
    assert!(offset_of!(ClientTable, resume) == 56);
    assert!(offset_of!(ClientTable, host_context) == 64);
    assert!(offset_of!(ClientTable, submit_done) == 72);
    assert!(size_of::<Engine>() == 16);
    assert!(align_of::<Engine>() == 8);
    assert!(offset_of!(Engine, class) == 0);
    assert!(offset_of!(Engine, instance) == 2);
    assert!(offset_of!(Engine, mask) == 4);
    assert!(offset_of!(Engine, context_size) == 8);
    assert!(size_of::<Info>() == 216);
    assert!(align_of::<Info>() == 8);
    assert!(offset_of!(Info, platform) == 0);
    assert!(offset_of!(Info, vendor) == 4);
    assert!(offset_of!(Info, device) == 6);
    assert!(offset_of!(Info, revision) == 8);
    assert!(offset_of!(Info, drm_minor) == 12);
    assert!(offset_of!(Info, ggtt_size) == 16);
    assert!(offset_of!(Info, aperture_size) == 24);
    assert!(offset_of!(Info, aperture_base) == 32);
    assert!(offset_of!(Info, gttmmadr_size) == 40);
    assert!(offset_of!(Info, fence_count) == 48);
    assert!(offset_of!(Info, page_sizes) == 52);
    assert!(offset_of!(Info, engine_count) == 56);
    assert!(offset_of!(Info, reserved) == 60);
    assert!(offset_of!(Info, engines) == 64);
    assert!(offset_of!(Info, parent) == 192);
    assert!(offset_of!(Info, card) == 200);
    assert!(offset_of!(Info, debugfs) == 208);
    assert!(size_of::<MmioOp>() == 24);
    assert!(align_of::<MmioOp>() == 4);
    assert!(offset_of!(MmioOp, kind) == 0);
    assert!(offset_of!(MmioOp, offset) == 4);
    assert!(offset_of!(MmioOp, value) == 8);
    assert!(offset_of!(MmioOp, mask) == 12);
    assert!(offset_of!(MmioOp, timeout_us) == 16);
    assert!(offset_of!(MmioOp, reserved) == 20);
    assert!(size_of::<GgttRequest>() == 24);
    assert!(align_of::<GgttRequest>() == 8);
    assert!(offset_of!(GgttRequest, region) == 0);
    assert!(offset_of!(GgttRequest, reserved) == 4);
    assert!(offset_of!(GgttRequest, size) == 8);
    assert!(offset_of!(GgttRequest, align) == 16);
    assert!(size_of::<GgttRange>() == 24);
    assert!(align_of::<GgttRange>() == 8);
    assert!(offset_of!(GgttRange, handle) == 0);
    assert!(offset_of!(GgttRange, start) == 8);
    assert!(offset_of!(GgttRange, size) == 16);
    assert!(size_of::<Buffer>() == 24);
    assert!(align_of::<Buffer>() == 8);
    assert!(offset_of!(Buffer, handle) == 0);
    assert!(offset_of!(Buffer, start) == 8);
    assert!(offset_of!(Buffer, size) == 16);
    assert!(size_of::<ContextRequest>() == 16);
    assert!(align_of::<ContextRequest>() == 8);
    assert!(offset_of!(ContextRequest, engine) == 0);
    assert!(offset_of!(ContextRequest, reserved) == 4);
    assert!(offset_of!(ContextRequest, commands) == 8);
    assert!(size_of::<Context>() == 24);
    assert!(align_of::<Context>() == 8);
    assert!(offset_of!(Context, handle) == 0);
    assert!(offset_of!(Context, image) == 8);
    assert!(offset_of!(Context, commands) == 16);
    assert!(size_of::<Segment>() == 16);
    assert!(align_of::<Segment>() == 8);
    assert!(offset_of!(Segment, commands) == 0);
    assert!(offset_of!(Segment, count) == 8);
    assert!(size_of::<Submission>() == 32);
    assert!(align_of::<Submission>() == 8);
    assert!(offset_of!(Submission, root) == 0);
    assert!(offset_of!(Submission, segments) == 8);
    assert!(offset_of!(Submission, count) == 16);
    assert!(offset_of!(Submission, tag) == 24);
    assert!(size_of::<Snapshot>() == 16);
    assert!(align_of::<Snapshot>() == 8);
    assert!(offset_of!(Snapshot, data) == 0);
    assert!(offset_of!(Snapshot, size) == 8);
    assert!(size_of::<BlobHeader>() == 40);
    assert!(align_of::<BlobHeader>() == 4);
    assert!(offset_of!(BlobHeader, magic) == 0);
    assert!(offset_of!(BlobHeader, version) == 4);
    assert!(offset_of!(BlobHeader, size) == 8);
    assert!(offset_of!(BlobHeader, checksum) == 12);
    assert!(offset_of!(BlobHeader, platform) == 16);
    assert!(offset_of!(BlobHeader, flags) == 20);
    assert!(offset_of!(BlobHeader, table_revision) == 24);
    assert!(offset_of!(BlobHeader, config_size) == 28);
    assert!(offset_of!(BlobHeader, range_count) == 32);
    assert!(offset_of!(BlobHeader, value_count) == 36);
    assert!(size_of::<BlobRange>() == 8);
    assert!(align_of::<BlobRange>() == 4);
    assert!(offset_of!(BlobRange, offset) == 0);
    assert!(offset_of!(BlobRange, count) == 4);
};
