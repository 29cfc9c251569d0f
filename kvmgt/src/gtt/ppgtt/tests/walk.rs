// SPDX-License-Identifier: GPL-2.0 OR MIT
//! How hardware walks tables, written from its manual and not from the code under test: of the
//! shadows as the GPU does it, and of the guest's own tables beside it.

use super::bed::{dma, State};
use kvmgt_core::address::DmaAddress;
use kvmgt_core::gtt::ppgtt::Root;
use std::collections::BTreeSet;
use std::vec::Vec;

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const BIT_7: u64 = 1 << 7;
const IPS: u64 = 1 << 11;
const ADDRESS: u64 = 0x3fff_ffff_f000;
const LARGE_ADDRESS: u64 = 0x3fff_ffe0_0000;
/// Bits of an x86 address that the GPU lacks.
const BEYOND: u64 = 0xf_c000_0000_0000;

/// The pages that an entry leads to.
pub fn reach_of(level: u32, entry: u64) -> Vec<u64> {
    if entry & PRESENT == 0 {
        return Vec::new();
    }
    if level == 2 && entry & BIT_7 != 0 {
        let pages = (0..512).map(|page| (entry & LARGE_ADDRESS) + (page << 12));
        return pages.collect();
    }
    std::vec![entry & ADDRESS]
}

/// All pages that a table of the shadows leads to, and itself.
pub fn reach(state: &State, level: u32, table: u64, found: &mut BTreeSet<u64>) {
    if !found.insert(table) {
        return;
    }
    let page = state.page(table).expect("the GPU reads what was freed");
    for entry in distinct(&page.entries) {
        if level == 1 || level == 2 && entry & BIT_7 != 0 {
            found.extend(reach_of(level, entry));
        } else if entry & PRESENT != 0 {
            reach(state, level - 1, entry & ADDRESS, found);
        }
    }
}

/// The entries of a table, but for those that repeat the one before: most are scratch.
fn distinct(entries: &[u64; 512]) -> impl Iterator<Item = u64> + '_ {
    let mut last = None;
    entries
        .iter()
        .copied()
        .filter(move |entry| last.replace(*entry) != Some(*entry))
}

/// Where the GPU finds an address; `None` if that is the scratch page.
pub fn gpu(state: &State, root: DmaAddress, address: u64) -> Option<u64> {
    let (mut level, mut table) = (4, root.0);
    loop {
        let index = (address >> (12 + 9 * (level - 1))) as usize & 511;
        let entry = state.page(table).expect("a table").entries[index];
        assert!(entry & PRESENT != 0, "an entry of a shadow leads nowhere");
        if level == 2 && entry & BIT_7 != 0 {
            return Some((entry & LARGE_ADDRESS) + (address & 0x1f_ffff));
        }
        table = entry & ADDRESS;
        level -= 1;
        if level == 0 {
            let scratch = table == state.scratch(0);
            return (!scratch).then_some(table + (address & 0xfff));
        }
    }
}

/// What a comparison goes by.
pub struct Judge<'a> {
    pub state: &'a State,
    pub pages_64k: bool,
    /// The guest had not all that it asked for: scratch is allowed everywhere.
    pub starved: bool,
    seen: BTreeSet<(u32, bool, Option<u64>, u64)>,
}

impl<'a> Judge<'a> {
    pub fn new(state: &'a State, pages_64k: bool, starved: bool) -> Self {
        Self {
            state,
            pages_64k,
            starved,
            seen: BTreeSet::new(),
        }
    }

    /// The GPU's view of an address space is the guest's.
    pub fn compare(&mut self, guest: Root, host: DmaAddress) {
        match guest {
            Root::FourLevel(gfn) => self.table(4, false, Some(gfn.0), host.0),
            Root::ThreeLevel(gfns) => {
                let [pdp] = self.top(4, host.0);
                let directories: [u64; 4] = self.top(3, pdp);
                for (gfn, directory) in gfns.iter().zip(directories) {
                    self.table(2, false, Some(gfn.0), directory);
                }
            }
        }
    }

    /// What the first entries of a table above a guest's lead to; all others are scratch.
    fn top<const N: usize>(&self, level: u32, table: u64) -> [u64; N] {
        let page = self.state.page(table).expect("a table");
        assert_eq!(page.level, level);
        let scratch = self.state.scratch(level as usize - 1);
        for (index, entry) in page.entries.iter().enumerate() {
            assert_eq!(entry & !ADDRESS, PRESENT | WRITABLE);
            assert_eq!(entry & ADDRESS == scratch, index >= N, "entry {index}");
        }
        core::array::from_fn(|index| page.entries[index] & ADDRESS)
    }

    /// Compares two tables. `None` is one whose entries are not present.
    fn table(&mut self, level: u32, is_64k: bool, guest: Option<u64>, shadow: u64) {
        let guest = guest.filter(|gfn| self.state.has(*gfn));
        if !self.seen.insert((level, is_64k, guest, shadow)) {
            return;
        }
        let state = self.state;
        let entries = &state.page(shadow).expect("a table").entries;
        let guest = guest.and_then(|gfn| state.memory.get(&gfn));
        let mut last = None;
        for (index, have) in entries.iter().copied().enumerate() {
            assert!(have & PRESENT != 0, "an entry of a shadow leads nowhere");
            let at = if is_64k { index & !15 } else { index };
            let want = guest.map_or(0, |entries| entries[at]);
            if last.replace((want, have)) == Some((want, have)) && want & PRESENT == 0 {
                continue;
            }
            let present = want & PRESENT != 0 && want & BEYOND == 0;
            let gfn = (want & ADDRESS) >> 12;
            match level {
                1 if is_64k => {
                    let gfn = (gfn & !15) + (index as u64 & 15);
                    self.page(present.then_some((gfn, want & 0x9a)), have);
                }
                1 => self.page(present.then_some((gfn, want & 0x9a)), have),
                2 if present && want & BIT_7 != 0 => self.large(gfn & !511, want, have),
                3 if present && want & BIT_7 != 0 => self.below(level, false, None, have),
                _ => {
                    let is_64k = level == 2 && self.pages_64k && want & IPS != 0;
                    self.below(level, is_64k, present.then_some(gfn), have);
                }
            }
        }
    }

    /// Compares what an entry leads to with a table of the guest.
    fn below(&mut self, level: u32, is_64k: bool, guest: Option<u64>, have: u64) {
        assert!(
            level > 2 || have & BIT_7 == 0,
            "the GPU has 2 MiB, the guest a table"
        );
        let address = have & ADDRESS;
        if address == self.state.scratch(level as usize - 1) {
            let empty = guest.filter(|gfn| self.state.has(*gfn)).is_none();
            assert!(
                empty || self.starved,
                "table {guest:?} is not there for the GPU"
            );
        } else {
            self.table(level - 1, is_64k, guest, address);
        }
    }

    /// Compares an entry with a page of the guest, and the bits that go with it.
    fn page(&self, want: Option<(u64, u64)>, have: u64) {
        let address = have & ADDRESS;
        let want = want.filter(|(gfn, _)| self.state.has(*gfn));
        if address == self.state.scratch(0) {
            assert!(want.is_none() || self.starved, "{want:x?} is scratch");
            return;
        }
        let (gfn, bits) = want.expect("the GPU has a page, the guest none");
        assert_eq!(self.state.pinned.get(&gfn), Some(&address), "page {gfn:#x}");
        assert_eq!(address, dma(gfn));
        assert_eq!(have & !ADDRESS, bits | PRESENT);
    }

    /// Compares an entry with 2 MiB of the guest.
    fn large(&mut self, gfn: u64, want: u64, have: u64) {
        let pat = if want & 1 << 12 != 0 { BIT_7 } else { 0 };
        let bits = want & 0x1a | pat;
        if have & BIT_7 != 0 {
            let address = have & LARGE_ADDRESS;
            for page in 0..512 {
                let found = self.state.pinned.get(&(gfn + page));
                assert_eq!(found, Some(&(address + (page << 12))));
            }
            assert_eq!(
                have & !LARGE_ADDRESS & !0x1000,
                want & 0x1a | BIT_7 | PRESENT
            );
            assert_eq!(have & 0x1000, want & 0x1000);
            return;
        }
        let table = have & ADDRESS;
        if table == self.state.scratch(1) {
            assert!(self.starved, "2 MiB at {gfn:#x} are scratch");
            return;
        }
        assert!(have & WRITABLE != 0);
        let entries = &self.state.page(table).expect("a table").entries;
        for (page, entry) in (gfn..).zip(entries.iter()) {
            self.page(Some((page, bits)), *entry);
        }
    }
}

/// Every entry of every shadow leads to a shadow, to a page that is pinned, or to scratch.
pub fn check_all(state: &State) {
    let pinned: BTreeSet<u64> = state.pinned.values().copied().collect();
    for (handle, page) in state.pages.iter().filter(|(handle, _)| **handle != 0) {
        for entry in distinct(&page.entries) {
            let leaf = page.level == 1 || page.level == 2 && entry & BIT_7 != 0;
            for address in reach_of(page.level, entry) {
                let fine = match state.page(address) {
                    Some(below) if below.address == state.scratch(0) => page.level == 1,
                    Some(below) => !leaf && below.level + 1 == page.level,
                    None => leaf && pinned.contains(&address),
                };
                assert!(fine, "{entry:#x} in shadow {handle}");
            }
            assert!(entry & PRESENT != 0, "{entry:#x} in shadow {handle}");
        }
    }
}
