// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a guest's processors write to its page tables, and memory that comes and goes.

use super::{
    AsHost, Guest, Tables, ENTRY, MAPPED, MAPPED_PAGES, PPGTT, PRESENT, PVINFO, TABLES, WRITABLE,
};
use gen9_gpu::DmaAddress;
use kvmgt_core::address::{Gfn, PAGE_SHIFT, PAGE_SIZE};
use kvmgt_core::vgpu::Vgpu;
use std::ops::Range;

/// Entries of a table.
const ENTRIES: u64 = 512;
/// Which bits of an address choose the entry, at each of four levels.
const SHIFTS: [u32; 4] = [39, 30, 21, 12];
/// In PVINFO: notifications, and the tables that they are about (observed: i915, vgt_if).
const NOTIFY: u32 = 0x818;
const DIRECTORIES: u32 = 0x838;

/// Notifications (observed: i915, vgt_g2v_type): page tables are there, or are to be no more.
#[derive(Clone, Copy, Debug)]
pub enum Notice {
    /// They are there.
    Create,
    /// They are to be no more.
    Destroy,
}

impl Notice {
    fn number(self, tables: &Tables) -> u32 {
        match (self, tables) {
            (Self::Create, Tables::Three(_)) => 2,
            (Self::Destroy, Tables::Three(_)) => 3,
            (Self::Create, Tables::Four(_)) => 4,
            (Self::Destroy, Tables::Four(_)) => 5,
        }
    }
}

/// A page of 2 MiB in a PPGTT, and pages of 64 KiB, as [`Guest::lay_out_large`] maps them.
pub const LARGE: u64 = 0x40_0000;
/// See [`LARGE`].
pub const SMALLER: u64 = 0x60_0000;
/// What is there: 2 MiB each, at a multiple of that.
const LARGE_PAGE: Gfn = Gfn(0x1_0000);
const SMALLER_PAGES: Gfn = Gfn(0x1_0200);
/// Pages of its memory up to the last one of those: with all else that it uses.
pub const ALL_PAGES: u64 = SMALLER_PAGES.0 + ENTRIES;
/// The page table that maps pages of 64 KiB.
const TABLE_64K: Gfn = Gfn(0x2f0);
/// Entries that a page of 64 KiB takes, and bits of entries (PRM Vol 5): 2 MiB, and a table of 64 KiB
/// pages.
const STEP_64K: u64 = 16;
const IS_LARGE: u64 = 1 << 7;
const IS_64K: u64 = 1 << 11;
/// GAMW_ECO: tables of 64 KiB pages are what they say.
const PAGES_64K: u32 = 0xf;

/// Where pages of all sizes are mapped.
#[derive(Clone, Copy, Debug)]
pub struct Pages {
    directory: Gfn,
    table: Gfn,
}

impl Pages {
    /// What an entry can be, besides present and writable.
    pub const BITS: [u64; 4] = [0, IS_LARGE, IS_64K, IS_LARGE | IS_64K];

    /// Entries that map something: the table, and the number.
    pub fn entries(&self) -> Vec<(Gfn, u64)> {
        let index = |at: u64| at >> SHIFTS[2] & (ENTRIES - 1);
        let directory = [PPGTT, LARGE, SMALLER].map(|at| (self.directory, index(at)));
        let small = (self.table, 1);
        let smaller = [0, 1, STEP_64K].map(|index| (TABLE_64K, index));
        directory
            .into_iter()
            .chain([small])
            .chain(smaller)
            .collect()
    }

    /// The entry of the page of 2 MiB.
    pub fn large(&self) -> (Gfn, u64) {
        (self.directory, LARGE >> SHIFTS[2] & (ENTRIES - 1))
    }

    /// Pages of the guest's memory, by the first and the number: parts of large pages, and tables.
    pub fn parts(&self) -> [(Gfn, u64); 7] {
        [
            (Gfn(LARGE_PAGE.0 + 5), 1),
            (LARGE_PAGE, ENTRIES),
            (Gfn(SMALLER_PAGES.0 + 15), 2),
            (Gfn(SMALLER_PAGES.0 - 1), 2),
            (TABLE_64K, 1),
            (self.table, 1),
            (self.directory, 1),
        ]
    }
}

impl<H: AsHost> Guest<'_, H> {
    /// From now on its writes are watched, as KVM does, where the mediator wants that.
    pub fn watch(&mut self) {
        self.around.watch.enable();
    }

    /// Writes its memory, by a processor of its, inside of one page.
    pub fn write_memory(&mut self, gfn: Gfn, offset: u64, data: &[u8]) {
        let at = DmaAddress(self.address(gfn) + offset);
        let written = self.memory.write(at, data);
        written.expect("it is the machine's memory");
        if self.around.watch.has(gfn) {
            let size = data.len() as u64;
            self.with(|vgpu, world| vgpu.written(world, gfn, offset, size));
        }
    }

    /// Writes an entry of a table in its memory.
    pub fn write_entry(&mut self, table: Gfn, index: u64, entry: u64) {
        self.write_memory(table, index * ENTRY, &entry.to_le_bytes());
    }

    /// An entry of a table in its memory.
    pub fn entry(&self, table: Gfn, index: u64) -> u64 {
        let [low, high] = [0, 1].map(|half| u64::from(self.load(table, index * 2 + half)));
        low | high << u32::BITS
    }

    /// Maps a page of the PPGTT by an entry.
    pub fn map_in_ppgtt(&mut self, page: u64, entry: u64) {
        let index = (PPGTT >> PAGE_SHIFT) + page;
        self.write_entry(Gfn(TABLES.0 + 3), index & (ENTRIES - 1), entry);
    }

    /// Maps pages from `mapped` on at [`PPGTT`], by four tables from `first` on: one for each level.
    pub fn lay_out(&mut self, first: Gfn, mapped: Gfn) -> Tables {
        for (level, shift) in (0..).zip(SHIFTS) {
            let table = Gfn(first.0 + level);
            for page in 0..MAPPED_PAGES {
                let index = (PPGTT + page * PAGE_SIZE) >> shift & (ENTRIES - 1);
                let next = match shift {
                    12 => mapped.0 + page,
                    _ => table.0 + 1,
                };
                self.write_entry(table, index, next << PAGE_SHIFT | PRESENT | WRITABLE);
            }
        }
        Tables::Four(first)
    }

    /// The same by four page directories from `first` on, and a page table behind them that all of
    /// them lead to: so in each GiB.
    pub fn lay_out_three(&mut self, first: Gfn, mapped: Gfn) -> Tables {
        let directories = [0, 1, 2, 3].map(|number| Gfn(first.0 + number));
        let table = Gfn(first.0 + 4);
        let entry = |next: u64| next << PAGE_SHIFT | PRESENT | WRITABLE;
        for directory in directories {
            let index = PPGTT >> SHIFTS[2] & (ENTRIES - 1);
            self.write_entry(directory, index, entry(table.0));
        }
        for page in 0..MAPPED_PAGES {
            let index = (PPGTT + page * PAGE_SIZE) >> SHIFTS[3] & (ENTRIES - 1);
            self.write_entry(table, index, entry(mapped.0 + page));
        }
        Tables::Three(directories)
    }

    /// Maps, besides, a page of 2 MiB at [`LARGE`], and pages of 64 KiB at [`SMALLER`].
    pub fn lay_out_large(&mut self, tables: Tables) -> Pages {
        let (directory, table) = match tables {
            Tables::Four(first) => (Gfn(first.0 + 2), Gfn(first.0 + 3)),
            Tables::Three(directories) => (directories[0], Gfn(directories[3].0 + 1)),
        };
        let entry = |next: Gfn, bits| next.0 << PAGE_SHIFT | PRESENT | WRITABLE | bits;
        let index = |at: u64| at >> SHIFTS[2] & (ENTRIES - 1);
        self.write_entry(directory, index(LARGE), entry(LARGE_PAGE, IS_LARGE));
        self.write_entry(directory, index(SMALLER), entry(TABLE_64K, IS_64K));
        for index in (0..ENTRIES).step_by(STEP_64K as usize) {
            let page = Gfn(SMALLER_PAGES.0 + index);
            self.write_entry(TABLE_64K, index, entry(page, 0));
        }
        Pages { directory, table }
    }

    /// Where an address of those is in its memory: the page, and the dword in it.
    pub fn place_of(&self, at: u64) -> (Gfn, u64) {
        let (first, page) = match at {
            SMALLER.. => (SMALLER_PAGES, at - SMALLER),
            LARGE.. => (LARGE_PAGE, at - LARGE),
            _ => (MAPPED, at - PPGTT),
        };
        let dword = page % PAGE_SIZE / 4;
        (Gfn(first.0 + (page >> PAGE_SHIFT)), dword)
    }

    /// Whether tables of 64 KiB pages are what they say.
    pub fn set_pages_64k(&mut self, enabled: bool) {
        let value = if enabled { PAGES_64K } else { 0 };
        self.set("GEN8_GAMW_ECO_DEV_RW_IA", value);
    }

    /// Tells of page tables.
    pub fn notify(&mut self, tables: Tables, notice: Notice) {
        let roots = tables.pointers().map(|gfn| gfn.0 << PAGE_SHIFT);
        for (at, root) in (PVINFO + DIRECTORIES..).step_by(ENTRY as usize).zip(roots) {
            self.write(at.into(), &(root as u32).to_le_bytes());
            let high = (root >> u32::BITS) as u32;
            self.write((at + 4).into(), &high.to_le_bytes());
        }
        let number = notice.number(&tables);
        self.write((PVINFO + NOTIFY).into(), &number.to_le_bytes());
    }

    /// Takes memory away from it.
    pub fn forget(&mut self, first: Gfn, count: u64) {
        for gfn in first.0..first.0 + count {
            self.around.lose(Gfn(gfn));
        }
        self.with(|vgpu, world| vgpu.forget_memory(world, first, count));
    }

    /// Gives it memory again that was taken away.
    pub fn regain(&mut self, first: Gfn, count: u64) {
        for gfn in first.0..first.0 + count {
            self.around.regain(Gfn(gfn));
        }
    }

    /// Pinning its pages is refused those times from now on, counted from 0.
    pub fn refuse_pins(&mut self, times: Range<u64>) {
        self.around.vm.refuse_pins(times);
    }

    /// How often one of its pages was to be pinned since then.
    pub fn pin_attempts(&self) -> u64 {
        self.around.vm.pin_attempts()
    }

    /// Whoever has its vGPU open lets go of it, and opens it again.
    ///
    /// # Panics
    ///
    /// If anything is pinned, or there are shadows, while nobody has it.
    pub fn open_again(&mut self) {
        self.with(Vgpu::close);
        assert_eq!((self.pinned().len(), self.pool.used()), (0, 0));
        self.with(|vgpu, world| vgpu.open(world).expect("it is closed"));
        self.set_up();
    }

    /// Its driver is loaded anew: its vGPU is reset, and set up.
    pub fn load_driver(&mut self) {
        self.with(Vgpu::reset);
        self.set_up();
    }
}
