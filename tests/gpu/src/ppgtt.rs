// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Per-process graphics page tables (PPGTT): four-level and three-level walks.

use crate::address::DmaAddress;
use crate::address::PpgttAddress;
use crate::memory::DmaMemory;

const PRESENT: u64 = 1 << 0;
const WRITABLE: u64 = 1 << 1;
/// In a page directory pointer or page directory entry: it maps a page itself.
const LARGE: u64 = 1 << 7;
/// In a page directory entry: its table maps 64 KiB pages, by every 16th entry.
const IPS_64K: u64 = 1 << 11;
const ADDRESS: u64 = 0x7f_ffff_f000;
const INDEX_MASK: u64 = 0x1ff;
const ENTRY_BYTES: u64 = 8;
const PML4_SHIFT: u32 = 39;
const PDP_SHIFT: u32 = 30;
const PD_SHIFT: u32 = 21;
const PT_SHIFT: u32 = 12;
const SHIFT_64K: u32 = 16;
/// Entries of a page table that one 64 KiB page takes.
const ENTRIES_64K: u64 = 16;
const CANONICAL_48: u64 = (1 << 48) - 1;
const CANONICAL_32: u64 = (1 << 32) - 1;

/// Where a walk begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// A page map level 4, for 48 bits.
    FourLevel(DmaAddress),
    /// Four page directories, for 32 bits.
    ThreeLevel([DmaAddress; 4]),
}

/// The page tables of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageTables {
    /// Where a walk begins.
    pub root: Root,
    /// Whether the GAM honours the 64 KiB bit of page directory entries (Gen9, GAMW_ECO).
    pub pages_64k: bool,
}

/// What a walk found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Where the address is in memory.
    pub dma: DmaAddress,
    /// Whether commands may write there.
    pub writable: bool,
    /// Bytes of the page.
    pub page_size: u64,
}

/// Why an address is not mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkFault {
    /// The entry at this level (4 is the top) is not present.
    NotPresent(u8),
    /// The table at this level is not in memory.
    NoMemory(u8),
}

impl PageTables {
    /// Translates `address`.
    ///
    /// # Errors
    /// [`WalkFault`] tells the level where the walk ended.
    pub fn walk(
        &self,
        memory: &dyn DmaMemory,
        address: PpgttAddress,
    ) -> Result<Mapping, WalkFault> {
        self.walk_along(memory, address, |_| {})
    }

    /// The same; `along` is told of each table before it is read.
    ///
    /// # Errors
    /// As [`walk`](Self::walk).
    pub fn walk_along(
        &self,
        memory: &dyn DmaMemory,
        address: PpgttAddress,
        mut along: impl FnMut(DmaAddress),
    ) -> Result<Mapping, WalkFault> {
        let mut entry = |table: DmaAddress, at, shift, level| {
            along(table);
            entry(memory, table, at, shift, level)
        };
        let (at, directories) = match self.root {
            Root::FourLevel(pml4) => {
                let at = address.0 & CANONICAL_48;
                let entry = entry(pml4, at, PML4_SHIFT, 4)?;
                (at, Directories::Table(DmaAddress(entry & ADDRESS)))
            }
            Root::ThreeLevel(roots) => (address.0 & CANONICAL_32, Directories::Registers(roots)),
        };
        let directory = match directories {
            Directories::Table(table) => {
                let entry = entry(table, at, PDP_SHIFT, 3)?;
                if entry & LARGE != 0 {
                    return Ok(page(entry, at, PDP_SHIFT));
                }
                DmaAddress(entry & ADDRESS)
            }
            Directories::Registers(roots) => roots[(at >> PDP_SHIFT) as usize % roots.len()],
        };
        let directory_entry = entry(directory, at, PD_SHIFT, 2)?;
        if directory_entry & LARGE != 0 {
            return Ok(page(directory_entry, at, PD_SHIFT));
        }
        let table = DmaAddress(directory_entry & ADDRESS);
        if self.pages_64k && directory_entry & IPS_64K != 0 {
            let first = at & !((ENTRIES_64K << PT_SHIFT) - 1);
            return Ok(page(entry(table, first, PT_SHIFT, 1)?, at, SHIFT_64K));
        }
        Ok(page(entry(table, at, PT_SHIFT, 1)?, at, PT_SHIFT))
    }
}

enum Directories {
    Table(DmaAddress),
    Registers([DmaAddress; 4]),
}

/// The entry for `at` in the table of a level, if it is present.
fn entry(
    memory: &dyn DmaMemory,
    table: DmaAddress,
    at: u64,
    shift: u32,
    level: u8,
) -> Result<u64, WalkFault> {
    let offset = (at >> shift & INDEX_MASK) * ENTRY_BYTES;
    let entry = memory
        .read_u64(table.add(offset))
        .map_err(|_| WalkFault::NoMemory(level))?;
    if entry & PRESENT == 0 {
        return Err(WalkFault::NotPresent(level));
    }
    Ok(entry)
}

fn page(entry: u64, at: u64, shift: u32) -> Mapping {
    let size = 1_u64 << shift;
    Mapping {
        dma: DmaAddress((entry & ADDRESS & !(size - 1)) | (at & (size - 1))),
        writable: entry & WRITABLE != 0,
        page_size: size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::VecMemory;

    const PML4: u64 = 0x1000;
    const PDP: u64 = 0x2000;
    const PD: u64 = 0x3000;
    const PT: u64 = 0x4000;
    const ENTRY: u64 = PRESENT | WRITABLE;

    /// A tree that leads address 0 through one table of each level.
    fn tree() -> VecMemory {
        let memory = VecMemory::new(1 << 20);
        memory.write_u64(DmaAddress(PML4), PDP | ENTRY).unwrap();
        memory.write_u64(DmaAddress(PDP), PD | ENTRY).unwrap();
        memory.write_u64(DmaAddress(PD), PT | ENTRY).unwrap();
        memory
    }

    fn tables() -> PageTables {
        PageTables {
            root: Root::FourLevel(DmaAddress(PML4)),
            pages_64k: false,
        }
    }

    #[test]
    fn walk_when_four_levels_then_page() {
        let memory = tree();
        memory
            .write_u64(DmaAddress(PT + 8), 0x5_6000 | ENTRY)
            .unwrap();

        let mapping = tables().walk(&memory, PpgttAddress(0x1234)).unwrap();

        assert_eq!(mapping.dma, DmaAddress(0x5_6234));
        assert!(mapping.writable);
    }

    #[test]
    fn walk_when_three_levels_then_starts_at_directory() {
        let memory = tree();
        memory
            .write_u64(DmaAddress(PT), 0x5_6000 | PRESENT)
            .unwrap();
        let root = Root::ThreeLevel([DmaAddress(0), DmaAddress(PD), DmaAddress(0), DmaAddress(0)]);
        let tables = PageTables {
            root,
            pages_64k: false,
        };

        let mapping = tables.walk(&memory, PpgttAddress(0x4000_0010)).unwrap();

        assert_eq!(mapping.dma, DmaAddress(0x5_6010));
        assert!(!mapping.writable);
    }

    #[test]
    fn walk_when_two_mebibyte_page_then_offset_is_large() {
        let memory = tree();
        memory
            .write_u64(DmaAddress(PD + 8), 0x60_0000 | ENTRY | LARGE)
            .unwrap();

        let mapping = tables().walk(&memory, PpgttAddress(0x21_2345)).unwrap();

        assert_eq!(mapping.dma, DmaAddress(0x61_2345));
        assert_eq!(mapping.page_size, 2 << 20);
    }

    #[test]
    fn walk_when_64_kibibyte_table_then_every_sixteenth_entry() {
        let memory = tree();
        memory
            .write_u64(DmaAddress(PD), PT | ENTRY | IPS_64K)
            .unwrap();
        memory
            .write_u64(DmaAddress(PT + 16 * 8), 0x7_0000 | ENTRY)
            .unwrap();
        let tables = PageTables {
            pages_64k: true,
            ..tables()
        };

        let mapping = tables.walk(&memory, PpgttAddress(0x1_fff0)).unwrap();

        assert_eq!(mapping.dma, DmaAddress(0x7_fff0));
    }

    #[test]
    fn walk_when_not_present_or_outside_then_names_the_level() {
        let memory = tree();
        memory
            .write_u64(DmaAddress(PDP + 8), (1 << 38) | ENTRY)
            .unwrap();

        assert_eq!(
            tables().walk(&memory, PpgttAddress(0)),
            Err(WalkFault::NotPresent(1))
        );
        assert_eq!(
            tables().walk(&memory, PpgttAddress(1 << 39)),
            Err(WalkFault::NotPresent(4))
        );
        assert_eq!(
            tables().walk(&memory, PpgttAddress(1 << 30)),
            Err(WalkFault::NoMemory(2))
        );
    }
}
