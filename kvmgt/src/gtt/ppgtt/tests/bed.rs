// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A guest with page tables, a GPU that walks shadows, and a judge that looks on.
//!
//! The judge knows what the TLBs may hold: all that was written since the last flush began, and
//! what could be reached then. Nothing of it may be unpinned or freed.

use super::walk;
use kernel::prelude::*;
use kernel::testing::{in_atomic_context, Ledger};
use kvmgt_core::address::{DmaAddress, Gfn};
use kvmgt_core::gtt::pins::Pins;
use kvmgt_core::gtt::ppgtt::{
    Backing, Counts, GuestMemory, Limits, PageTracker, Ppgtt, Refusal, Root, ShadowMemory,
    ShadowPage, Tlbs,
};
use kvmgt_core::guest::{Event, Guest};
use kvmgt_core::message::Complaint;
use std::boxed::Box;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::vec::Vec;

/// A table's 512 entries.
pub type Entries = Box<[u64; 512]>;

/// An entry that leads to a table that may be written through: present, writable.
pub const TABLE: u64 = 0x3;
/// An entry that maps a page that may be written: present, writable.
pub const PAGE: u64 = 0x3;
/// A PDE that maps 2 MiB.
pub const LARGE: u64 = 0x83;
/// A PDE whose table has pages of 64 KiB.
pub const PAGES_64K: u64 = 0x803;

/// Bytes of a page.
const PAGE_BYTES: usize = 4096;

/// Where pages of the guest are for the GPU.
const GUEST_DMA: u64 = 1 << 40;
/// Where shadows are for the GPU.
const SHADOW_DMA: u64 = 1 << 41;

/// Where a page of the guest is for the GPU. Every other 2 MiB are scattered.
pub fn dma(gfn: u64) -> u64 {
    let scatter = u64::from(gfn & 0x200 != 0);
    GUEST_DMA + ((gfn ^ scatter) << 12)
}

/// A page of a shadow.
pub struct Page {
    pub address: u64,
    /// 1 for entries that map 4 KiB; known when the page is filled.
    pub level: u32,
    pub entries: Entries,
}

/// All that is around the shadows.
pub struct State {
    /// The guest's memory: pages that are not here are zero.
    pub memory: BTreeMap<u64, Entries>,
    /// The guest has no page from this one on.
    pub end: u64,
    /// Pages that were taken away.
    pub gone: BTreeSet<u64>,
    /// No more pages than these can be pinned.
    pub pin_limit: usize,
    /// How often pinning was tried.
    pub pin_attempts: usize,
    pub pinned: BTreeMap<u64, u64>,
    /// Whether writes can be told.
    pub tracks: bool,
    pub tracked: BTreeSet<u64>,
    /// Pages of shadows by handle.
    pub pages: BTreeMap<usize, Page>,
    pub by_address: BTreeMap<u64, usize>,
    next: usize,
    /// No more pages of shadows than these.
    pub page_limit: usize,
    /// What the TLBs may hold, or reach by what they hold.
    cached: BTreeSet<u64>,
    /// The same, of what was seen since the last flush began.
    recent: BTreeSet<u64>,
    /// What contexts have that may be on the GPU.
    pub in_use: Vec<DmaAddress>,
    pub flushes: usize,
    pub flush_fails: bool,
    pub events: Vec<Event>,
    /// Entries that were written.
    pub writes: usize,
}

impl State {
    pub fn has(&self, gfn: u64) -> bool {
        gfn < self.end && !self.gone.contains(&gfn)
    }

    /// Whether there is less than could be asked for.
    pub fn is_limited(&self) -> bool {
        self.pin_limit != usize::MAX || self.page_limit != usize::MAX
    }

    /// The page of a shadow at an address of the GPU.
    pub fn page(&self, address: u64) -> Option<&Page> {
        self.pages.get(self.by_address.get(&address)?)
    }

    /// The scratch page, and the scratch table at each level above: those that were made first.
    pub fn scratch(&self, level: usize) -> u64 {
        self.pages[&level].address
    }

    /// The level of the table that leads to scratch by this entry.
    fn level_of(&self, scratch: u64) -> u32 {
        let scratches = self.pages.values().take(4).map(|page| page.address);
        let level = scratches
            .zip(1..)
            .find(|(address, _)| *address == scratch & !0xfff);
        level.unwrap().1
    }

    fn saw(&mut self, level: u32, entry: u64) {
        for address in walk::reach_of(level, entry) {
            self.cached.insert(address);
            self.recent.insert(address);
        }
    }

    /// All that contexts on the GPU can reach.
    fn reachable(&self) -> BTreeSet<u64> {
        let mut found = BTreeSet::new();
        for root in &self.in_use {
            walk::reach(self, 4, root.0, &mut found);
        }
        found
    }

    pub fn begin_flush(&mut self) {
        self.recent = self.reachable();
    }

    pub fn end_flush(&mut self) {
        self.cached = self.recent.clone();
        self.flushes += 1;
    }
}

type Shared = Rc<RefCell<State>>;

struct FakeVm(Shared);

impl Guest for FakeVm {
    fn pin(&mut self, gfn: Gfn) -> Result<DmaAddress> {
        let mut state = self.0.borrow_mut();
        state.pin_attempts += 1;
        if !state.has(gfn.0) {
            return Err(EFAULT);
        }
        if state.pinned.len() >= state.pin_limit {
            return Err(ENOMEM);
        }
        let before = state.pinned.insert(gfn.0, dma(gfn.0));
        assert_eq!(before, None, "{gfn:?} is pinned twice");
        Ok(DmaAddress(dma(gfn.0)))
    }

    fn unpin(&mut self, gfn: Gfn, address: DmaAddress) {
        let mut state = self.0.borrow_mut();
        assert_eq!(state.pinned.remove(&gfn.0), Some(address.0));
        assert!(!state.cached.contains(&address.0), "{gfn:?} is in a TLB");
    }

    fn send_msi(&mut self) {}

    fn note(&mut self, event: Event) {
        self.0.borrow_mut().events.push(event);
    }
}

struct FakeMemory(Shared);

impl GuestMemory for FakeMemory {
    fn read(&mut self, gfn: Gfn, offset: usize, data: &mut [u8]) -> Result {
        let state = self.0.borrow();
        if !state.has(gfn.0) {
            return Err(EFAULT);
        }
        assert!(offset + data.len() <= PAGE_BYTES, "not beyond the page");
        let Some(page) = state.memory.get(&gfn.0) else {
            data.fill(0);
            return Ok(());
        };
        if offset % 8 == 0 {
            let entries = &page[offset / 8..];
            for (bytes, entry) in data.chunks_mut(8).zip(entries) {
                bytes.copy_from_slice(&entry.to_le_bytes()[..bytes.len()]);
            }
            return Ok(());
        }
        for (at, byte) in (offset..).zip(data) {
            *byte = page[at / 8].to_le_bytes()[at % 8];
        }
        Ok(())
    }

    fn write(&mut self, _gfn: Gfn, _offset: usize, _data: &[u8]) -> Result {
        panic!("shadows do not write the guest's memory");
    }
}

struct FakeTracker(Shared);

impl PageTracker for FakeTracker {
    fn start(&mut self, gfn: Gfn) -> Result {
        let mut state = self.0.borrow_mut();
        if !state.tracks {
            return Err(ENOTSUPP);
        }
        if !state.has(gfn.0) {
            return Err(EFAULT);
        }
        assert!(state.tracked.insert(gfn.0), "{gfn:?} is tracked twice");
        Ok(())
    }

    fn stop(&mut self, gfn: Gfn) {
        let was = self.0.borrow_mut().tracked.remove(&gfn.0);
        assert!(was, "{gfn:?} is not tracked");
    }
}

struct FakeShadow(Shared);

impl ShadowMemory for FakeShadow {
    fn allocate(&mut self) -> Result<ShadowPage> {
        let mut state = self.0.borrow_mut();
        if state.pages.len() >= state.page_limit {
            return Err(ENOMEM);
        }
        let handle = state.next;
        state.next += 1;
        // Addresses are used again as soon as they can be.
        let free = (0..).map(|number| SHADOW_DMA + (number << 12));
        let mut free = free.filter(|address| !state.by_address.contains_key(address));
        let address = free.next().unwrap();
        state.by_address.insert(address, handle);
        let entries = Box::new([0; 512]);
        let page = Page {
            address,
            level: 0,
            entries,
        };
        state.pages.insert(handle, page);
        Ok(ShadowPage {
            handle,
            address: DmaAddress(address),
        })
    }

    fn write(&mut self, page: ShadowPage, index: usize, entry: u64) {
        let mut state = self.0.borrow_mut();
        let level = state.pages[&page.handle].level;
        state.saw(level, entry);
        state.writes += 1;
        state.pages.get_mut(&page.handle).unwrap().entries[index] = entry;
    }

    fn fill(&mut self, page: ShadowPage, entry: u64) {
        let mut state = self.0.borrow_mut();
        let level = state.level_of(entry);
        state.saw(level, entry);
        let page = state.pages.get_mut(&page.handle).unwrap();
        page.level = level;
        *page.entries = [entry; 512];
    }

    fn free(&mut self, page: ShadowPage) {
        let mut state = self.0.borrow_mut();
        let address = page.address.0;
        // Scratch goes last of all, when the GPU has forgotten the vGPU.
        let cached = page.handle >= 4 && state.cached.contains(&address);
        assert!(!cached, "{page:?} is in a TLB");
        assert!(!state.reachable().contains(&address), "{page:?} is in use");
        assert!(state.pages.remove(&page.handle).is_some());
        state.by_address.remove(&address);
    }
}

struct FakeTlbs(Shared);

impl Tlbs for FakeTlbs {
    fn flush(&mut self) -> Result {
        let mut state = self.0.borrow_mut();
        if state.flush_fails {
            return Err(EIO);
        }
        state.begin_flush();
        state.end_flush();
        Ok(())
    }
}

/// Shadows, and all that is around them.
pub struct Bed {
    pub state: Shared,
    pub ppgtt: Ppgtt,
    /// In the last preparation there was no room for a shadow.
    pub crowded: bool,
    pins: Pins,
}

impl Bed {
    pub fn with_limits(limits: Limits) -> Self {
        let state = Rc::new(RefCell::new(State {
            memory: BTreeMap::new(),
            end: 4096,
            gone: BTreeSet::new(),
            pin_limit: usize::MAX,
            pin_attempts: 0,
            pinned: BTreeMap::new(),
            tracks: true,
            tracked: BTreeSet::new(),
            pages: BTreeMap::new(),
            by_address: BTreeMap::new(),
            next: 0,
            page_limit: usize::MAX,
            cached: BTreeSet::new(),
            recent: BTreeSet::new(),
            in_use: Vec::new(),
            flushes: 0,
            flush_fails: false,
            events: Vec::new(),
            writes: 0,
        }));
        let ppgtt = Ppgtt::new(&mut FakeShadow(state.clone()), limits, true).unwrap();
        Self {
            state,
            ppgtt,
            crowded: false,
            pins: Pins::new(),
        }
    }

    pub fn new() -> Self {
        Self::with_limits(Limits::DEFAULT)
    }

    /// One whose world can't tell of writes.
    pub fn untracked() -> Self {
        let bed = Self::new();
        bed.state.borrow_mut().tracks = false;
        bed
    }

    /// Does something to the shadows.
    pub fn with<R>(&mut self, f: impl FnOnce(&mut Ppgtt, &mut Backing<'_>) -> R) -> R {
        let state = &self.state;
        f(
            &mut self.ppgtt,
            &mut Backing {
                guest: &mut FakeVm(state.clone()),
                pins: &mut self.pins,
                memory: &mut FakeMemory(state.clone()),
                tracker: &mut FakeTracker(state.clone()),
                shadow: &mut FakeShadow(state.clone()),
                tlbs: &mut FakeTlbs(state.clone()),
            },
        )
    }

    /// A processor of the guest writes some bytes.
    pub fn write_bytes(&mut self, gfn: u64, offset: usize, data: &[u8]) {
        let tracked = {
            let mut state = self.state.borrow_mut();
            let page = state.memory.entry(gfn).or_insert(Box::new([0; 512]));
            for (at, byte) in (offset..).zip(data) {
                let mut entry = page[at / 8].to_le_bytes();
                entry[at % 8] = *byte;
                page[at / 8] = u64::from_le_bytes(entry);
            }
            state.tracked.contains(&gfn)
        };
        if tracked {
            self.told(gfn, offset as u64, data.len() as u64);
        }
    }

    /// The shadows are told of a write, where nobody may sleep: nothing is allocated.
    pub fn told(&mut self, gfn: u64, offset: u64, size: u64) {
        let tracker = &mut FakeTracker(self.state.clone());
        let tried = Ledger::current().tried();
        in_atomic_context(|| self.ppgtt.written(tracker, Gfn(gfn), offset, size));
        assert_eq!(Ledger::current().tried(), tried, "memory is allocated");
    }

    /// The guest writes an entry.
    pub fn write(&mut self, gfn: u64, index: usize, entry: u64) {
        self.write_bytes(gfn, 8 * index, &entry.to_le_bytes());
    }

    /// The guest makes tables with three entries, and one that maps page 100 at address 0.
    pub fn four_levels(&mut self, [pml4, pdp, pd, pt]: [u64; 4]) -> Root {
        self.write(pml4, 0, pdp << 12 | TABLE);
        self.write(pdp, 0, pd << 12 | TABLE);
        self.write(pd, 0, pt << 12 | TABLE);
        self.write(pt, 0, 100 << 12 | PAGE);
        Root::FourLevel(Gfn(pml4))
    }

    pub fn pin(&mut self, root: Root) {
        self.with(|ppgtt, backing| ppgtt.pin(backing, root))
            .unwrap();
    }

    pub fn unpin(&mut self, root: Root) {
        self.with(|ppgtt, backing| ppgtt.unpin(backing, root));
    }

    pub fn try_prepare(&mut self, root: Root) -> Result<DmaAddress> {
        let before = self.ppgtt.counters().crowded;
        let result = self.with(|ppgtt, backing| ppgtt.prepare(backing, root));
        self.crowded = self.ppgtt.counters().crowded != before;
        result
    }

    /// Prepares a pinned address space; the GPU uses it from now on.
    pub fn prepare(&mut self, root: Root) -> DmaAddress {
        let host = self.try_prepare(root).unwrap();
        let mut state = self.state.borrow_mut();
        if !state.in_use.contains(&host) {
            state.in_use.push(host);
        }
        host
    }

    /// Pins and prepares an address space.
    pub fn submit(&mut self, root: Root) -> DmaAddress {
        self.pin(root);
        self.prepare(root)
    }

    /// The GPU has ended with all that it was given.
    pub fn idle(&mut self) {
        self.state.borrow_mut().in_use.clear();
    }

    /// The GPU uses `host` no more, and its workload is over.
    pub fn complete(&mut self, root: Root, host: DmaAddress) {
        self.state
            .borrow_mut()
            .in_use
            .retain(|other| *other != host);
        self.unpin(root);
    }

    /// A flush from begin to end.
    pub fn flush(&mut self) {
        let flush = self.ppgtt.begin_flush();
        self.state.borrow_mut().begin_flush();
        self.state.borrow_mut().end_flush();
        self.with(|ppgtt, backing| ppgtt.flushed(backing, flush));
    }

    pub fn forget(&mut self, first: u64, count: u64) -> Result {
        self.with(|ppgtt, backing| ppgtt.forget_memory(backing, Gfn(first), count))
    }

    pub fn pinned(&self) -> Vec<u64> {
        self.state.borrow().pinned.keys().copied().collect()
    }

    /// Where the GPU finds an address; `None` if that is scratch.
    pub fn gpu(&self, host: DmaAddress, address: u64) -> Option<u64> {
        walk::gpu(&self.state.borrow(), host, address)
    }

    /// Why entries led to scratch.
    pub fn refusals(&self) -> Vec<Refusal> {
        let state = self.state.borrow();
        let refusals = state.events.iter().filter_map(|event| match event {
            Event::Complaint(Complaint::PpgttEntry { why, .. }) => Some(*why),
            _ => None,
        });
        refusals.collect()
    }

    /// The guest goes; nothing may be left of it.
    pub fn end(mut self) {
        self.idle();
        self.with(|ppgtt, backing| ppgtt.clear(backing)).unwrap();
        assert_eq!(self.ppgtt.counts(), Counts::default());
        {
            let state = self.state.borrow();
            assert!(state.pinned.is_empty(), "{:?}", state.pinned);
            assert!(state.tracked.is_empty(), "{:?}", state.tracked);
            assert_eq!(state.pages.len(), 4, "all but scratch is given back");
        }
        self.ppgtt.destroy(&mut FakeShadow(self.state.clone()));
        assert!(self.state.borrow().pages.is_empty());
    }
}
