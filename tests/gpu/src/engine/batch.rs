// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Where an engine stands: in the ring, or in a batch.

use super::access::Space;
use super::Context;
use super::Engine;
use crate::address::MmioOffset;
use crate::regs::engine;
use crate::regs::engine::control;
use crate::uncore::Uncore;

/// Bit of the batch address registers: there is such a batch.
pub const BATCH_VALID: u32 = 1 << 0;
/// Bit of the batch state registers: the batch is in the PPGTT.
pub const BATCH_IN_PPGTT: u32 = 1 << 5;
/// Position bits of RING_HEAD and RING_TAIL.
const RING_POSITION: u32 = 0x001f_fffc;
/// RING_HEAD counts wraps above the position.
const WRAP_ONE: u32 = 0x0020_0000;

/// An address in one of the spaces that commands can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which translation applies.
    pub space: Space,
    /// Address.
    pub address: u64,
}

/// The ring of a context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ring {
    /// GGTT address of the first byte.
    pub start: u32,
    /// Bytes.
    pub size: u32,
    /// Offset of the next command, with the wrap count above.
    pub head: u32,
    /// Offset behind the last command.
    pub tail: u32,
}

impl Ring {
    /// From the values of RING_START, RING_CTL, RING_HEAD and RING_TAIL.
    pub fn new(start: u32, ctl: u32, head: u32, tail: u32) -> Self {
        let size = (ctl & control::PAGES) + crate::address::PAGE_SIZE as u32;
        Self {
            start,
            size,
            head,
            tail: tail & RING_POSITION,
        }
    }

    /// Whether all commands are executed.
    pub fn is_empty(&self) -> bool {
        self.position() == self.tail
    }

    /// How many dwords are to be executed.
    pub fn dwords(&self) -> u32 {
        let behind = (self.tail + self.size).saturating_sub(self.position());
        behind % self.size / 4
    }

    fn position(&self) -> u32 {
        self.head & RING_POSITION
    }

    pub(super) fn place(&self, dwords: u32) -> Place {
        let offset = (self.position() + 4 * dwords) % self.size;
        Place {
            space: Space::Ggtt,
            address: u64::from(self.start.wrapping_add(offset)),
        }
    }

    fn advance(&mut self, dwords: u32) {
        let wraps = self.head & !RING_POSITION;
        let next = self.position() + 4 * dwords;
        self.head = if next >= self.size {
            wraps.wrapping_add(WRAP_ONE) | (next % self.size)
        } else {
            wraps | next
        };
    }
}

/// A batch buffer in execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The next command.
    pub place: Place,
    /// Where it ends without MI_BATCH_BUFFER_END, for the indirect context batch.
    pub end: Option<u64>,
}

impl Engine {
    /// Where the next command is; none if the ring is empty and no batch is running.
    pub(super) fn program_counter(&self) -> Option<Place> {
        let context = self.context.as_ref()?;
        let batch = context.workarounds.last().or(context.batches.last());
        match batch {
            Some(batch) => Some(batch.place),
            None if context.ring.is_empty() => None,
            None => Some(context.ring.place(0)),
        }
    }

    /// Where dword `index` of the command at `place` is; rings wrap.
    pub(super) fn operand_place(&self, place: Place, index: u32) -> Place {
        match &self.context {
            Some(context) if context.in_ring() => context.ring.place(index),
            _ => Place {
                address: place.address.wrapping_add(4 * u64::from(index)),
                ..place
            },
        }
    }

    /// Moves behind a command of that many dwords.
    pub(super) fn advance(&mut self, dwords: u32) {
        let Some(context) = &mut self.context else {
            return;
        };
        let batch = context
            .workarounds
            .last_mut()
            .or(context.batches.last_mut());
        let Some(batch) = batch else {
            context.ring.advance(dwords);
            return;
        };
        batch.place.address = batch.place.address.wrapping_add(4 * u64::from(dwords));
        if batch.end.is_some_and(|end| batch.place.address >= end) {
            context.end_batch();
        }
    }

    /// Shows the position in the engine's registers.
    pub(super) fn show_position(&self, uncore: &mut Uncore, header: u32, place: Place) {
        let set = |uncore: &mut Uncore, offset, value| {
            uncore.regs.set(self.register(offset), value);
        };
        set(uncore, engine::IPEHR, header);
        set(uncore, engine::ACTHD, place.address as u32);
        set(uncore, engine::ACTHD_HIGH, (place.address >> 32) as u32);
        self.show_ring(uncore);
    }

    /// Shows ring and batches in the engine's registers.
    pub(super) fn show_ring(&self, uncore: &mut Uncore) {
        let Some(context) = &self.context else { return };
        uncore
            .regs
            .set(self.register(engine::HEAD), context.ring.head);
        uncore
            .regs
            .set(self.register(engine::TAIL), context.ring.tail);
        let levels = [
            (engine::BB_ADDR, engine::BB_ADDR_HIGH, engine::BB_STATE),
            (engine::SBB_ADDR, engine::SBB_ADDR_HIGH, engine::SBB_STATE),
        ];
        for (level, (low, high, state)) in levels.into_iter().enumerate() {
            let values = context.batches.get(level).map_or([0; 3], |batch| {
                let address = batch.place.address;
                let state = if batch.place.space == Space::Ppgtt {
                    BATCH_IN_PPGTT
                } else {
                    0
                };
                [address as u32 | BATCH_VALID, (address >> 32) as u32, state]
            });
            for (offset, value) in [low, high, state].into_iter().zip(values) {
                uncore.regs.set(self.register(offset), value);
            }
        }
    }
}

impl Context {
    /// Whether the next command is in the ring.
    pub(super) fn in_ring(&self) -> bool {
        self.workarounds.is_empty() && self.batches.is_empty()
    }

    /// Whether the command in execution may do everything: ring, GGTT batch.
    pub(super) fn privileged(&self) -> bool {
        let batch = self.workarounds.last().or(self.batches.last());
        batch.is_none_or(|batch| batch.place.space == Space::Ggtt)
    }

    /// Leaves the batch in execution.
    pub(super) fn end_batch(&mut self) {
        if self.workarounds.pop().is_none() {
            self.batches.pop();
        }
    }
}

/// The batch that a pair of address registers and a state register describe.
pub fn batch_from_registers(
    uncore: &Uncore,
    low: MmioOffset,
    high: MmioOffset,
    state: MmioOffset,
) -> Option<Batch> {
    let low = uncore.regs.get(low);
    if low & BATCH_VALID == 0 {
        return None;
    }
    let in_ppgtt = uncore.regs.get(state) & BATCH_IN_PPGTT != 0;
    let address = u64::from(uncore.regs.get(high)) << 32 | u64::from(low & !3);
    let space = if in_ppgtt { Space::Ppgtt } else { Space::Ggtt };
    Some(Batch {
        place: Place { space, address },
        end: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ring_when_it_wraps_then_position_is_zero_and_wraps_count() {
        let mut ring = Ring::new(0x1_0000, 0, 0xff8, 8);

        assert_eq!(ring.place(3).address, 0x1_0004);
        ring.advance(4);

        assert_eq!(ring.head, WRAP_ONE | 8);
        assert!(ring.is_empty());
    }
}
