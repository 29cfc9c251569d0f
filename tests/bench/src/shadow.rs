// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Shadows of page tables: made, compared, and brought up to date.
//!
//! Pins, pages of shadows and the watch on writes cost nothing below.

use std::hint::black_box;

use anyhow::{ensure, Result};
use kernel::error::Result as Done;
use kvmgt_core::address::{DmaAddress, Gfn, PAGE_SHIFT, PAGE_SIZE};
use kvmgt_core::gtt::pins::Pins;
use kvmgt_core::gtt::ppgtt::{
    Backing, GuestMemory, Limits, PageTracker, Ppgtt, Root, ShadowMemory, ShadowPage, Tlbs, ENTRIES,
};
use kvmgt_core::guest::{Event, Guest};

use crate::cases::plain;

/// Tables of the lowest level: 16 MiB of addresses.
const LEAVES: u64 = 8;
/// Their entries.
pub const MAPPED: u64 = LEAVES * ENTRIES as u64;
/// Entries of all tables.
pub const COMPARED: u64 = (3 + LEAVES) * ENTRIES as u64;
/// The page map level 4; the other tables follow.
const PML4: u64 = 1;
const LEAF: u64 = PML4 + 3;
/// The first of the pages that are mapped.
const DATA: u64 = 0x1000;
/// An entry: present, writable.
const BITS: u64 = 3;
/// Where the guest's pages are to the GPU.
const MEMORY: u64 = 4 << 30;

/// All that surrounds the shadows.
struct World {
    tables: Vec<u64>,
    /// Whether writes can be told.
    tracks: bool,
    next: usize,
}

struct Vm;

impl Guest for Vm {
    fn pin(&mut self, gfn: Gfn) -> Done<DmaAddress> {
        Ok(DmaAddress(MEMORY + (gfn.0 << PAGE_SHIFT)))
    }

    fn unpin(&mut self, gfn: Gfn, address: DmaAddress) {
        black_box((gfn, address));
    }

    fn send_msi(&mut self) {}

    fn note(&mut self, event: Event) {
        black_box(event);
    }
}

struct Memory<'a>(&'a [u64]);

impl GuestMemory for Memory<'_> {
    fn read(&mut self, gfn: Gfn, offset: usize, data: &mut [u8]) -> Done {
        let first = gfn.0 as usize * ENTRIES + offset / 8;
        let entries = &self.0[first..first + data.len() / 8];
        for (bytes, entry) in data.chunks_exact_mut(8).zip(entries) {
            bytes.copy_from_slice(&entry.to_le_bytes());
        }
        Ok(())
    }

    fn write(&mut self, _: Gfn, _: usize, _: &[u8]) -> Done {
        Ok(())
    }
}

struct Tracker(bool);

impl PageTracker for Tracker {
    fn start(&mut self, _: Gfn) -> Done {
        match self.0 {
            true => Ok(()),
            false => Err(kernel::error::code::ENOTSUPP),
        }
    }

    fn stop(&mut self, _: Gfn) {}
}

struct Pages<'a>(&'a mut usize);

impl ShadowMemory for Pages<'_> {
    fn allocate(&mut self) -> Done<ShadowPage> {
        *self.0 += 1;
        Ok(ShadowPage {
            handle: *self.0,
            address: DmaAddress(*self.0 as u64 * PAGE_SIZE),
        })
    }

    fn write(&mut self, page: ShadowPage, index: usize, entry: u64) {
        black_box((page, index, entry));
    }

    fn fill(&mut self, page: ShadowPage, entry: u64) {
        black_box((page, entry));
    }

    fn free(&mut self, _: ShadowPage) {}
}

struct Flushed;

impl Tlbs for Flushed {
    fn flush(&mut self) -> Done {
        Ok(())
    }
}

/// A guest with an address space, and its shadows.
struct Space {
    world: World,
    pins: Pins,
    ppgtt: Ppgtt,
}

const ROOT: Root = Root::FourLevel(Gfn(PML4));

/// Brings shadows up to date, and callgrind counts it.
#[inline(never)]
fn counted_prepare(ppgtt: &mut Ppgtt, backing: &mut Backing<'_>) -> Done<DmaAddress> {
    black_box(ppgtt.prepare(backing, ROOT))
}

/// Tells of a write, and callgrind counts it.
#[inline(never)]
fn counted_written(ppgtt: &mut Ppgtt, tracker: &mut dyn PageTracker, gfn: Gfn, offset: u64) {
    ppgtt.written(black_box(tracker), gfn, offset, 8);
}

/// The same, and nobody counts.
fn prepare(ppgtt: &mut Ppgtt, backing: &mut Backing<'_>) -> Done<DmaAddress> {
    ppgtt.prepare(backing, ROOT)
}

impl Space {
    fn new(tracks: bool) -> Result<Self> {
        let mut next = 0;
        let ppgtt = Ppgtt::new(&mut Pages(&mut next), Limits::DEFAULT, false).map_err(plain)?;
        let tables = vec![0; (LEAF + LEAVES) as usize * ENTRIES];
        let mut space = Self {
            world: World {
                tables,
                tracks,
                next,
            },
            pins: Pins::new(),
            ppgtt,
        };
        for level in 0..2 {
            space.set(PML4 + level, 0, (PML4 + level + 1) << PAGE_SHIFT | BITS);
        }
        for leaf in 0..LEAVES {
            space.set(PML4 + 2, leaf as usize, (LEAF + leaf) << PAGE_SHIFT | BITS);
        }
        space.map(DATA);
        space
            .with(|ppgtt, backing| ppgtt.pin(backing, ROOT))
            .map_err(plain)?;
        Ok(space)
    }

    fn set(&mut self, table: u64, index: usize, entry: u64) {
        self.world.tables[table as usize * ENTRIES + index] = entry;
    }

    /// Maps all pages, from `first` on.
    fn map(&mut self, first: u64) {
        for page in 0..MAPPED {
            let (leaf, index) = (page / ENTRIES as u64, page as usize % ENTRIES);
            self.set(LEAF + leaf, index, (first + page) << PAGE_SHIFT | BITS);
        }
    }

    fn with<R>(&mut self, act: impl FnOnce(&mut Ppgtt, &mut Backing<'_>) -> R) -> R {
        act(
            &mut self.ppgtt,
            &mut Backing {
                guest: &mut Vm,
                pins: &mut self.pins,
                memory: &mut Memory(&self.world.tables),
                tracker: &mut Tracker(self.world.tracks),
                shadow: &mut Pages(&mut self.world.next),
                tlbs: &mut Flushed,
            },
        )
    }

    fn counted(&mut self) -> Result<()> {
        self.with(counted_prepare).map(drop).map_err(plain)
    }

    /// Lets go of all that the rounds before have left.
    fn flush(&mut self) {
        let flush = self.ppgtt.begin_flush();
        self.with(|ppgtt, backing| ppgtt.flushed(backing, flush));
    }

    fn end(mut self) -> Result<()> {
        self.with(Ppgtt::clear).map_err(plain)?;
        self.ppgtt.destroy(&mut Pages(&mut self.world.next));
        Ok(())
    }
}

/// Shadows are made.
pub fn build(rounds: u32) -> Result<()> {
    for _ in 0..rounds {
        let mut space = Space::new(true)?;
        space.counted()?;
        let read = space.ppgtt.counters().read;
        ensure!(read == COMPARED, "{read} entries were read");
        space.end()?;
    }
    Ok(())
}

/// Tables that nobody watches are compared; nothing has changed.
pub fn compare(rounds: u32) -> Result<()> {
    let mut space = Space::new(false)?;
    space.with(prepare).map_err(plain)?;
    (0..rounds).try_for_each(|_| space.counted())?;
    space.end()
}

/// All pages are others, in tables that nobody watches.
pub fn change(rounds: u32) -> Result<()> {
    let mut space = Space::new(false)?;
    space.with(prepare).map_err(plain)?;
    for round in 0..rounds {
        space.map(DATA << (1 + round % 2));
        space.counted()?;
        space.flush();
    }
    space.end()
}

/// Nothing has changed in tables that are watched.
pub fn rest(rounds: u32) -> Result<()> {
    let mut space = Space::new(true)?;
    space.with(prepare).map_err(plain)?;
    for _ in 0..rounds {
        for _ in 0..MAPPED {
            space.counted()?;
        }
    }
    space.end()
}

/// Writes that are told of, of one entry each, in a table that is brought up to date behind each:
/// only what the telling costs, or only what the update does.
pub fn tracked(rounds: u32, telling: bool) -> Result<()> {
    let mut space = Space::new(true)?;
    space.with(prepare).map_err(plain)?;
    for round in 0..rounds {
        for page in 0..MAPPED {
            let (leaf, index) = (LEAF + page / ENTRIES as u64, page as usize % ENTRIES);
            let base = DATA << (1 + round % 2);
            space.set(leaf, index, (base + page) << PAGE_SHIFT | BITS);
            let (gfn, offset) = (Gfn(leaf), index as u64 * 8);
            let tracker = &mut Tracker(true);
            match telling {
                true => {
                    counted_written(&mut space.ppgtt, tracker, gfn, offset);
                    space.with(prepare).map_err(plain)?;
                }
                false => {
                    space.ppgtt.written(tracker, gfn, offset, 8);
                    space.counted()?;
                }
            }
        }
        space.flush();
    }
    let told = space.ppgtt.counters().notified;
    ensure!(told == MAPPED * u64::from(rounds), "{told} were told");
    space.end()
}

/// One table that nobody watches is compared, beside others that are watched: what a submission
/// pays for a table that is hot.
pub fn hot(rounds: u32) -> Result<()> {
    let mut space = Space::new(true)?;
    space.with(prepare).map_err(plain)?;
    let tracker = &mut Tracker(true);
    for _ in 0..kvmgt_core::gtt::ppgtt::HOT_WRITES {
        space.ppgtt.written(tracker, Gfn(LEAF), 0, 8);
    }
    ensure!(space.ppgtt.counters().heated == 1, "it is not hot");
    for _ in 0..rounds {
        // It would cool down.
        for _ in 0..kvmgt_core::gtt::ppgtt::COOL_SYNCS / 4 {
            space.counted()?;
        }
        space.set(
            LEAF,
            0,
            space.world.tables[LEAF as usize * ENTRIES] ^ (1 << 40),
        );
        space.with(prepare).map_err(plain)?;
        space.flush();
    }
    space.end()
}

/// How often [`hot`] compares in a round.
pub const HOT: u64 = kvmgt_core::gtt::ppgtt::COOL_SYNCS as u64 / 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_benchmark_does_what_it_counts() {
        build(1).unwrap();
        compare(2).unwrap();
        change(2).unwrap();
        rest(1).unwrap();
        tracked(1, true).unwrap();
        tracked(1, false).unwrap();
        hot(2).unwrap();
    }
}
