// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A VM with a vGPU, whose driver is a test, and what it leaves behind.

use crate::host::Watched;
use iface::types::PTE_ADDRESS;
use kvmgt_core::address::{PAGE_SHIFT, PAGE_SIZE};

pub use hosted_glue::guest::*;

/// A guest whose part of the host half is watched.
pub type Guest<'b> = hosted_glue::guest::Guest<'b, Watched<'b>>;

/// What a guest has although it was closed: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Pages of its memory that are pinned.
    pub pinned: usize,
    /// Pages of shadows.
    pub shadows: usize,
    /// Entries of its parts of the GGTT that lead to anything but scratch.
    pub entries: usize,
    /// Contexts of the host half.
    pub contexts: usize,
    /// Buffers of the host half.
    pub buffers: usize,
}

/// A guest that goes away.
pub trait Close {
    /// It lets go of its vGPU, which goes away; gives what it still has.
    fn close(self, scratch: u64) -> Left;
}

impl Close for Guest<'_> {
    fn close(mut self, scratch: u64) -> Left {
        let parts = [self.aperture(), self.high()];
        self.let_go();
        let machine = self.host.machine();
        let entries = parts.into_iter().flatten().step_by(PAGE_SIZE as usize);
        let entry = |at| machine.ggtt_entry(at >> PAGE_SHIFT) & PTE_ADDRESS;
        let (contexts, buffers) = self
            .host
            .with_owned(|owned| (owned.contexts.len(), owned.buffers.len()));
        let left = Left {
            pinned: self.pins(),
            shadows: self.pool.used(),
            entries: entries.filter(|at| entry(*at) != scratch).count(),
            contexts,
            buffers,
        };
        self.destroy();
        left
    }
}
