// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The plain structures that cross the boundary.

use crate::layout::structure;
use core::ffi::c_void;

/// The most engines that a GPU of the contract has.
pub const MAX_ENGINES: usize = 8;
/// The most GGTT ranges that a client has at a time: two for each of the vGPUs that an aperture has
/// room for, and as many again for its own use.
pub const MAX_RANGES: usize = 32;
/// The most sets of fences that a client has at a time: one for each vGPU, and one more.
pub const MAX_FENCE_SETS: usize = 8;
/// The most buffers that a client has at a time: for each engine of each vGPU one, and a few.
pub const MAX_BUFFERS: usize = 48;
/// The most logical contexts that a client has at a time: one for each engine of each vGPU.
pub const MAX_CONTEXTS: usize = 40;

/// Engine class: render (RCS).
pub const ENGINE_RENDER: u16 = 0;
/// Engine class: blitter (BCS).
pub const ENGINE_COPY: u16 = 1;
/// Engine class: video (VCS).
pub const ENGINE_VIDEO: u16 = 2;
/// Engine class: video enhancement (VECS).
pub const ENGINE_VIDEO_ENHANCE: u16 = 3;

structure! {
    /// An engine.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Engine {
        /// One of `ENGINE_*`.
        since 0 pub class: u16,
        /// Number within its class, from 0.
        since 0 pub instance: u16,
        /// Its bit, which names it in operations and call-backs.
        since 0 pub mask: u32,
        /// Bytes of a logical context image, the per-process status page included.
        since 0 pub context_size: u64,
    }
}

/// [`Info::page_sizes`]: 4 KiB pages.
pub const PAGE_SIZE_4K: u32 = 1 << 12;
/// [`Info::page_sizes`]: 64 KiB pages.
pub const PAGE_SIZE_64K: u32 = 1 << 16;
/// [`Info::page_sizes`]: 2 MiB pages.
pub const PAGE_SIZE_2M: u32 = 1 << 21;

structure! {
    /// What a GPU is; constant while the device is there.
    #[derive(Clone, Copy, Debug)]
    pub struct Info {
        /// [`Platform`](crate::registers::Platform) as a number.
        since 0 pub platform: u32,
        /// PCI vendor id.
        since 0 pub vendor: u16,
        /// PCI device id.
        since 0 pub device: u16,
        /// PCI revision id.
        since 0 pub revision: u32,
        /// Minor number of the card's primary DRM node: the N of `i915.gvt.N` and `dri/N`.
        since 0 pub drm_minor: u32,
        /// Bytes that the GGTT maps.
        since 0 pub ggtt_size: u64,
        /// Bytes of the GGTT that the CPU reaches through the aperture (BAR 2), from GGTT address 0.
        since 0 pub aperture_size: u64,
        /// Physical address of the aperture.
        since 0 pub aperture_base: u64,
        /// Bytes of BAR 0.
        since 0 pub gttmmadr_size: u64,
        /// Fence registers that the GPU has.
        since 0 pub fence_count: u32,
        /// Page sizes of the PPGTT, an or of `PAGE_SIZE_*`.
        since 0 pub page_sizes: u32,
        /// How many of `engines` are valid.
        since 0 pub engine_count: u32,
        /// Zero.
        since 0 pub reserved: u32,
        /// The engines.
        since 0 pub engines: [Engine; MAX_ENGINES],
        /// `struct device` of the GPU: the parent of vGPUs, and what guest pages are mapped for DMA
        /// with. Borrowed, valid until the client's remove returns; null in the hosted world.
        since 0 pub parent: *mut c_void,
        /// `struct device` of the card's primary DRM node, for its uevents. As above.
        since 0 pub card: *mut c_void,
        /// `struct dentry` of the card's folder in debugfs, or an error in its place. As above.
        since 0 pub debugfs: *mut c_void,
    }
}

/// Kinds of [`MmioOp`].
pub mod mmio {
    /// Read the register into `value`.
    pub const READ: u32 = 0;
    /// Write `value`.
    pub const WRITE: u32 = 1;
    /// Read until the bits of `mask` equal those of `value`; what was read last replaces `value`.
    pub const POLL: u32 = 2;

    /// The most entries of a batch.
    pub const MAX_OPS: u32 = 256;
    /// The longest the polls of a batch may take together, in microseconds; they spin.
    pub const MAX_POLL_US: u32 = 250;
}

structure! {
    /// An access to a register.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct MmioOp {
        /// One of [`mmio`]'s kinds.
        since 0 pub kind: u32,
        /// Offset in register space, a multiple of 4 below 2 MiB.
        since 0 pub offset: u32,
        /// Value written, or read.
        since 0 pub value: u32,
        /// Bits that count, for [`mmio::POLL`].
        since 0 pub mask: u32,
        /// Microseconds, for [`mmio::POLL`].
        since 0 pub timeout_us: u32,
        /// Zero.
        since 0 pub reserved: u32,
    }
}

/// [`GgttRequest::region`]: below the aperture's end, reached by the CPU.
pub const REGION_APERTURE: u32 = 0;
/// [`GgttRequest::region`]: behind the aperture, reached only by the GPU.
pub const REGION_HIGH: u32 = 1;

structure! {
    /// Asks for a range of the GGTT.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct GgttRequest {
        /// One of `REGION_*`.
        since 0 pub region: u32,
        /// Zero.
        since 0 pub reserved: u32,
        /// Bytes, a multiple of 4 KiB.
        since 0 pub size: u64,
        /// Alignment of its start in bytes, a power of two of at least 4 KiB.
        since 0 pub align: u64,
    }
}

structure! {
    /// A range of the GGTT that belongs to the client.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct GgttRange {
        /// Names it in other operations; never 0.
        since 0 pub handle: u64,
        /// GGTT address of its first byte.
        since 0 pub start: u64,
        /// Bytes.
        since 0 pub size: u64,
    }
}

structure! {
    /// A buffer of the client: memory that the GPU reaches in the host's part of the GGTT.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Buffer {
        /// Names it in other operations; never 0.
        since 0 pub handle: u64,
        /// GGTT address of its first byte, a multiple of 4 KiB.
        since 0 pub start: u64,
        /// Bytes, a multiple of 4 KiB.
        since 0 pub size: u64,
    }
}

structure! {
    /// Asks for a logical context.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct ContextRequest {
        /// The engine that it is for: its [`Engine::mask`], one bit.
        since 0 pub engine: u32,
        /// Zero.
        since 0 pub reserved: u32,
        /// Dwords of the longest submission, at the most [`MAX_COMMANDS`].
        since 0 pub commands: u64,
    }
}

/// The most dwords of a submission that can be asked for.
pub const MAX_COMMANDS: u64 = 1 << 17;

structure! {
    /// A logical context of the client.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Context {
        /// Names it in other operations; never 0.
        since 0 pub handle: u64,
        /// Bytes of its image, the per-process status page, which comes first, included.
        since 0 pub image: u64,
        /// Dwords of the longest submission that it takes; at least as many as were asked for.
        since 0 pub commands: u64,
    }
}

/// The most segments of a submission.
pub const MAX_SEGMENTS: usize = 8;

structure! {
    /// Commands that are one behind the other in the client's memory.
    #[derive(Clone, Copy, Debug)]
    pub struct Segment {
        /// The commands; not null, even if there are none.
        since 0 pub commands: *const u32,
        /// Dwords of them, maybe 0.
        since 0 pub count: u64,
    }
}

impl Segment {
    /// The segment of these commands, which lives no longer than they do.
    pub const fn of(commands: &[u32]) -> Self {
        Self {
            commands: commands.as_ptr(),
            count: commands.len() as u64,
        }
    }
}

structure! {
    /// What a context is to execute.
    #[derive(Clone, Copy, Debug)]
    pub struct Submission {
        /// DMA address of the PML4 table that its PPGTT begins with, a multiple of 4 KiB.
        since 0 pub root: u64,
        /// The commands, in segments, which are executed from a ring one after the other. Together
        /// they have an even number of dwords, and no more than [`Context::commands`]. Borrowed,
        /// as is what they point to, until the operation returns.
        since 0 pub segments: *const Segment,
        /// How many segments there are, at the most [`MAX_SEGMENTS`].
        since 0 pub count: u64,
        /// Comes back when it is done.
        since 0 pub tag: u64,
    }
}

structure! {
    /// Where the golden snapshot is.
    #[derive(Clone, Copy, Debug)]
    pub struct Snapshot {
        /// The snapshot, in the format of [`crate::snapshot`]. Read-only, constant, valid until
        /// the client's remove returns.
        since 0 pub data: *const u8,
        /// Bytes.
        since 0 pub size: u64,
    }
}

/// The bits of a GGTT entry that may be set (PRM Vol 5, GTT entry of Gen8: address 45:12, PAT
/// index 7, PCD 4, PWT 3, present 0).
pub const PTE_VALID_BITS: u64 = PTE_ADDRESS | 1 << 7 | 1 << 4 | 1 << 3 | PTE_PRESENT;
/// The address bits of a GGTT entry: 46 bits of physical address, 4 KiB pages.
pub const PTE_ADDRESS: u64 = ((1 << 46) - 1) & !0xfff;
/// The entry maps a page.
pub const PTE_PRESENT: u64 = 1 << 0;
/// log2 of the bytes that a GGTT entry maps.
pub const GGTT_PAGE_SHIFT: u32 = 12;
/// Bytes that a GGTT entry maps.
pub const GGTT_PAGE_SIZE: u64 = 1 << GGTT_PAGE_SHIFT;

const _: () = {
    assert!(size_of::<Engine>() == 16);
    assert!(size_of::<Info>() == 216);
    assert!(size_of::<MmioOp>() == 24);
    assert!(size_of::<GgttRequest>() == 24);
    assert!(size_of::<GgttRange>() == 24);
    assert!(size_of::<Buffer>() == 24);
    assert!(size_of::<ContextRequest>() == 16);
    assert!(size_of::<Context>() == 24);
    assert!(size_of::<Segment>() == 16);
    assert!(size_of::<Submission>() == 32);
    assert!(size_of::<Snapshot>() == 16);
};
