// SPDX-License-Identifier: GPL-2.0 OR MIT
//! An engine with one context: what it uses of memory, and how it is given work.

use anyhow::{ensure, Result};

use super::tables::{self, Levels, Tables};
use super::{address, commands, put};
use crate::registers::{engine, PAGE};
use crate::Guest;

/// The first page of memory that engines use, and pages for each.
const FIRST: u64 = 0x100;
pub(super) const PAGES: u64 = 0x40;
/// Pages of an engine.
const STATUS: u64 = 0;
const RING: u64 = 1;
const RESULT: u64 = 2;
const BATCH: u64 = 3;
const TABLES: u64 = 4;
const IMAGE: u64 = 0x10;
const DATA: u64 = 0x30;
/// Pages of data, which are written one after the other.
const DATA_PAGES: usize = 8;
const _: () = assert!(TABLES + tables::PAGES <= IMAGE && DATA + DATA_PAGES as u64 <= PAGES);

/// Dwords of the ring context, in the image's second page (PRM Vol 7, Register State Context).
const CONTROL: u64 = 0x03;
const HEAD: u64 = 0x05;
const TAIL: u64 = 0x07;
const START: u64 = 0x09;
const RING_CONTROL: u64 = 0x0b;
const PER_CONTEXT: u64 = 0x19;
const INDIRECT: u64 = 0x1b;
/// The upper half of page directory pointer 3; the other seven halves follow, with an offset between.
const POINTERS: u64 = 0x25;
/// CTX_CONTEXT_CONTROL of a context that never ran, and of one that did.
const NEW: u32 = 0x0009_0009;
const USED: u32 = 0x0009_0008;
/// RING_BUFFER_CTL: a page, valid.
const ONE_PAGE: u32 = 1;
/// Descriptors: valid, with a PPGTT; how many levels; where the id is.
const DESCRIPTOR: u64 = 1 << 0 | 1 << 8;
const THREE_LEVELS: u64 = 1 << 3;
const FOUR_LEVELS: u64 = 3 << 3;
const ID_SHIFT: u32 = 32;

/// Dwords of the status page with the first entry of the context status buffer, and with the number of
/// the one written last (observed: i915, `I915_HWS_CSB_BUF0_INDEX`, `I915_HWS_CSB_WRITE_INDEX`).
const EVENTS: u64 = 0x10;
const EVENTS_LAST: u64 = 0x1f;
/// Entries of that buffer.
const EVENT_COUNT: u32 = 6;
/// The context has executed all that is in its ring (PRM Vol 7, Context Status).
const COMPLETE: u32 = 1 << 4;

/// An engine.
pub(super) struct Unit {
    number: u32,
    base: u64,
    tables: Tables,
    /// The address of its first page in the GGTT.
    gma: u64,
    /// Of the context status buffer: the entry that was looked at last.
    seen: u32,
    /// Of the ring, in bytes.
    tail: u32,
    /// What was submitted: which page of data, which dword of it, the value.
    out: (usize, usize, u32),
    /// What the pages of data are.
    data: Vec<Vec<u8>>,
}

impl Unit {
    /// Starts an engine: its pages in the GGTT, its status page, and contexts.
    pub(super) fn start(
        guest: &mut Guest<'_>,
        number: u32,
        base: u64,
        aperture: u64,
        tables: Tables,
    ) -> Result<Self> {
        let unit = Self {
            number,
            base,
            tables,
            gma: aperture + u64::from(number) * PAGES * PAGE,
            seen: EVENT_COUNT - 1,
            tail: 0,
            out: (0, 0, 0),
            data: vec![vec![0; PAGE as usize]; DATA_PAGES],
        };
        for page in 0..PAGES {
            guest.map(unit.gma + page * PAGE, unit.page(page))?;
        }
        put(guest, unit.at(STATUS) + EVENTS_LAST * 4, &[unit.seen])?;
        guest.write32(base + engine::HWS_PGA, (unit.gma + STATUS * PAGE) as u32)?;
        guest.write_masked(base + engine::MODE, engine::EXECLISTS, engine::EXECLISTS)?;
        if !tables.told {
            let pages: Vec<u64> = (0..DATA_PAGES as u64)
                .map(|page| unit.page(DATA + page))
                .collect();
            unit.lay_out(guest, &pages)?;
        }
        Ok(unit)
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn base(&self) -> u64 {
        self.base
    }

    /// The number in memory of one of its pages.
    fn page(&self, page: u64) -> u64 {
        FIRST + u64::from(self.number) * PAGES + page
    }

    /// The address of one of its pages.
    fn at(&self, page: u64) -> u64 {
        address(self.page(page))
    }

    /// Tables that map the batch, and those pages behind it.
    fn lay_out(&self, guest: &Guest<'_>, data: &[u64]) -> Result<()> {
        let pages: Vec<u64> = [self.page(BATCH)].iter().chain(data).copied().collect();
        self.tables.lay_out(guest, self.page(TABLES), &pages)
    }

    /// Submits the context with one more piece of its ring, which stores a value twice.
    pub(super) fn submit(&mut self, guest: &mut Guest<'_>, round: u32, value: u32) -> Result<()> {
        let page = round as usize % DATA_PAGES;
        let dword = round as usize / DATA_PAGES * 7 % (PAGE as usize / 4);
        let place = if self.tables.told {
            self.lay_out(guest, &[self.page(DATA + page as u64)])?;
            self.tables.tell(guest, self.page(TABLES), true)?;
            1
        } else {
            1 + page as u64
        };
        let to = Tables::page(place) + dword as u64 * 4;
        put(guest, self.at(BATCH), &commands::batch(to, value))?;
        let result = self.gma + RESULT * PAGE;
        let ring = commands::ring(Tables::page(0), result, value);
        self.out = (page, dword, value);
        self.execute(guest, round, &ring)
    }

    /// Submits the context with one more piece of its ring.
    pub(super) fn execute(
        &mut self,
        guest: &mut Guest<'_>,
        round: u32,
        ring: &[u32; commands::RING_DWORDS],
    ) -> Result<()> {
        put(guest, self.at(RING) + u64::from(self.tail), ring)?;
        self.tail = (self.tail + commands::RING_DWORDS as u32 * 4) % PAGE as u32;
        self.write_context(guest, round == 0)?;
        let levels = match self.tables.levels {
            Levels::Three => THREE_LEVELS,
            Levels::Four => FOUR_LEVELS,
        };
        let id = u64::from(self.id()) << ID_SHIFT;
        let descriptor = id | (self.gma + IMAGE * PAGE) | levels | DESCRIPTOR;
        for half in [0, 0, (descriptor >> u32::BITS) as u32, descriptor as u32] {
            guest.write32(self.base + engine::ELSP, half)?;
        }
        Ok(())
    }

    /// What status events call its context.
    fn id(&self) -> u32 {
        self.number + 1
    }

    /// Writes the ring context: all of it if it never ran, and what changes if it did.
    fn write_context(&self, guest: &Guest<'_>, new: bool) -> Result<()> {
        let image = self.at(IMAGE + 1);
        let set = |dword: u64, value: u32| guest.ram.write32(image + dword * 4, value);
        set(TAIL, self.tail)?;
        // The last one comes first, and the upper half of each.
        let pointers = self.tables.pointers(self.page(TABLES)).into_iter().rev();
        let halves = pointers.flat_map(|at| [(at >> u32::BITS) as u32, at as u32]);
        for (dword, half) in (POINTERS..).step_by(2).zip(halves) {
            set(dword, half)?;
        }
        if !new {
            return set(CONTROL, USED);
        }
        for (dword, value) in [
            (CONTROL, NEW),
            (HEAD, 0),
            (START, (self.gma + RING * PAGE) as u32),
            (RING_CONTROL, ONE_PAGE),
            (PER_CONTEXT, 0),
            (INDIRECT, 0),
        ] {
            set(dword, value)?;
        }
        Ok(())
    }

    /// Takes what the engine has told since it was last asked; whether the context is complete.
    pub(super) fn is_complete(&mut self, guest: &Guest<'_>) -> Result<bool> {
        let status = self.at(STATUS);
        let dword = |dword: u64| guest.ram.read32(status + dword * 4);
        let last = dword(EVENTS_LAST)?;
        ensure!(last < EVENT_COUNT, "the event written last is {last:#x}");
        let mut complete = false;
        while self.seen != last {
            self.seen = (self.seen + 1) % EVENT_COUNT;
            let at = EVENTS + u64::from(self.seen) * 2;
            let (event, id) = (dword(at)?, dword(at + 1)?);
            if event & COMPLETE != 0 {
                ensure!(
                    id == self.id(),
                    "context {id:#x} is complete, which is none"
                );
                complete = true;
            }
        }
        Ok(complete)
    }

    /// Compares what the last submission has done, and tells the device that its tables are no more;
    /// how many values there were.
    pub(super) fn compare(&mut self, guest: &mut Guest<'_>) -> Result<u64> {
        let (page, dword, value) = self.out;
        self.data[page][dword * 4..][..4].copy_from_slice(&value.to_le_bytes());
        self.compare_page(guest, page)?;
        let result = guest.ram.read32(self.at(RESULT))?;
        ensure!(
            result == value,
            "by the GGTT came {result:#x}, not {value:#x}"
        );
        if self.tables.told {
            self.tables.tell(guest, self.page(TABLES), false)?;
        }
        Ok(2)
    }

    /// Compares all pages of data.
    pub(super) fn compare_all(&self, guest: &Guest<'_>) -> Result<()> {
        (0..DATA_PAGES).try_for_each(|page| self.compare_page(guest, page))
    }

    fn compare_page(&self, guest: &Guest<'_>, page: usize) -> Result<()> {
        let mut found = vec![0; PAGE as usize];
        guest.ram.read(self.at(DATA + page as u64), &mut found)?;
        let differs = found.iter().zip(&self.data[page]).position(|(a, b)| a != b);
        ensure!(
            differs.is_none(),
            "byte {differs:?} of page {page} is not what was stored there"
        );
        Ok(())
    }
}
