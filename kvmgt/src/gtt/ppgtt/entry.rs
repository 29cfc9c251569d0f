// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Entries of PPGTT tables: what a guest wrote, by level, and what the GPU gets.
//!
//! PRM Vol 5 (Memory Views), "PPGTT entries of Gen8": four levels of 512 entries of 8 bytes. Bits
//! that are not named here are not for the GPU: they are dropped on the way.

use super::backing::ShadowPage;
use super::key::{Key, Kind};
use crate::address::{DmaAddress, Gfn, PAGE_SHIFT};
use iface::types::{PTE_ADDRESS, PTE_PRESENT};
use kernel::prelude::*;

/// The entry may be written through.
const WRITABLE: u64 = 1 << 1;
/// Caching, two bits at every level.
const PWT: u64 = 1 << 3;
const PCD: u64 = 1 << 4;
/// Third caching bit of an entry that maps 4 KiB or 64 KiB.
const PAT: u64 = 1 << 7;
/// The same of one that maps 2 MiB.
const PAT_LARGE: u64 = 1 << 12;
/// In a PDPE or PDE: it maps a page itself.
const LARGE: u64 = 1 << 7;
/// In a PDE, "IPS": its table maps 64 KiB pages, by every 16th entry.
const IPS_64K: u64 = 1 << 11;
/// Bits of an address as an x86 page table has them; the GPU reaches the lower 46.
const GUEST_ADDRESS: u64 = ((1 << 52) - 1) & !0xfff;
/// log2 of the 4 KiB pages in a 64 KiB page.
const PAGES_64K_SHIFT: u32 = 4;
/// 4 KiB pages in a 64 KiB page.
pub(super) const PAGES_64K: usize = 1 << PAGES_64K_SHIFT;
/// log2 of the 4 KiB pages in a 2 MiB page.
const PAGES_2M_SHIFT: u32 = 9;
/// 4 KiB pages in a 2 MiB page.
pub(super) const PAGES_2M: u64 = 1 << PAGES_2M_SHIFT;

/// Which page sizes count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modes {
    /// The guest has enabled 64 KiB pages, on all engines (`GAMW_ECO` of Gen9). Else the bit in
    /// PDEs is ignored, as the hardware does.
    pub pages_64k: bool,
    /// The GPU maps 2 MiB pages. Else they are split.
    pub pages_2m: bool,
}

/// Why an entry that is present leads to scratch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The GPU can't reach so far.
    Reach,
    /// It maps 1 GiB, which no GPU of the contract does.
    Gigabyte,
    /// The page is not pinned. It is tried again at the next submission.
    Page(Error),
    /// There is no shadow of the table. It is tried again at the next submission.
    Table(Error),
}

/// What an entry that maps a page says besides: writable, caching. As a 4 KiB PTE has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageBits(u8);

impl PageBits {
    /// The least of all.
    pub(super) const MIN: Self = Self(0);

    /// Those of a PTE.
    fn of_pte(raw: u64) -> Self {
        // All of them are in the lowest byte.
        Self((raw & (WRITABLE | PWT | PCD | PAT)) as u8)
    }

    /// Those of a PDE that maps 2 MiB.
    fn of_large(raw: u64) -> Self {
        let pat = if raw & PAT_LARGE != 0 { PAT } else { 0 };
        Self((raw & (WRITABLE | PWT | PCD) | pat) as u8)
    }

    /// The next larger value.
    pub(super) fn after(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }

    /// Whether the page may be written.
    pub fn is_writable(self) -> bool {
        u64::from(self.0) & WRITABLE != 0
    }
}

/// What an entry that leads to a table says besides: writable, caching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TableBits(u64);

/// What an entry of a guest is to lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Nothing: it is not present.
    Nothing,
    /// A table.
    Table { key: Key, bits: TableBits },
    /// A page of 4 KiB.
    Page { gfn: Gfn, bits: PageBits },
    /// A page of 2 MiB.
    Large { gfn: Gfn, bits: PageBits },
    /// It leads to scratch, though it is present.
    Refused(Refusal),
}

/// The page that a present entry names; `None` if the GPU can't reach so far.
fn gfn(raw: u64) -> Option<Gfn> {
    let address = raw & GUEST_ADDRESS;
    (address & !PTE_ADDRESS == 0).then_some(Gfn(address >> PAGE_SHIFT))
}

/// What an entry that names a table of a kind leads to.
fn table(raw: u64, kind: Kind) -> Target {
    if raw & PTE_PRESENT == 0 {
        return Target::Nothing;
    }
    match gfn(raw) {
        Some(gfn) => Target::Table {
            key: Key { gfn, kind },
            bits: TableBits(raw & (WRITABLE | PWT | PCD)),
        },
        None => Target::Refused(Refusal::Reach),
    }
}

/// An entry of a page map level 4, as a guest wrote it: anything. It leads to a PDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pml4e(pub u64);

impl Pml4e {
    pub(super) fn target(self) -> Target {
        table(self.0, Kind::Pdp)
    }
}

/// An entry of a page directory pointer table, as a guest wrote it: anything. It leads to a PD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pdpe(pub u64);

impl Pdpe {
    pub(super) fn target(self) -> Target {
        match table(self.0, Kind::Pd) {
            Target::Table { .. } if self.0 & LARGE != 0 => Target::Refused(Refusal::Gigabyte),
            target => target,
        }
    }
}

/// An entry of a page directory, as a guest wrote it: anything. It leads to a page table, or to a
/// page of 2 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pde(pub u64);

impl Pde {
    pub(super) fn target(self, modes: Modes) -> Target {
        let kind = if modes.pages_64k && self.0 & IPS_64K != 0 {
            Kind::Pt64k
        } else {
            Kind::Pt
        };
        match table(self.0, kind) {
            Target::Table { key, .. } if self.0 & LARGE != 0 => Target::Large {
                // What is below 2 MiB is no address: bit 12 is for caching, others are reserved.
                gfn: Gfn(key.gfn.0 >> PAGES_2M_SHIFT << PAGES_2M_SHIFT),
                bits: PageBits::of_large(self.0),
            },
            target => target,
        }
    }
}

/// An entry of a page table, as a guest wrote it: anything. It leads to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pte(pub u64);

impl Pte {
    /// In a table of 4 KiB pages.
    pub(super) fn target(self) -> Target {
        if self.0 & PTE_PRESENT == 0 {
            return Target::Nothing;
        }
        let bits = PageBits::of_pte(self.0);
        match gfn(self.0) {
            Some(gfn) => Target::Page { gfn, bits },
            None => Target::Refused(Refusal::Reach),
        }
    }

    /// In a table of 64 KiB pages: the 4 KiB that are `index` pages behind the beginning.
    pub(super) fn target_64k(self, index: usize) -> Target {
        match self.target() {
            Target::Page { gfn, bits } => {
                let within = (index as u64) & (PAGES_64K as u64).saturating_sub(1);
                let first = gfn.0 >> PAGES_64K_SHIFT << PAGES_64K_SHIFT;
                let gfn = Gfn(first | within);
                Target::Page { gfn, bits }
            }
            target => target,
        }
    }
}

/// An entry for the GPU, at any level. It can only be made of what we allocated or pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShadowEntry(u64);

impl ShadowEntry {
    /// One that leads to a table of ours. Its address was [checked](reaches).
    pub(super) fn table(page: ShadowPage, bits: TableBits) -> Self {
        Self(page.address.0 & PTE_ADDRESS | bits.0 | PTE_PRESENT)
    }

    /// One that leads to a table of ours and keeps nothing from what is below: its own entries say
    /// what may be done. Or to the scratch page, which may be written.
    pub(super) fn open(page: ShadowPage) -> Self {
        Self::table(page, TableBits(WRITABLE))
    }

    /// One that maps 4 KiB; `None` if the GPU can't reach so far.
    pub(super) fn page(address: DmaAddress, bits: PageBits) -> Option<Self> {
        let raw = address.0 | u64::from(bits.0) | PTE_PRESENT;
        reaches(address).then_some(Self(raw))
    }

    /// One that maps 2 MiB; `None` if the GPU can't reach so far, or `address` is no multiple.
    pub(super) fn large(address: DmaAddress, bits: PageBits) -> Option<Self> {
        let bits = u64::from(bits.0);
        let pat = if bits & PAT != 0 { PAT_LARGE } else { 0 };
        let raw = address.0 | bits & !PAT | pat | LARGE | PTE_PRESENT;
        (reaches(address) && is_large(address)).then_some(Self(raw))
    }

    /// The number that goes to the GPU.
    pub(super) const fn raw(self) -> u64 {
        self.0
    }
}

/// Whether an entry can name an address.
pub(super) fn reaches(address: DmaAddress) -> bool {
    address.0 & !PTE_ADDRESS == 0
}

/// Whether an address is a multiple of 2 MiB.
pub(super) fn is_large(address: DmaAddress) -> bool {
    let shift = PAGE_SHIFT.saturating_add(PAGES_2M_SHIFT);
    address.0.trailing_zeros() >= shift
}
