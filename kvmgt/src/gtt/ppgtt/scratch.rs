// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Where everything leads that a guest has not mapped: one page, and a table a level above it.

use super::backing::{ShadowMemory, ShadowPage};
use super::entry::{reaches, ShadowEntry};
use super::key::Kind;
use kernel::prelude::*;

/// The scratch page, and tables whose entries all lead to the one below. A vGPU has its own, so
/// that no guest reads there what another has written.
pub(super) struct Scratch {
    page: ShadowPage,
    table: ShadowPage,
    directory: ShadowPage,
    pointers: ShadowPage,
}

impl Scratch {
    /// Makes them.
    ///
    /// # Errors
    ///
    /// As [`allocate`].
    pub(super) fn new(memory: &mut dyn ShadowMemory) -> Result<Self> {
        let mut made = [None; 4];
        let mut below = None;
        for slot in &mut made {
            match allocate(memory) {
                Ok(page) => {
                    if let Some(below) = below {
                        memory.fill(page, ShadowEntry::open(below).raw());
                    }
                    *slot = Some(page);
                    below = *slot;
                }
                Err(error) => {
                    let made = made.into_iter().flatten();
                    made.for_each(|page| memory.free(page));
                    return Err(error);
                }
            }
        }
        let [Some(page), Some(table), Some(directory), Some(pointers)] = made else {
            return Err(EINVAL);
        };
        Ok(Self {
            page,
            table,
            directory,
            pointers,
        })
    }

    /// Gives them back. Nothing leads there by now.
    pub(super) fn destroy(self, memory: &mut dyn ShadowMemory) {
        for page in [self.pointers, self.directory, self.table, self.page] {
            memory.free(page);
        }
    }

    /// An entry of a table that leads nowhere.
    pub(super) fn entry(&self, kind: Kind) -> ShadowEntry {
        ShadowEntry::open(match kind {
            Kind::Pml4 => self.pointers,
            Kind::Pdp => self.directory,
            Kind::Pd => self.table,
            Kind::Pt | Kind::Pt64k | Kind::Split(_) => self.page,
        })
    }
}

/// Allocates a page that entries can name.
///
/// # Errors
///
/// As [`ShadowMemory::allocate`]; `EINVAL` the page is where the GPU can't reach.
pub(super) fn allocate(memory: &mut dyn ShadowMemory) -> Result<ShadowPage> {
    let page = memory.allocate()?;
    if reaches(page.address) {
        return Ok(page);
    }
    memory.free(page);
    Err(EINVAL)
}
