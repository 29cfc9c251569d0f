// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The ring context: the first registers of a context's image, which say what is to be executed.
//!
//! A guest can change its memory at any time. So the dwords are copied out of it once, by whoever
//! reads memory, and what was checked here is all that is used of them later.

use super::ring::{RawRing, Ring};
use crate::address::{Gfn, Gma, PAGE_SHIFT, PAGE_SIZE};
use crate::execlist::Addressing;
use crate::gtt::ranges::Ranges;
use core::fmt;
use iface::types::PTE_ADDRESS;

/// Dwords of the ring context, from the page behind the LRCA on.
pub const DWORDS: usize = 0x50;

/// Dwords of it that hold values (PRM Vol 7, Register State Context; observed: i915's layout).
pub(crate) mod dword {
    /// CTX_CONTEXT_CONTROL.
    pub(crate) const CONTEXT_CONTROL: usize = 0x03;
    /// RING_HEAD.
    pub(crate) const HEAD: usize = 0x05;
    /// RING_TAIL.
    pub(crate) const TAIL: usize = 0x07;
    /// RING_START.
    pub(crate) const START: usize = 0x09;
    /// RING_CTL.
    pub(crate) const CONTROL: usize = 0x0b;
    /// BB_PER_CTX_PTR.
    pub(crate) const PER_CONTEXT: usize = 0x19;
    /// INDIRECT_CTX.
    pub(crate) const INDIRECT: usize = 0x1b;
    /// INDIRECT_CTX_OFFSET.
    pub(crate) const INDIRECT_OFFSET: usize = 0x1d;
    /// CTX_TIMESTAMP.
    pub(crate) const TIMESTAMP: usize = 0x23;
    /// Upper dwords of PDP 0 to 3; the lower one is two dwords behind each.
    pub(crate) const PDP: [(usize, usize); 4] =
        [(0x31, 0x33), (0x2d, 0x2f), (0x29, 0x2b), (0x25, 0x27)];
}

/// CTX_CONTEXT_CONTROL: only the ring context is restored (PRM Vol 2c, bit 0, masked by bit 16).
const RESTORE_INHIBIT: u32 = 1 << 0;
/// Bits from the lower half of a masked register to the half that selects them.
const SELECT_SHIFT: u32 = 16;

/// BB_PER_CTX_PTR: there is a batch (PRM Vol 2c, bit 0).
pub const PER_CONTEXT_VALID: u32 = 1 << 0;
/// BB_PER_CTX_PTR: its address (bits 31:12).
const PER_CONTEXT_ADDRESS: u32 = 0xffff_f000;
/// INDIRECT_CTX: cachelines of the batch; with none there is no batch (PRM Vol 2c, bits 5:0).
const INDIRECT_SIZE: u32 = 0x3f;
/// INDIRECT_CTX: its address (bits 31:6).
const INDIRECT_ADDRESS: u32 = 0xffff_ffc0;
/// Bytes of a cacheline.
const CACHELINE: u32 = 64;
/// INDIRECT_CTX_OFFSET: where in the restore it is executed, in cachelines (PRM Vol 2c, bits 15:6).
const INDIRECT_OFFSET: u32 = 0xffc0;

/// A ring context as a guest has it, copied: anything.
#[derive(Clone, Copy, Debug)]
pub struct RawImage<'a> {
    /// The dwords.
    pub dwords: &'a [u32; DWORDS],
    /// How its descriptor says that its page tables are rooted.
    pub addressing: Addressing,
    /// Whether contexts of that engine have batches of their own: those of render do, and from
    /// Gen9 on all.
    pub has_batches: bool,
    /// What of the GGTT is the vGPU's own.
    pub ranges: &'a Ranges,
}

/// Where a context's page tables begin, in the guest's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// Four page directories.
    ThreeLevel([Gfn; 4]),
    /// A PML4 table.
    FourLevel(Gfn),
}

/// A batch that is executed while a context is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indirect {
    /// Where it begins, at a cacheline.
    pub start: Gma,
    /// Bytes of it, 63 cachelines at most and one at least.
    pub size: u32,
    /// Where in the restore it is executed, in cachelines.
    pub offset: u32,
}

impl Indirect {
    /// INDIRECT_CTX.
    pub fn register(&self) -> u32 {
        let start = u32::try_from(self.start.0).unwrap_or_default();
        start & INDIRECT_ADDRESS | self.size >> CACHELINE.trailing_zeros()
    }
}

/// A ring context that a vGPU may have: all of its addresses are in the vGPU's own GGTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// The commands.
    pub ring: Ring,
    /// Where its page tables begin.
    pub root: Root,
    /// The batch that is executed while it is restored.
    pub indirect: Option<Indirect>,
    /// The batch that is executed behind each restore; its first page is the vGPU's own.
    pub per_context: Option<Gma>,
    /// CTX_CONTEXT_CONTROL.
    pub context_control: u32,
    /// CTX_TIMESTAMP.
    pub timestamp: u32,
}

impl TryFrom<RawImage<'_>> for Image {
    type Error = Rule;

    fn try_from(raw: RawImage<'_>) -> Result<Self, Rule> {
        let dwords = raw.dwords;
        let ring = RawRing {
            head: dwords[dword::HEAD],
            tail: dwords[dword::TAIL],
            start: dwords[dword::START],
            control: dwords[dword::CONTROL],
        };
        let (indirect, per_context) = match raw.has_batches {
            true => (raw.indirect()?, raw.per_context()?),
            false => (None, None),
        };
        Ok(Self {
            ring: ring.check(raw.ranges)?,
            root: raw.root()?,
            indirect,
            per_context,
            context_control: dwords[dword::CONTEXT_CONTROL],
            timestamp: dwords[dword::TIMESTAMP],
        })
    }
}

impl RawImage<'_> {
    fn root(&self) -> Result<Root, Rule> {
        let table = |(upper, lower): (usize, usize)| {
            let get = |dword: usize| self.dwords.get(dword).copied().unwrap_or_default();
            let address = u64::from(get(upper)).wrapping_shl(u32::BITS) | u64::from(get(lower));
            let page = address >> PAGE_SHIFT;
            match page & !(PTE_ADDRESS >> PAGE_SHIFT) {
                0 => Ok(Gfn(page)),
                _ => Err(Rule::Root),
            }
        };
        let [first, second, third, fourth] = dword::PDP;
        Ok(match self.addressing {
            Addressing::FourLevel => Root::FourLevel(table(first)?),
            Addressing::ThreeLevel => {
                Root::ThreeLevel([table(first)?, table(second)?, table(third)?, table(fourth)?])
            }
        })
    }

    fn indirect(&self) -> Result<Option<Indirect>, Rule> {
        let value = self.dwords[dword::INDIRECT];
        let size = (value & INDIRECT_SIZE).saturating_mul(CACHELINE);
        if size == 0 {
            return Ok(None);
        }
        let start = Gma((value & INDIRECT_ADDRESS).into());
        if !self.ranges.has(start, size.into()) {
            return Err(Rule::Indirect);
        }
        let offset = self.dwords[dword::INDIRECT_OFFSET] & INDIRECT_OFFSET;
        Ok(Some(Indirect {
            start,
            size,
            offset: offset >> CACHELINE.trailing_zeros(),
        }))
    }

    fn per_context(&self) -> Result<Option<Gma>, Rule> {
        let value = self.dwords[dword::PER_CONTEXT];
        if value & PER_CONTEXT_VALID == 0 {
            return Ok(None);
        }
        let start = Gma((value & PER_CONTEXT_ADDRESS).into());
        match self.ranges.has(start, PAGE_SIZE) {
            true => Ok(Some(start)),
            false => Err(Rule::PerContext),
        }
    }
}

impl Image {
    /// Whether only the ring context is restored, as of a context that never ran.
    pub fn inhibits_restore(&self) -> bool {
        let bits = RESTORE_INHIBIT | RESTORE_INHIBIT.wrapping_shl(SELECT_SHIFT);
        self.context_control & bits == bits
    }
}

/// The rules of a ring context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Its registers can be read.
    Unreadable,
    /// The ring is enabled.
    RingDisabled,
    /// The ring begins at a page boundary, and is in the vGPU's own GGTT.
    RingRange,
    /// The head is at a dword of the ring.
    RingHead,
    /// The tail is at a qword of the ring.
    RingTail,
    /// The indirect batch is in the vGPU's own GGTT.
    Indirect,
    /// The per-context batch begins in the vGPU's own GGTT.
    PerContext,
    /// The page tables begin where the GPU reaches.
    Root,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "its registers are not in the guest's memory",
            Self::RingDisabled => "its ring is not enabled",
            Self::RingRange => "its ring is not at pages of the vGPU's own GGTT",
            Self::RingHead => "its head is at no dword of its ring",
            Self::RingTail => "its tail is at no qword of its ring",
            Self::Indirect => "its indirect batch is not inside the vGPU's own GGTT",
            Self::PerContext => "its per-context batch is not inside the vGPU's own GGTT",
            Self::Root => "its page tables are beyond 46 bits",
        })
    }
}
