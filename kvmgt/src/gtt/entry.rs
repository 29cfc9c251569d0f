// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Page-table entries, the guest's and the host's: they are different types.

use crate::address::{DmaAddress, Gfn, PAGE_SHIFT};
use core::fmt;
use iface::types::{PTE_ADDRESS, PTE_PRESENT, PTE_VALID_BITS};

/// Bytes of an entry.
pub const ENTRY_SIZE: u64 = 8;

/// The bits that a guest's entry has for an address: those that an x86 page table has. GPUs of the
/// contract use 46 bits of it (PRM Vol 5, GTT entry of Gen8); what is behind them is ignored.
const GUEST_ADDRESS: u64 = ((1 << 52) - 1) & !0xfff;

/// An entry of the GGTT as a guest wrote it: anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestEntry(pub u64);

impl GuestEntry {
    /// What nobody wrote.
    pub const NONE: Self = Self(0);

    /// Whether it is to map a page.
    pub fn is_present(self) -> bool {
        self.0 & PTE_PRESENT != 0
    }

    /// The page of the guest's memory that it names; `None` if the GPU can't reach so far.
    pub fn gfn(self) -> Option<Gfn> {
        let address = self.0 & GUEST_ADDRESS;
        (address & !PTE_ADDRESS == 0).then_some(Gfn(address >> PAGE_SHIFT))
    }

    /// The host's entry that maps `page` as this one wants it mapped; `None` if `page` is nothing
    /// that an entry can name.
    pub fn mapping(self, page: DmaAddress) -> Option<HostEntry> {
        let DmaAddress(address) = page;
        let rest = self.0 & PTE_VALID_BITS & !PTE_ADDRESS | PTE_PRESENT;
        (address & !PTE_ADDRESS == 0).then_some(HostEntry(address | rest))
    }
}

impl fmt::Display for GuestEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#018x}", self.0)
    }
}

/// An entry of the GGTT for the GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostEntry(u64);

impl HostEntry {
    /// One that maps nothing: the host half makes it lead to its scratch page.
    pub const SCRATCH: Self = Self(0);

    /// The number that goes to the host half.
    pub const fn raw(self) -> u64 {
        self.0
    }
}
