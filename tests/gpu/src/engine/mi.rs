// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Memory interface commands.

use super::batch::Batch;
use super::batch::Place;
use super::command::mi;
use super::Engine;
use super::Outcome;
use super::Space;
use crate::address::MmioOffset;
use crate::address::PAGE_SHIFT;
use crate::platform::EngineId;
use crate::regs::engine;
use crate::regs::engine::interrupt;
use crate::uncore::Uncore;

/// Most batches on top of each other: a batch and a second-level batch.
const BATCH_DEPTH: usize = 2;
/// Address bits of a command: 47:2.
const ADDRESS: u64 = 0xffff_ffff_fffc;
/// REPORT_PERF_COUNT: the address is in the GGTT; otherwise bits 31:6.
const REPORT_IN_GGTT: u32 = 1 << 0;
const REPORT_ADDRESS: u64 = 0xffff_ffff_ffc0;
/// Bytes of a report that have contents here: id, time stamp, context id.
const REPORT_BYTES: usize = 16;
/// UPDATE_GTT: entries begin at dword 2.
const UPDATE_GTT_FIRST: usize = 2;
const UPDATE_GTT_PAGE: u32 = 0xffff_f000;

/// Fields of MI_PREDICATE.
mod predicate {
    pub const LOAD: u32 = 3 << 6;
    pub const LOAD_KEEP: u32 = 0 << 6;
    pub const LOAD_INVERTED: u32 = 3 << 6;
    pub const COMBINE: u32 = 3 << 3;
    pub const COMBINE_AND: u32 = 1 << 3;
    pub const COMBINE_OR: u32 = 2 << 3;
    pub const COMBINE_XOR: u32 = 3 << 3;
    pub const COMPARE: u32 = 3;
    pub const COMPARE_TRUE: u32 = 0;
    pub const COMPARE_FALSE: u32 = 1;
    pub const COMPARE_SOURCES: u32 = 2;
}

impl Engine {
    /// Executes an MI command; `d` has all its dwords.
    pub(super) fn execute_mi(&mut self, uncore: &mut Uncore, opcode: u32, d: &[u32]) -> Outcome {
        let operand = |index: usize| d.get(index).copied().unwrap_or(0);
        match opcode {
            mi::USER_INTERRUPT => self.raise(uncore, interrupt::USER),
            mi::ARB_ON_OFF => self.set_arbitration(operand(0) & mi::ARB_ENABLE != 0),
            mi::PREDICATE => self.predicate(uncore, operand(0)),
            mi::OPCODE_BATCH_BUFFER_END => return self.end_batch(),
            mi::BATCH_BUFFER_START => return self.start_batch(uncore, d),
            mi::CONDITIONAL_BATCH_BUFFER_END => return self.end_batch_if(uncore, d),
            mi::SEMAPHORE_WAIT => return self.wait_semaphore(uncore, d),
            mi::SEMAPHORE_SIGNAL => self.signal_semaphore(operand(0)),
            mi::STORE_DATA_IMM => self.store_data(uncore, d),
            mi::STORE_DATA_INDEX => {
                for (index, value) in (0..).zip(d.iter().skip(2)) {
                    let place =
                        self.status_place((operand(1) & mi::STATUS_PAGE_OFFSET) + 4 * index);
                    self.write_u32(uncore, place, *value);
                }
            }
            mi::LOAD_REGISTER_IMM => {
                for pair in d[1..].chunks_exact(2) {
                    self.write_register(uncore, pair[0], pair[1]);
                }
            }
            mi::LOAD_REGISTER_REG => {
                let value = uncore.read(register(operand(1)));
                self.write_register(uncore, operand(2), value);
            }
            mi::LOAD_REGISTER_MEM => {
                if let Some(place) = self.operand_address(operand(0), operand(2), operand(3)) {
                    let value = self.read_u32(uncore, place);
                    self.write_register(uncore, operand(1), value);
                }
            }
            mi::STORE_REGISTER_MEM => self.store_register(uncore, d),
            mi::COPY_MEM_MEM => self.copy(uncore, d),
            mi::UPDATE_GTT => self.update_gtt(uncore, d),
            mi::REPORT_PERF_COUNT => self.report_counters(uncore, d),
            mi::DISPLAY_FLIP => self.flip(uncore, d),
            mi::FLUSH_DW => self.execute_flush(uncore, d),
            mi::MATH => self.execute_math(uncore, &d[1..]),
            mi::ATOMIC => self.execute_atomic(uncore, d),
            // No effect here: NOOP, waits for events that are past, hints, cache maintenance.
            _ => {}
        }
        Outcome::Next
    }

    /// The address operand of a command; none if it names the GGTT and may not.
    pub(super) fn operand_address(&self, header: u32, low: u32, high: u32) -> Option<Place> {
        self.address_in(header & mi::USE_GGTT != 0, low, high)
    }

    /// As [`Engine::operand_address`], with the space told apart from the header.
    pub(super) fn address_in(&self, ggtt: bool, low: u32, high: u32) -> Option<Place> {
        let address = (u64::from(high) << 32 | u64::from(low)) & ADDRESS;
        if !ggtt {
            return Some(Place {
                space: Space::Ppgtt,
                address,
            });
        }
        self.may_use_ggtt().then_some(Place {
            space: Space::Ggtt,
            address,
        })
    }

    /// A place in the status page of the context on the engine.
    pub(super) fn status_place(&self, offset: u32) -> Place {
        let page = self
            .context
            .as_ref()
            .map_or(0, |context| context.descriptor.lrca());
        Place {
            space: Space::Ggtt,
            address: u64::from(page) + u64::from(offset),
        }
    }

    /// Writes a register unless the command may not.
    pub(super) fn write_register(&mut self, uncore: &mut Uncore, offset: u32, value: u32) {
        let offset = register(offset);
        if self.may_write(uncore, offset) {
            let effect = uncore.write(offset, value);
            self.effects.extend(effect);
        }
    }

    fn set_arbitration(&mut self, enabled: bool) {
        if let Some(context) = &mut self.context {
            context.arbitration = enabled;
        }
    }

    fn end_batch(&mut self) -> Outcome {
        match &mut self.context {
            Some(context) if !context.in_ring() => {
                context.end_batch();
                Outcome::Jumped
            }
            // In the ring it does nothing.
            _ => Outcome::Next,
        }
    }

    fn start_batch(&mut self, uncore: &Uncore, d: &[u32]) -> Outcome {
        let &[header, low, ref rest @ ..] = d else {
            return Outcome::Hang;
        };
        if header & mi::BATCH_PREDICATED != 0 && !self.predicate_holds(uncore) {
            return Outcome::Next;
        }
        let high = rest.first().copied().unwrap_or(0);
        let ggtt = header & mi::BATCH_IN_PPGTT == 0;
        // An unprivileged batch cannot make itself privileged.
        let space = if ggtt && self.may_use_ggtt() {
            Space::Ggtt
        } else {
            Space::Ppgtt
        };
        let address = (u64::from(high) << 32 | u64::from(low)) & ADDRESS;
        let batch = Batch {
            place: Place { space, address },
            end: None,
        };
        let Some(context) = &mut self.context else {
            return Outcome::Hang;
        };
        if let Some(workaround) = context.workarounds.last_mut() {
            *workaround = batch;
            return Outcome::Jumped;
        }
        let nested = header & mi::BATCH_SECOND_LEVEL != 0;
        match context.batches.len() {
            0 => {
                self.advance(d.len() as u32);
                self.push_batch(batch);
            }
            depth if nested && depth < BATCH_DEPTH => {
                self.advance(d.len() as u32);
                self.push_batch(batch);
            }
            _ => {
                if let Some(current) = context.batches.last_mut() {
                    *current = batch;
                }
            }
        }
        Outcome::Jumped
    }

    fn push_batch(&mut self, batch: Batch) {
        if let Some(context) = &mut self.context {
            context.batches.push(batch);
        }
    }

    fn end_batch_if(&mut self, uncore: &mut Uncore, d: &[u32]) -> Outcome {
        let &[header, limit, low, high, ..] = d else {
            return Outcome::Hang;
        };
        let Some(place) = self.operand_address(header, low, high) else {
            return Outcome::Next;
        };
        if self.read_u32(uncore, place) <= limit {
            self.end_batch()
        } else {
            Outcome::Next
        }
    }

    fn wait_semaphore(&mut self, uncore: &mut Uncore, d: &[u32]) -> Outcome {
        let &[header, expected, low, high, ..] = d else {
            return Outcome::Hang;
        };
        let Some(place) = self.operand_address(header, low, high) else {
            return Outcome::Next;
        };
        let polls = header & mi::SEMAPHORE_POLL != 0;
        let signalled = std::mem::take(&mut self.signalled);
        if self.waiting && !polls && !signalled {
            return Outcome::Wait;
        }
        let found = self.read_u32(uncore, place);
        let holds = match header >> mi::SEMAPHORE_COMPARE_SHIFT & mi::THREE_BITS {
            0 => found > expected,
            1 => found >= expected,
            2 => found < expected,
            3 => found <= expected,
            4 => found == expected,
            5 => found != expected,
            _ => return Outcome::Hang,
        };
        let waited = std::mem::replace(&mut self.waiting, !holds);
        if holds {
            return Outcome::Next;
        }
        if !waited {
            self.raise(uncore, interrupt::WAIT_SEMAPHORE);
        }
        Outcome::Wait
    }

    fn signal_semaphore(&mut self, header: u32) {
        let target = match header >> mi::SEMAPHORE_TARGET_SHIFT & mi::THREE_BITS {
            0 => EngineId::Rcs0,
            1 => EngineId::Vcs0,
            2 => EngineId::Bcs0,
            3 => EngineId::Vecs0,
            4 => EngineId::Vcs1,
            _ => return,
        };
        self.effects.push(crate::uncore::Effect::Signal(target));
    }

    fn store_data(&mut self, uncore: &mut Uncore, d: &[u32]) {
        let &[header, low, high, ref data @ ..] = d else {
            return;
        };
        let Some(place) = self.operand_address(header, low, high) else {
            return;
        };
        if header & mi::STORE_QWORD != 0 {
            if let [low, high, ..] = data {
                self.write_u64(uncore, place, u64::from(*high) << 32 | u64::from(*low));
            }
            return;
        }
        for (index, value) in (0..).zip(data) {
            let place = Place {
                address: place.address + 4 * index,
                ..place
            };
            self.write_u32(uncore, place, *value);
        }
    }

    fn store_register(&mut self, uncore: &mut Uncore, d: &[u32]) {
        let &[header, offset, low, high, ..] = d else {
            return;
        };
        if header & mi::SRM_PREDICATED != 0 && !self.predicate_holds(uncore) {
            return;
        }
        if let Some(place) = self.operand_address(header, low, high) {
            let value = uncore.read(register(offset));
            self.write_u32(uncore, place, value);
        }
    }

    fn copy(&mut self, uncore: &mut Uncore, d: &[u32]) {
        let &[header, to_low, to_high, from_low, from_high, ..] = d else {
            return;
        };
        let to = self.address_in(header & mi::DESTINATION_GGTT != 0, to_low, to_high);
        let from = self.address_in(header & mi::USE_GGTT != 0, from_low, from_high);
        if let (Some(to), Some(from)) = (to, from) {
            let value = self.read_u32(uncore, from);
            self.write_u32(uncore, to, value);
        }
    }

    fn update_gtt(&mut self, uncore: &mut Uncore, d: &[u32]) {
        let Some(first) = d.get(1).filter(|_| self.may_use_ggtt()) else {
            return;
        };
        let page = u64::from(first & UPDATE_GTT_PAGE) >> PAGE_SHIFT;
        for (page, entry) in (page..).zip(d[UPDATE_GTT_FIRST..].chunks_exact(2)) {
            let entry = u64::from(entry[1]) << 32 | u64::from(entry[0]);
            uncore.ggtt.write(page * 8, &entry.to_le_bytes());
        }
    }

    fn report_counters(&mut self, uncore: &mut Uncore, d: &[u32]) {
        let &[_, low, high, id, ..] = d else { return };
        let Some(place) = self.address_in(low & REPORT_IN_GGTT != 0, low, high) else {
            return;
        };
        let place = Place {
            address: place.address & REPORT_ADDRESS,
            ..place
        };
        let mut report = [0; REPORT_BYTES];
        let context = self
            .context
            .as_ref()
            .map_or(0, |context| context.descriptor.id());
        for (at, value) in [id, uncore.timestamp() as u32, context]
            .into_iter()
            .enumerate()
        {
            report[4 * at..4 * at + 4].copy_from_slice(&value.to_le_bytes());
        }
        self.write_bytes(uncore, place, &report);
    }

    fn flip(&mut self, uncore: &mut Uncore, d: &[u32]) {
        let &[header, stride, surface, ..] = d else {
            return;
        };
        if self.may_use_ggtt() {
            uncore.flip(header, stride, surface);
        }
    }

    fn predicate(&mut self, uncore: &mut Uncore, header: u32) {
        let get64 = |offset| {
            let low = self.register(offset);
            u64::from(uncore.regs.get(low.add(4))) << 32 | u64::from(uncore.regs.get(low))
        };
        let sources = [engine::PREDICATE_SRC0, engine::PREDICATE_SRC0 + 8].map(get64);
        let old = self.predicate_holds(uncore);
        let compared = match header & predicate::COMPARE {
            predicate::COMPARE_TRUE => true,
            predicate::COMPARE_FALSE => false,
            predicate::COMPARE_SOURCES => sources[0] == sources[1],
            _ => sources[0].wrapping_sub(sources[1]) == get64(engine::PREDICATE_DATA),
        };
        let combined = match header & predicate::COMBINE {
            predicate::COMBINE_AND => old & compared,
            predicate::COMBINE_OR => old | compared,
            predicate::COMBINE_XOR => old ^ compared,
            _ => compared,
        };
        let result = match header & predicate::LOAD {
            predicate::LOAD_KEEP => old,
            predicate::LOAD_INVERTED => !combined,
            _ => combined,
        };
        uncore
            .regs
            .set(self.register(engine::PREDICATE_RESULT), result.into());
    }

    fn predicate_holds(&self, uncore: &Uncore) -> bool {
        uncore.regs.get(self.register(engine::PREDICATE_RESULT)) & 1 != 0
    }
}

/// The register that an operand names.
fn register(operand: u32) -> MmioOffset {
    MmioOffset(operand & mi::REGISTER_OFFSET)
}
