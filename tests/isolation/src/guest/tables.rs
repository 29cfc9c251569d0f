// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a guest's processors write to its page tables, and memory that comes and goes.

use super::{Guest, Tables, ENTRY, MAPPED_PAGES, PPGTT, PRESENT, PVINFO, TABLES, WRITABLE};
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

impl Guest<'_> {
    /// From now on its writes are watched, as KVM does, where the mediator wants that.
    pub fn watch(&mut self) {
        self.around.watch.enable();
    }

    /// Writes its memory, by a processor of its, inside of one page.
    pub fn write_memory(&mut self, gfn: Gfn, offset: u64, data: &[u8]) {
        let at = DmaAddress(self.address(gfn) + offset);
        let written = self.machine.memory().write(at, data);
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

    /// Its driver is loaded anew: its vGPU is reset, and set up.
    pub fn load_driver(&mut self) {
        self.with(Vgpu::reset);
        self.set_up();
    }
}
