// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Memory as commands see it: translated, bounds-checked, logged.

use super::batch::Place;
use super::Engine;
use crate::address::DmaAddress;
use crate::address::GgttAddress;
use crate::address::PpgttAddress;
use crate::address::PAGE_SHIFT;
use crate::address::PAGE_SIZE;
use crate::ggtt::left_in_page;
use crate::regs::gt;
use crate::touch::{Through, Touch};
use crate::uncore::Uncore;

/// The spaces that a command can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// Translated by the global table.
    Ggtt,
    /// Translated by the context's own tables.
    Ppgtt,
}

impl From<Space> for Through {
    fn from(space: Space) -> Self {
        match space {
            Space::Ggtt => Self::Ggtt,
            Space::Ppgtt => Self::Ppgtt,
        }
    }
}

const SLOTS: usize = 64;

#[derive(Clone, Copy, Debug)]
struct Entry {
    space: Space,
    page: u64,
    frame: DmaAddress,
    writable: bool,
    written: bool,
}

/// Translations since the last invalidation.
///
/// Like the hardware's it may be stale until software invalidates it by PIPE_CONTROL, MI_FLUSH_DW
/// or a register; it never lives longer than a context on the engine. As long as nobody judges what
/// is reached it does not live longer than a slice either.
#[derive(Debug)]
pub struct Tlb {
    slots: [Option<Entry>; SLOTS],
}

impl Default for Tlb {
    fn default() -> Self {
        Self {
            slots: [None; SLOTS],
        }
    }
}

impl Tlb {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.slots = [None; SLOTS];
    }

    /// Forgets what is of a space.
    fn clear_space(&mut self, space: Space) {
        let of_space = |entry: &mut Entry| entry.space == space;
        for slot in &mut self.slots {
            slot.take_if(of_space);
        }
    }
}

impl Engine {
    /// Forgets all translations.
    pub(crate) fn invalidate_tlb(&mut self) {
        self.tlb.clear();
    }

    /// Forgets translations of the GGTT.
    pub(crate) fn flush_ggtt(&mut self) {
        self.tlb.clear_space(Space::Ggtt);
    }

    /// Translates `place`; faults are recorded in the GAM's fault register.
    fn locate(&mut self, uncore: &mut Uncore, place: Place, write: bool) -> Option<DmaAddress> {
        let (page, offset) = (place.address >> PAGE_SHIFT, place.address % PAGE_SIZE);
        let slot = page as usize % SLOTS;
        let hit = self.tlb.slots[slot].filter(|e| e.space == place.space && e.page == page);
        let mut entry = match hit {
            Some(entry) => entry,
            None => {
                let Some((frame, writable)) = self.walk(uncore, place) else {
                    self.record_fault(uncore, place);
                    return None;
                };
                if let Some(key) = self.running() {
                    uncore.log.touch(key, frame, false);
                }
                let frame = frame.page();
                Entry {
                    space: place.space,
                    page,
                    frame,
                    writable,
                    written: false,
                }
            }
        };
        if write && !entry.written && entry.writable {
            entry.written = true;
            if let Some(key) = self.running() {
                uncore.log.touch(key, entry.frame, true);
            }
        }
        if !write || entry.writable {
            self.touch(uncore, place.space.into(), entry.frame, write);
        }
        self.tlb.slots[slot] = Some(entry);
        // Writes to read-only pages are dropped silently, as the hardware does.
        (!write || entry.writable).then(|| entry.frame.add(offset))
    }

    fn walk(&self, uncore: &mut Uncore, place: Place) -> Option<(DmaAddress, bool)> {
        match place.space {
            Space::Ggtt => {
                // Addresses are 32 bits wide there; the rest is ignored.
                let address = GgttAddress(u64::from(place.address as u32));
                Some((uncore.ggtt.translate(address)?, true))
            }
            Space::Ppgtt => {
                let tables = self.page_tables(uncore)?;
                let mut read = Vec::new();
                let is_noted = uncore.touches.is_enabled();
                let along = |table| {
                    if is_noted {
                        read.push(table);
                    }
                };
                let address = PpgttAddress(place.address);
                let mapping = tables.walk_along(&*uncore.memory, address, along);
                for table in read {
                    self.touch(uncore, Through::Walk, table, false);
                }
                let mapping = mapping.ok()?;
                Some((mapping.dma, mapping.writable))
            }
        }
    }

    /// Notes that the context on the engine reaches a page.
    fn touch(&self, uncore: &mut Uncore, through: Through, page: DmaAddress, written: bool) {
        uncore.touches.note(Touch {
            engine: self.id,
            lrca: self.running().map(|key| key.lrca),
            page,
            written,
            through,
        });
    }

    fn record_fault(&self, uncore: &mut Uncore, place: Place) {
        if uncore.regs.get(gt::FAULT) & gt::FAULT_VALID != 0 {
            return;
        }
        let page = place.address >> PAGE_SHIFT;
        let space = if place.space == Space::Ggtt {
            gt::FAULT_IN_GGTT
        } else {
            0
        };
        uncore.regs.set(gt::FAULT_TLB_DATA0, page as u32);
        uncore
            .regs
            .set(gt::FAULT_TLB_DATA1, (page >> 32) as u32 & 0xf | space);
        let engine = (self.id.index() as u32) << gt::FAULT_ENGINE_SHIFT;
        uncore.regs.set(gt::FAULT, gt::FAULT_VALID | engine);
    }

    /// The dword of a command; none if it cannot be fetched.
    pub(super) fn fetch(&mut self, uncore: &mut Uncore, place: Place) -> Option<u32> {
        let address = self.locate(uncore, place, false)?;
        uncore.memory.read_u32(address).ok()
    }

    /// Reads an aligned dword; unmapped memory reads 0.
    pub(super) fn read_u32(&mut self, uncore: &mut Uncore, place: Place) -> u32 {
        let place = Place {
            address: place.address & !3,
            ..place
        };
        self.fetch(uncore, place).unwrap_or(0)
    }

    /// Reads an aligned qword; unmapped memory reads 0.
    pub(super) fn read_u64(&mut self, uncore: &mut Uncore, place: Place) -> u64 {
        let place = Place {
            address: place.address & !7,
            ..place
        };
        self.locate(uncore, place, false)
            .and_then(|address| uncore.memory.read_u64(address).ok())
            .unwrap_or(0)
    }

    /// Writes an aligned dword; writes to unmapped memory are dropped.
    pub(super) fn write_u32(&mut self, uncore: &mut Uncore, place: Place, value: u32) {
        let place = Place {
            address: place.address & !3,
            ..place
        };
        if let Some(address) = self.locate(uncore, place, true) {
            // Outside of guest memory: dropped, as on the bus.
            let _ = uncore.memory.write_u32(address, value);
        }
    }

    /// Writes an aligned qword; writes to unmapped memory are dropped.
    pub(super) fn write_u64(&mut self, uncore: &mut Uncore, place: Place, value: u64) {
        let place = Place {
            address: place.address & !7,
            ..place
        };
        if let Some(address) = self.locate(uncore, place, true) {
            // Outside of guest memory: dropped, as on the bus.
            let _ = uncore.memory.write_u64(address, value);
        }
    }

    /// Reads bytes; those of unmapped pages read 0.
    pub(super) fn read_bytes(&mut self, uncore: &mut Uncore, place: Place, data: &mut [u8]) {
        let mut at = place;
        let mut rest = data;
        while !rest.is_empty() {
            let length = left_in_page(at.address, rest.len());
            let (part, later) = rest.split_at_mut(length);
            let address = self.locate(uncore, at, false);
            if address
                .and_then(|a| uncore.memory.read(a, part).ok())
                .is_none()
            {
                part.fill(0);
            }
            at.address = at.address.wrapping_add(length as u64);
            rest = later;
        }
    }

    /// Writes bytes; those of unmapped pages are dropped.
    pub(super) fn write_bytes(&mut self, uncore: &mut Uncore, place: Place, data: &[u8]) {
        let mut at = place;
        let mut rest = data;
        while !rest.is_empty() {
            let (part, later) = rest.split_at(left_in_page(at.address, rest.len()));
            if let Some(address) = self.locate(uncore, at, true) {
                // Outside of guest memory: dropped, as on the bus.
                let _ = uncore.memory.write(address, part);
            }
            at.address = at.address.wrapping_add(part.len() as u64);
            rest = later;
        }
    }
}
