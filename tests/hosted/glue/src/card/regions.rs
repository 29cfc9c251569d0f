// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The card's own part of the GGTT, and the machine's memory that it leads to.
//!
//! Each page of the part has a page of memory of its own, which its entry points to as long as it
//! is in use.

use super::places::Places;
use super::{locked, SCRATCH_PAGE};
use crate::machine::{Machine, MEMORY_SIZE};
use gen9_gpu::DmaAddress;
use iface::image::DWORD;
use iface::types::{GGTT_PAGE_SHIFT, GGTT_PAGE_SIZE, PTE_PRESENT};
use kernel::alloc::flags::GFP_KERNEL;
use kernel::alloc::KVVec;
use kernel::error::code::ENOSPC;
use kernel::error::Result;
use std::sync::{Arc, Mutex};

/// Pages of the part: the last ones of the GGTT.
pub(super) const PAGES: u64 = (64 << 20) >> GGTT_PAGE_SHIFT;
/// The memory behind them: the last of the machine.
const MEMORY: u64 = MEMORY_SIZE - (PAGES << GGTT_PAGE_SHIFT);

/// Who has which page of the part.
pub(super) struct Regions {
    machine: Arc<Machine>,
    /// The first page of the part.
    first: u64,
    places: Mutex<Places>,
}

/// Pages that are in use, until this is dropped.
pub struct Region {
    regions: Arc<Regions>,
    first: u64,
    pages: u64,
}

impl Regions {
    /// The end of a GGTT of so many pages.
    pub(super) fn new(machine: Arc<Machine>, pages: u64) -> Arc<Self> {
        let first = pages.saturating_sub(PAGES);
        Arc::new(Regions {
            machine,
            first,
            places: Mutex::new(Places::new(pages, first)),
        })
    }

    /// Takes pages, zeroed.
    pub(super) fn alloc(self: &Arc<Self>, pages: u64) -> Result<Region> {
        let first = locked(&self.places)
            .take(pages, 1, 0..u64::MAX)
            .ok_or(ENOSPC)?;
        let region = Region {
            regions: self.clone(),
            first,
            pages,
        };
        let mut entries = KVVec::with_capacity(usize::try_from(pages)?, GFP_KERNEL)?;
        for page in first..first + pages {
            entries.push(self.entry(page), GFP_KERNEL)?;
            let offset = (page - first) << GGTT_PAGE_SHIFT;
            region.write(offset, &[0; GGTT_PAGE_SIZE as usize]);
        }
        self.machine.ggtt_write(first, &entries);
        self.machine.ggtt_flush();
        Ok(region)
    }

    /// Writes the entries of all pages in use again.
    pub(super) fn restore(&self) {
        for (first, pages) in locked(&self.places).taken() {
            for page in first..first + pages {
                self.machine.ggtt_write(page, &[self.entry(page)]);
            }
        }
        self.machine.ggtt_flush();
    }

    /// Pages in use.
    pub(super) fn used(&self) -> u64 {
        locked(&self.places).taken().map(|(_, pages)| pages).sum()
    }

    /// Where the memory of a page is.
    fn memory(&self, page: u64) -> u64 {
        MEMORY + ((page - self.first) << GGTT_PAGE_SHIFT)
    }

    fn entry(&self, page: u64) -> u64 {
        self.memory(page) | PTE_PRESENT
    }
}

impl Region {
    /// Its first page.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Its GGTT address.
    pub(super) fn address(&self) -> u64 {
        self.first << GGTT_PAGE_SHIFT
    }

    /// Bytes of it.
    pub(super) fn size(&self) -> u64 {
        self.pages << GGTT_PAGE_SHIFT
    }

    /// Copies out of it.
    pub(super) fn read(&self, offset: u64, data: &mut [u8]) {
        let place = self.place(offset, data.len());
        let memory = self.regions.machine.memory();
        memory
            .read(place, data)
            .expect("it is the machine's memory");
    }

    /// Copies into it.
    pub(super) fn write(&self, offset: u64, data: &[u8]) {
        let place = self.place(offset, data.len());
        let memory = self.regions.machine.memory();
        memory
            .write(place, data)
            .expect("it is the machine's memory");
    }

    /// Reads dword number `index`.
    pub(super) fn load(&self, index: u64) -> u32 {
        let mut data = [0; DWORD as usize];
        self.read(index * DWORD, &mut data);
        u32::from_le_bytes(data)
    }

    /// Writes dwords, the first to number `index`.
    pub(super) fn store(&self, index: u64, dwords: &[u32]) {
        for (index, dword) in (index..).zip(dwords) {
            self.write(index * DWORD, &dword.to_le_bytes());
        }
    }

    fn place(&self, offset: u64, length: usize) -> DmaAddress {
        let end = offset.checked_add(length as u64);
        assert!(
            end.is_some_and(|end| end <= self.size()),
            "{length} bytes at {offset:#x} are beyond a region of {} pages",
            self.pages
        );
        DmaAddress(self.regions.memory(self.first) + offset)
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        for page in self.first..self.first + self.pages {
            let machine = &self.regions.machine;
            machine.ggtt_write(page, &[SCRATCH_PAGE | PTE_PRESENT]);
        }
        self.regions.machine.ggtt_flush();
        locked(&self.regions.places).give_back(self.first);
    }
}
