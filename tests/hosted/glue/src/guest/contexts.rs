// SPDX-License-Identifier: GPL-2.0 OR MIT
//! More contexts of a guest than the one that most attacks use.

use super::{
    AsHost, Guest, CONTROL, FIRST, HEAD, INDIRECT, NEW, PDP0_HIGH, PDP3_HIGH, PER_CONTEXT,
    RING_CONTROL, START, TAIL, USED,
};
use crate::commands::NOOP;
use kvmgt_core::address::{Gfn, PAGE_SHIFT};
use kvmgt_core::hardware::Engine;

/// Descriptors: valid, privilege access; and the modes of addresses with four and three levels.
const DESCRIPTOR: u64 = 0x101;
const FOUR_LEVELS: u64 = 3 << 3;
const THREE_LEVELS: u64 = 1 << 3;
/// Position of a context's id in its descriptor.
const ID_SHIFT: u32 = 32;
/// Dwords from one half of a page directory pointer to the next in an image.
const HALF: usize = 2;

/// Where a context is.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    /// The first page of its image, of the guest's part of the aperture.
    pub image: u64,
    /// The page of its ring.
    pub ring: u64,
    /// What status events call it.
    pub id: u32,
}

/// Where its page tables begin.
#[derive(Clone, Copy, Debug)]
pub enum Tables {
    /// A PML4 table.
    Four(Gfn),
    /// Four page directories.
    Three([Gfn; 4]),
}

impl Tables {
    /// The page directory pointers of a context.
    pub fn pointers(&self) -> [Gfn; 4] {
        match *self {
            Self::Four(table) => [table, Gfn(0), Gfn(0), Gfn(0)],
            Self::Three(directories) => directories,
        }
    }
}

impl<H: AsHost> Guest<'_, H> {
    /// Writes the ring context of a context with these commands in its ring; `goes_on` says that it
    /// ran before, and keeps what the engine has saved.
    pub fn put_context(&self, spot: Spot, tables: Tables, goes_on: bool, commands: &[u32]) {
        let mut ring = commands.to_vec();
        ring.resize(ring.len().next_multiple_of(2), NOOP);
        self.put(spot.ring, &ring);
        // The last one comes first, and the upper half of each.
        let halves = tables.pointers().into_iter().rev().flat_map(|gfn| {
            let address = gfn.0 << PAGE_SHIFT;
            [(address >> 32) as u32, address as u32]
        });
        let pointers = (PDP3_HIGH..).step_by(HALF).zip(halves);
        let control = if goes_on { USED } else { NEW };
        let values = [
            (CONTROL, control),
            (HEAD, 0),
            (TAIL, ring.len() as u32 * 4),
            (START, self.gma(spot.ring) as u32),
            (RING_CONTROL, 1),
            (PER_CONTEXT, 0),
            (INDIRECT, 0),
        ];
        for (dword, value) in values.into_iter().chain(pointers) {
            self.store(Gfn(FIRST.0 + spot.image + 1), dword, value);
        }
    }

    /// The descriptor of a context.
    pub fn descriptor_of(&self, spot: Spot, tables: Tables) -> u64 {
        let mode = match tables {
            Tables::Four(_) => FOUR_LEVELS,
            Tables::Three(_) => THREE_LEVELS,
        };
        u64::from(spot.id) << ID_SHIFT | self.gma(spot.image) | mode | DESCRIPTOR
    }

    /// Submits two descriptors, the second of which may be none: 0.
    pub fn submit_list(&mut self, engine: Engine, [first, second]: [u64; 2]) {
        let halves = [second, first].map(|element| [(element >> 32) as u32, element as u32]);
        for value in halves.into_iter().flatten() {
            self.set_of(engine, "ELSP", value);
        }
    }
}

const _: () = assert!(PDP3_HIGH + 6 * HALF as u64 == PDP0_HIGH);
