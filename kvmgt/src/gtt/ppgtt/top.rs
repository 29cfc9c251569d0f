// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is above the four page directories of an address space with three levels.
//!
//! The GPU gets each address space by one root, a page map level 4. A guest that has four page
//! directories instead gets two tables of ours on top of their shadows: a PML4 with one entry, and
//! the PDP that it leads to with four. What is behind the 4 GiB of such an address space is scratch.
//! The tables never change: a shadow stays where it is as long as the address space has it.

use super::backing::{ShadowMemory, ShadowPage};
use super::entry::ShadowEntry;
use super::key::Kind;
use super::scratch::{allocate, Scratch};
use crate::address::DmaAddress;
use kernel::prelude::*;

/// The tables on top of four page directories.
#[derive(Clone, Copy, Debug)]
pub(super) struct Top {
    pml4: ShadowPage,
    pdp: ShadowPage,
}

impl Top {
    /// How many pages that are.
    pub(super) const PAGES: usize = 2;

    /// Makes them, to lead to the shadows of the page directories.
    ///
    /// # Errors
    ///
    /// As [`allocate`]; then there is none.
    pub(super) fn new(
        memory: &mut dyn ShadowMemory,
        scratch: &Scratch,
        directories: [ShadowPage; 4],
    ) -> Result<Self> {
        let pdp = allocate(memory)?;
        let pml4 = match allocate(memory) {
            Ok(pml4) => pml4,
            Err(error) => {
                memory.free(pdp);
                return Err(error);
            }
        };
        // The guest's root says nothing of writing or caching, so neither do these entries.
        memory.fill(pdp, scratch.entry(Kind::Pdp).raw());
        for (index, directory) in directories.into_iter().enumerate() {
            memory.write(pdp, index, ShadowEntry::open(directory).raw());
        }
        memory.fill(pml4, scratch.entry(Kind::Pml4).raw());
        memory.write(pml4, 0, ShadowEntry::open(pdp).raw());
        Ok(Self { pml4, pdp })
    }

    /// Where the GPU begins.
    pub(super) fn root(&self) -> DmaAddress {
        self.pml4.address
    }

    /// Both, the upper one first.
    pub(super) fn pages(self) -> [ShadowPage; Self::PAGES] {
        [self.pml4, self.pdp]
    }
}
