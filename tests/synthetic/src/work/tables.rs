// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Page tables of a context: one page of data and a batch, or all pages of data.

use anyhow::Result;

use super::address;
use crate::registers::{pvinfo, PAGE, PAGE_SHIFT};
use crate::Guest;

/// Entries of a table.
const ENTRIES: u64 = 512;
/// Bytes of an entry.
const ENTRY: u64 = 8;
/// Entries: present and writable (PRM Vol 5).
const PRESENT_WRITABLE: u64 = 0b11;
/// Which bits of an address choose the entry, from the PML4 table on.
const SHIFTS: [u32; 4] = [39, 30, 21, 12];
/// Where the pages begin in the PPGTT.
pub(super) const START: u64 = 0x20_0000;
/// Pages that tables take at most.
pub(super) const PAGES: u64 = 5;

/// How many levels there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Levels {
    /// Four page directories are the root.
    Three,
    /// A PML4 table is.
    Four,
}

/// How tables are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tables {
    pub(super) levels: Levels,
    /// The device is told of them in each round, and that they are no more behind it; so they lead to
    /// another page each time. If not, it finds them when a context is submitted, and they stay.
    pub(super) told: bool,
}

impl Tables {
    pub(super) const fn told(levels: Levels) -> Self {
        Self { levels, told: true }
    }

    pub(super) const fn found(levels: Levels) -> Self {
        Self {
            levels,
            told: false,
        }
    }

    /// Writes tables, in pages from `first` on, that map `pages` one behind the other.
    pub(super) fn lay_out(self, guest: &Guest<'_>, first: u64, pages: &[u64]) -> Result<()> {
        let set = |table: u64, index: u64, next: u64| {
            let entry = address(next) | PRESENT_WRITABLE;
            guest
                .ram
                .write(address(table) + index * ENTRY, &entry.to_le_bytes())
        };
        let index = |shift: u32| START >> shift & (ENTRIES - 1);
        let [pml4, directories, tables, entries] = SHIFTS;
        let last = match self.levels {
            Levels::Four => {
                for (level, shift) in (0..).zip([pml4, directories, tables]) {
                    set(first + level, index(shift), first + level + 1)?;
                }
                first + 3
            }
            Levels::Three => {
                for directory in 0..4 {
                    set(first + directory, index(tables), first + 4)?;
                }
                first + 4
            }
        };
        for (place, page) in (0..).zip(pages) {
            set(last, index(entries) + place, *page)?;
        }
        Ok(())
    }

    /// The page directory pointers of a context.
    pub(super) fn pointers(self, first: u64) -> [u64; 4] {
        match self.levels {
            Levels::Four => [address(first), 0, 0, 0],
            Levels::Three => [0, 1, 2, 3].map(|number| address(first + number)),
        }
    }

    /// Tells the device that they are there, or that they are no more (observed: i915, `vgt_g2v_type`).
    pub(super) fn tell(self, guest: &mut Guest<'_>, first: u64, there: bool) -> Result<()> {
        for (at, root) in (pvinfo::PDP0..)
            .step_by(ENTRY as usize)
            .zip(self.pointers(first))
        {
            guest.write32(at, root as u32)?;
            guest.write32(at + 4, (root >> u32::BITS) as u32)?;
        }
        let number = match (self.levels, there) {
            (Levels::Three, true) => pvinfo::CREATE_3_LEVEL,
            (Levels::Three, false) => pvinfo::DESTROY_3_LEVEL,
            (Levels::Four, true) => pvinfo::CREATE_4_LEVEL,
            (Levels::Four, false) => pvinfo::DESTROY_4_LEVEL,
        };
        guest.write32(pvinfo::NOTIFY, number)
    }

    /// The address of a page in the PPGTT, by its place.
    pub(super) fn page(place: u64) -> u64 {
        START + place * PAGE
    }
}

const _: () = assert!((START >> PAGE_SHIFT) % ENTRIES == 0);
