// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Execlist submission: the port, arbitration, and context status events.

use super::Context;
use super::Engine;
use super::Halt;
use crate::address::GgttAddress;
use crate::address::PAGE_SIZE;
use crate::regs::engine;
use crate::regs::engine::interrupt;
use crate::touch::{Through, Touch};
use crate::uncore::Uncore;

/// A context descriptor as written to the submit port (PRM Vol 7, Context Descriptor Format).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor(pub u64);

/// How a context's page tables are rooted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addressing {
    ThreeLevel,
    FourLevel,
}

impl Descriptor {
    /// Bit: the descriptor names a context.
    pub const VALID: u64 = 1 << 0;
    /// Addressing mode field: legacy with 64-bit (four-level) page tables.
    pub const LEGACY_64B: u64 = 3 << 3;
    /// Addressing mode field: legacy with 32-bit (three-level) page tables.
    pub const LEGACY_32B: u64 = 1 << 3;
    const ADDRESSING: u64 = 3 << 3;
    const LRCA: u64 = 0xffff_f000;

    /// The descriptor if it names a context.
    fn valid(self) -> Option<Self> {
        (self.0 & Self::VALID != 0).then_some(self)
    }

    /// Where the context's image is: its per-process status page.
    pub fn lrca(self) -> u32 {
        (self.0 & Self::LRCA) as u32
    }

    /// Id of the context, the high dword, as it appears in status events.
    pub fn id(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(super) fn addressing(self) -> Addressing {
        if self.0 & Self::ADDRESSING == Self::LEGACY_64B {
            Addressing::FourLevel
        } else {
            Addressing::ThreeLevel
        }
    }
}

/// Events in the context status buffer (PRM Vol 7, Context Status).
pub mod event {
    /// The engine left idle.
    pub const IDLE_TO_ACTIVE: u32 = 1 << 0;
    /// A new submission took over.
    pub const PREEMPTED: u32 = 1 << 1;
    /// The second context of a submission follows.
    pub const ELEMENT_SWITCH: u32 = 1 << 2;
    /// The engine went idle.
    pub const ACTIVE_TO_IDLE: u32 = 1 << 3;
    /// The context has executed everything.
    pub const COMPLETE: u32 = 1 << 4;
    /// The new submission goes on with the same context.
    pub const LITE_RESTORE: u32 = 1 << 15;
}

const SUBMIT_DWORDS: usize = 4;
const CSB_ENTRIES: u32 = 6;
const CSB_WRITE_POINTER: u32 = 0x7;
/// Dword of the first status event in the hardware status page (observed: i915).
const HWSP_CSB: u64 = 0x10;
/// Dword of the write pointer in the hardware status page (observed: i915).
const HWSP_WRITE_POINTER: u64 = 0x1f;
const STATUS_ACTIVE: u32 = 1 << 14;
const STATUS_PORT_VALID: u32 = 1 << 30;

impl Engine {
    /// Takes a dword written to the submit port; the fourth completes a submission.
    ///
    /// The order is: second context high, low, first context high, low.
    pub fn submit(&mut self, uncore: &mut Uncore, value: u32) {
        self.collected.push(value);
        if self.collected.len() < SUBMIT_DWORDS {
            return;
        }
        let dwords = std::mem::take(&mut self.collected);
        let element =
            |high: u32, low: u32| Descriptor(u64::from(high) << 32 | u64::from(low)).valid();
        let second = element(dwords[0], dwords[1]);
        let first = element(dwords[2], dwords[3]);
        self.pending = Some([first, second]);
        if self.context.is_none() {
            self.arbitrate(uncore);
            self.show_idle(uncore);
        }
    }

    /// Whether a waiting submission would be taken now.
    pub(super) fn may_switch(&self) -> bool {
        let free = self
            .context
            .as_ref()
            .is_none_or(|context| context.preemptible);
        self.pending.is_some() && free && !self.is_hung()
    }

    /// Takes a waiting submission if the engine is idle or at an arbitration point.
    pub(super) fn arbitrate(&mut self, uncore: &mut Uncore) {
        if !self.may_switch() {
            return;
        }
        let Some([first, second]) = self.pending.take() else {
            return;
        };
        let Some(first) = first else { return };
        let running = self.context.as_ref().map(|context| context.descriptor);
        match running {
            Some(running) if running.id() == first.id() && running.lrca() == first.lrca() => {
                self.report(uncore, event::LITE_RESTORE | event::PREEMPTED, running.id());
                self.next = second;
                self.reload_tail(uncore, first);
            }
            Some(running) => {
                self.save_context(uncore);
                self.report(uncore, event::PREEMPTED, running.id());
                self.next = second;
                self.load_context(uncore, first);
            }
            None => {
                self.report(uncore, event::IDLE_TO_ACTIVE, 0);
                self.next = second;
                self.load_context(uncore, first);
            }
        }
        self.show_ports(uncore);
    }

    /// Ends the context on the engine: all its commands are executed.
    pub(super) fn complete_context(&mut self, uncore: &mut Uncore) {
        let Some(running) = self.context.as_ref().map(|context| context.descriptor) else {
            return;
        };
        self.save_context(uncore);
        match self.next.take() {
            Some(next) => {
                self.report(
                    uncore,
                    event::COMPLETE | event::ELEMENT_SWITCH,
                    running.id(),
                );
                self.load_context(uncore, next);
            }
            None => {
                self.unload_context(uncore);
                self.report(
                    uncore,
                    event::COMPLETE | event::ACTIVE_TO_IDLE,
                    running.id(),
                );
            }
        }
        self.show_ports(uncore);
    }

    /// Stops at once and forgets all contexts; nothing is saved.
    ///
    /// The caller returns the engine's registers to their reset values.
    pub fn reset(&mut self, uncore: &mut Uncore) {
        self.unload_context(uncore);
        *self = Self::new(self.id);
    }

    /// Samples the ring again for a context that is already on the engine.
    fn reload_tail(&mut self, uncore: &mut Uncore, descriptor: Descriptor) {
        let tail = self.image_tail(uncore, descriptor);
        if let Some(context) = &mut self.context {
            context.descriptor = descriptor;
            context.ring.tail = tail;
            // The wait that made this an arbitration point is tried again first.
            context.preemptible = false;
        }
        if self.halt == Some(Halt::Waiting) {
            self.halt = None;
        }
        self.show_ring(uncore);
    }

    /// Writes a status event to the registers and to the status page, and raises the interrupt.
    fn report(&mut self, uncore: &mut Uncore, status: u32, id: u32) {
        let pointer = self.register(engine::CSB_POINTER);
        let last = uncore.regs.get(pointer) & CSB_WRITE_POINTER;
        let index = if last >= CSB_ENTRIES {
            0
        } else {
            (last + 1) % CSB_ENTRIES
        };
        uncore
            .regs
            .set(self.register(engine::CSB + 8 * index), status);
        uncore
            .regs
            .set(self.register(engine::CSB + 8 * index + 4), id);
        uncore.regs.update(pointer, CSB_WRITE_POINTER, index);

        let page = uncore.regs.get(self.register(engine::HWS_PGA));
        let dword = |number: u64| {
            let offset = number * 4 % PAGE_SIZE;
            GgttAddress(u64::from(page & !(PAGE_SIZE as u32 - 1)) + offset)
        };
        let slot = HWSP_CSB + 2 * u64::from(index);
        for (number, value) in [(slot, status), (slot + 1, id), (HWSP_WRITE_POINTER, index)] {
            if let Some(address) = uncore.ggtt.translate(dword(number)) {
                uncore.touches.note(Touch {
                    engine: self.id,
                    lrca: None,
                    page: address,
                    written: true,
                    through: Through::Ggtt,
                });
                // No status page in memory: the registers have the event all the same.
                let _ = uncore.memory.write_u32(address, value);
            }
        }
        self.raise(uncore, interrupt::CONTEXT_SWITCH);
    }

    fn show_ports(&self, uncore: &mut Uncore) {
        let (low, high) = match &self.context {
            Some(Context { descriptor, .. }) => {
                (STATUS_ACTIVE | STATUS_PORT_VALID, descriptor.id())
            }
            None => (0, 0),
        };
        uncore.regs.set(self.register(engine::EXECLIST_STATUS), low);
        uncore
            .regs
            .set(self.register(engine::EXECLIST_STATUS_HIGH), high);
    }
}
