// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Context status: what an engine tells of the contexts that come and go, and where.

use super::descriptor::ContextId;
use crate::address::{Gma, MmioOffset};
use crate::gtt::ranges::Ranges;
use crate::hardware::Engine;
use crate::mmio::registers::named;
use core::ops::BitOr;

/// Entries of the context status buffer (PRM Vol 2c, Context Status Buffer Contents).
pub const ENTRIES: u32 = 6;

/// Context Status Buffer Pointer: the entry written last (PRM Vol 2c, bits 2:0).
const WRITE_POINTER: u32 = 0x7;
/// [`WRITE_POINTER`] after a reset: no entry is written yet (observed: the C GVT-g).
const WRITE_POINTER_NONE: u32 = 0x7;

/// Dword of the status page with the first entry (observed: `I915_HWS_CSB_BUF0_INDEX`).
const PAGE_ENTRIES: u64 = 0x10;
/// Dword of the status page with the index of the entry written last (observed:
/// `I915_HWS_CSB_WRITE_INDEX`).
const PAGE_WRITE_POINTER: u64 = 0x1f;
/// RING_HWS_PGA: the address of the page (PRM Vol 2c, HWS_PGA, bits 31:12).
const PAGE_ADDRESS: u32 = 0xffff_f000;
/// Bytes of a dword.
const DWORD: u64 = 4;

/// What happened to a context (PRM Vol 7, Context Status).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status(u32);

impl Status {
    /// The engine was idle, and is no more.
    pub const IDLE_TO_ACTIVE: Self = Self(1 << 0);
    /// The context made room for a later submission.
    pub const PREEMPTED: Self = Self(1 << 1);
    /// The second context of the submission follows.
    pub const ELEMENT_SWITCH: Self = Self(1 << 2);
    /// The engine is idle.
    pub const ACTIVE_TO_IDLE: Self = Self(1 << 3);
    /// The context has executed all that is in its ring.
    pub const COMPLETE: Self = Self(1 << 4);
    /// The context stays on the engine, and its tail is taken from its image again.
    pub const LITE_RESTORE: Self = Self(1 << 15);

    /// The bits.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl BitOr for Status {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// An entry of the context status buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What happened.
    pub status: Status,
    /// To which context; 0 when an idle engine becomes active.
    pub context: ContextId,
}

impl Entry {
    /// Where it is written when the pointer register of the engine holds `pointer`, which a guest
    /// may have written: behind the last entry the buffer begins anew.
    pub fn place(self, pointer: u32) -> StatusWrite {
        let index = match pointer & WRITE_POINTER {
            last if last < ENTRIES.saturating_sub(1) => last.saturating_add(1),
            _ => 0,
        };
        StatusWrite {
            entry: self,
            index,
            pointer: pointer & !WRITE_POINTER | index,
        }
    }
}

/// An entry with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusWrite {
    /// The entry.
    pub entry: Entry,
    /// Its number in the buffer, less than [`ENTRIES`].
    pub index: u32,
    /// What the pointer register of the engine holds behind it.
    pub pointer: u32,
}

impl StatusWrite {
    /// What the registers of the engine hold behind it.
    pub fn registers(&self, engine: Engine) -> [(MmioOffset, u32); 3] {
        let names = Registers::of(engine);
        // Offsets in register space are small, and so is the index.
        let low = names.buffer.0.saturating_add(self.index.wrapping_shl(3));
        let high = low.saturating_add(4);
        [
            (MmioOffset(low), self.entry.status.bits()),
            (MmioOffset(high), self.entry.context.0),
            (names.pointer, self.pointer),
        ]
    }

    /// What is written to the status page that begins at `page`, in this order: a guest that sees
    /// the index finds the entry.
    pub fn page(&self, page: Gma) -> [(Gma, u32); 3] {
        let at = |dword: u64| Gma(page.0.saturating_add(dword.saturating_mul(DWORD)));
        let low = PAGE_ENTRIES.saturating_add(u64::from(self.index).wrapping_shl(1));
        [
            (at(low), self.entry.status.bits()),
            (at(low.saturating_add(1)), self.entry.context.0),
            (at(PAGE_WRITE_POINTER), self.index),
        ]
    }
}

/// The status page of an engine whose RING_HWS_PGA holds `register`; `None` if that is no page of
/// the vGPU's own. Status is only in the registers then.
pub fn status_page(register: u32, ranges: &Ranges) -> Option<Gma> {
    let page = Gma((register & PAGE_ADDRESS).into());
    ranges.has(page, crate::address::PAGE_SIZE).then_some(page)
}

/// What happened at once: two entries at most, the first one first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events([Option<Entry>; 2]);

impl Events {
    /// Nothing. The guest gets no interrupt for it.
    pub const NONE: Self = Self([None; 2]);

    pub(super) fn one(status: Status, context: ContextId) -> Self {
        Self([Some(Entry { status, context }), None])
    }

    /// These, and the first one of others.
    pub(super) fn and(self, later: Self) -> Self {
        let ([first, _], [second, _]) = (self.0, later.0);
        Self([first, second])
    }

    /// The entries.
    pub fn iter(&self) -> impl Iterator<Item = Entry> + '_ {
        self.0.iter().flatten().copied()
    }

    /// Whether there is none. If there is one, the guest gets a context-switch interrupt.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// What the last one of them was.
    pub(super) fn last(&self) -> Option<Status> {
        self.iter().last().map(|entry| entry.status)
    }
}

/// EXECLIST_STATUS, lower dword (PRM Vol 2c; the bits from 16 on as the C GVT-g has them).
pub(super) mod execlist_status {
    /// The list that runs is the second one.
    pub(crate) const CURRENT: u32 = 1 << 0;
    /// The list that a submission goes to is the second one.
    pub(crate) const WRITE: u32 = 1 << 1;
    /// A submission waits.
    pub(crate) const FULL: u32 = 1 << 2;
    /// The second list has contexts.
    pub(crate) const SECOND_VALID: u32 = 1 << 3;
    /// The first list has contexts.
    pub(crate) const FIRST_VALID: u32 = 1 << 4;
    /// Why contexts were last switched: bits of the context status.
    pub(crate) const REASON: u32 = 0x1ff << REASON_SHIFT;
    /// Bits in front of [`REASON`].
    pub(crate) const REASON_SHIFT: u32 = 5;
    /// The first context of the list is on the engine.
    pub(crate) const FIRST_ELEMENT: u32 = 1 << 14;
    /// The second context of the list is on the engine.
    pub(crate) const SECOND_ELEMENT: u32 = 1 << 15;
    /// The second list is on the engine.
    pub(crate) const SECOND_ACTIVE: u32 = 1 << 17;
    /// The first list is on the engine.
    pub(crate) const FIRST_ACTIVE: u32 = 1 << 18;
}

/// The registers of an engine that show context status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers {
    /// EXECLIST_STATUS, two dwords.
    pub execlist_status: MmioOffset,
    /// The buffer, [`ENTRIES`] of two dwords.
    pub buffer: MmioOffset,
    /// Its pointers.
    pub pointer: MmioOffset,
}

macro_rules! registers {
    ($status:literal, $buffer:literal, $pointer:literal) => {{
        const REGISTERS: Registers = Registers {
            execlist_status: named($status),
            buffer: named($buffer),
            pointer: named($pointer),
        };
        REGISTERS
    }};
}

impl Registers {
    /// Those of an engine.
    #[rustfmt::skip]
    pub fn of(engine: Engine) -> Self {
        match engine {
            Engine::Rcs => registers!("RCS_RING_EXECLIST_STATUS", "RCS_RING_CSB", "RCS_RING_CSB_PTR"),
            Engine::Bcs => registers!("BCS_RING_EXECLIST_STATUS", "BCS_RING_CSB", "BCS_RING_CSB_PTR"),
            Engine::Vcs => registers!("VCS_RING_EXECLIST_STATUS", "VCS_RING_CSB", "VCS_RING_CSB_PTR"),
            Engine::Vcs1 => registers!("VCS1_RING_EXECLIST_STATUS", "VCS1_RING_CSB", "VCS1_RING_CSB_PTR"),
            Engine::Vecs => registers!("VECS_RING_EXECLIST_STATUS", "VECS_RING_CSB", "VECS_RING_CSB_PTR"),
        }
    }

    /// What they hold after a reset of the engine.
    pub fn after_reset(&self) -> [(MmioOffset, u32); 3] {
        let high = MmioOffset(self.execlist_status.0.saturating_add(4));
        [
            (self.execlist_status, 0),
            (high, 0),
            (self.pointer, WRITE_POINTER_NONE),
        ]
    }
}
