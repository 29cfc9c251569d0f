// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Pages for shadows of a guest's page tables: a part of the machine's memory that nobody else has.

use crate::machine::SHADOW_MEMORY;
use gen9_gpu::DmaMemory;
use kernel::error::code::ENOMEM;
use kernel::error::Result;
use kvmgt_core::address::{DmaAddress, PAGE_SHIFT, PAGE_SIZE};
use kvmgt_core::gtt::ppgtt::{ShadowMemory, ShadowPage};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Entries of a page, and bytes of each.
const ENTRIES: usize = 512;
const ENTRY_SIZE: u64 = 8;

/// Which pages of a part of memory are free.
struct Pages {
    first: u64,
    /// Those that were never in use.
    fresh: Range<u64>,
    /// Those that were, and are not.
    free: BTreeSet<u64>,
    used: usize,
    /// How often one was to be taken since [`ShadowPool::refuse`].
    attempts: u64,
    refused: Range<u64>,
}

impl Pages {
    fn new(memory: &Range<u64>) -> Self {
        Self {
            first: memory.start >> PAGE_SHIFT,
            fresh: memory.start >> PAGE_SHIFT..memory.end >> PAGE_SHIFT,
            free: BTreeSet::new(),
            used: 0,
            attempts: 0,
            refused: 0..0,
        }
    }

    /// Whether a page is or was in use.
    fn was_used(&self, page: u64) -> bool {
        (self.first..self.fresh.start).contains(&page)
    }

    /// Takes a page, one that was in use before if there is one.
    fn take(&mut self) -> Option<u64> {
        let attempt = self.attempts;
        self.attempts += 1;
        if self.refused.contains(&attempt) {
            return None;
        }
        let page = self.free.pop_first().or_else(|| self.fresh.next())?;
        self.used += 1;
        Some(page)
    }

    /// Gives a page back.
    ///
    /// # Panics
    ///
    /// If it is not in use.
    fn give_back(&mut self, page: u64) {
        let is_known = self.was_used(page) && self.free.insert(page);
        assert!(is_known, "page {page:#x} is freed that is not in use");
        self.used -= 1;
    }
}

/// The pages of a machine.
#[derive(Clone)]
pub struct ShadowPool(Arc<Mutex<Pages>>);

impl ShadowPool {
    /// All of them free.
    pub fn new() -> Self {
        Self::within(&SHADOW_MEMORY)
    }

    /// All of a part of the memory that shadows lie in.
    pub fn within(memory: &Range<u64>) -> Self {
        Self(Arc::new(Mutex::new(Pages::new(memory))))
    }

    /// Whether the page at an address is in use.
    pub fn has(&self, address: u64) -> bool {
        let (page, pages) = (address >> PAGE_SHIFT, self.pages());
        pages.was_used(page) && !pages.free.contains(&page)
    }

    /// The addresses of all that are in use.
    pub fn addresses(&self) -> Vec<u64> {
        let pages = self.pages();
        let used = (pages.first..pages.fresh.start).filter(|page| !pages.free.contains(page));
        used.map(|page| page << PAGE_SHIFT).collect()
    }

    /// How many are in use.
    pub fn used(&self) -> usize {
        self.pages().used
    }

    /// From now on there is no memory those times that a page is asked for, counted from 0.
    pub fn refuse(&self, times: Range<u64>) {
        let mut pages = self.pages();
        pages.attempts = 0;
        pages.refused = times;
    }

    /// How often a page was asked for since then.
    pub fn attempts(&self) -> u64 {
        self.pages().attempts
    }

    /// What a vGPU takes its pages from: they are of that memory, a machine's.
    pub fn of<'a>(&self, memory: &'a dyn DmaMemory) -> MachinePages<'a> {
        MachinePages {
            pool: self.clone(),
            memory,
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ShadowPool {
    fn default() -> Self {
        Self::new()
    }
}

/// Pages of a machine's memory.
///
/// It panics where the core breaks the contract of [`ShadowMemory`]: frees what it does not have, or
/// writes behind the end of a page.
pub struct MachinePages<'a> {
    pool: ShadowPool,
    memory: &'a dyn DmaMemory,
}

impl MachinePages<'_> {
    fn write_at(&self, page: ShadowPage, index: usize, data: &[u8]) {
        assert!(index < ENTRIES, "entry {index} of a page");
        let address = page.address.0 + index as u64 * ENTRY_SIZE;
        self.memory
            .write(gen9_gpu::DmaAddress(address), data)
            .expect("it is the machine's memory");
    }
}

impl ShadowMemory for MachinePages<'_> {
    fn allocate(&mut self) -> Result<ShadowPage> {
        let page = self.pool.pages().take().ok_or(ENOMEM)?;
        let page = ShadowPage {
            handle: usize::try_from(page)?,
            address: DmaAddress(page << PAGE_SHIFT),
        };
        self.write_at(page, 0, &[0; PAGE_SIZE as usize]);
        Ok(page)
    }

    fn write(&mut self, page: ShadowPage, index: usize, entry: u64) {
        self.write_at(page, index, &entry.to_le_bytes());
    }

    fn fill(&mut self, page: ShadowPage, entry: u64) {
        let bytes = [entry.to_le_bytes(); ENTRIES];
        self.write_at(page, 0, bytes.as_flattened());
    }

    fn free(&mut self, page: ShadowPage) {
        self.pool.pages().give_back(page.address.0 >> PAGE_SHIFT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;
    use gen9_gpu::Options;

    fn pages() -> Pages {
        Pages::new(&(4 << PAGE_SHIFT..6 << PAGE_SHIFT))
    }

    #[test]
    fn take_when_all_are_in_use_then_none() {
        let mut pages = pages();

        assert_eq!([pages.take(), pages.take()], [Some(4), Some(5)]);
        assert_eq!(pages.take(), None);
        assert_eq!(pages.used, 2);
    }

    #[test]
    fn take_when_one_was_given_back_then_that() {
        let mut pages = pages();
        pages.take();
        pages.take();

        pages.give_back(4);

        assert_eq!(pages.used, 1);
        assert_eq!([pages.take(), pages.take()], [Some(4), None]);
    }

    #[test]
    #[should_panic = "not in use"]
    fn give_back_when_twice_then_panics() {
        let mut pages = pages();
        pages.take();
        pages.give_back(4);
        pages.give_back(4);
    }

    #[test]
    #[should_panic = "not in use"]
    fn give_back_when_never_taken_then_panics() {
        pages().give_back(4);
    }

    #[test]
    fn allocate_when_page_was_in_use_then_it_is_zeroed() {
        let machine = Machine::new(Options::parse("kbl").unwrap());
        let pool = ShadowPool::new();
        let mut shadow = pool.of(machine.memory());
        let entry = |page: ShadowPage, index: u64| {
            let at = page.address.0 + index * ENTRY_SIZE;
            machine.memory().read_u64(gen9_gpu::DmaAddress(at)).unwrap()
        };
        let page = shadow.allocate().unwrap();
        shadow.fill(page, 3);
        shadow.write(page, 511, 7);
        assert_eq!([0, 510, 511].map(|index| entry(page, index)), [3, 3, 7]);
        shadow.free(page);

        let again = shadow.allocate().unwrap();

        assert_eq!(again, page);
        assert_eq!([0, 510, 511].map(|index| entry(again, index)), [0; 3]);
        assert_eq!(pool.used(), 1);
    }
}
