// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What PPGTT shadows need of the world: traits, so that each world brings its own.

use crate::address::{DmaAddress, Gfn};
use crate::gtt::pins::Pins;
use crate::guest::Guest;
use kernel::prelude::*;

/// The guest's memory.
pub trait GuestMemory {
    /// Reads from byte `offset` of a page on, not beyond its end. May sleep.
    ///
    /// The guest may write at the same time; then any mixture of old and new bytes may come. The
    /// core checks what it got and reads a second time after the write was told of.
    ///
    /// # Errors
    ///
    /// `EFAULT` the guest has no such page; others that the world has. `data` may be changed.
    fn read(&mut self, gfn: Gfn, offset: usize, data: &mut [u8]) -> Result;

    /// Writes from byte `offset` of a page on, not beyond its end, in the order of the bytes as far
    /// as they are whole dwords. May sleep.
    ///
    /// # Errors
    ///
    /// As [`read`](GuestMemory::read); some of it may be written.
    fn write(&mut self, gfn: Gfn, offset: usize, data: &[u8]) -> Result;
}

/// Watches a guest's writes to pages of its memory.
///
/// While a page is watched, each write by the guest's processors is told to
/// [`Ppgtt::written`](super::Ppgtt::written) after it was done. A world that can't watch refuses:
/// then tables are compared with what was read before, at each submission.
pub trait PageTracker {
    /// Watches a page, which is not watched yet. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOTSUPP` this world does not watch; `EFAULT` there is no such page; `ENOMEM`; others.
    fn start(&mut self, gfn: Gfn) -> Result;

    /// Watches a page no more. It may be gone from the guest by now. May be called from the place
    /// where a write is told.
    fn stop(&mut self, gfn: Gfn);
}

/// A page that the GPU reads page-table entries from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShadowPage {
    /// What [`ShadowMemory`] knows it by.
    pub handle: usize,
    /// Where it is for the GPU.
    pub address: DmaAddress,
}

/// Pages for shadow tables: the GPU reads them, no guest reaches them.
///
/// What is written is there for the GPU when it next walks the table: an implementation flushes
/// the processor's cache where the GPU does not look into it. An entry changes at once from one
/// value to the other, never in halves.
pub trait ShadowMemory {
    /// A zeroed page. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; others that the world has.
    fn allocate(&mut self) -> Result<ShadowPage>;

    /// Writes entry `index`, below 512.
    fn write(&mut self, page: ShadowPage, index: usize, entry: u64);

    /// Writes all 512 entries.
    fn fill(&mut self, page: ShadowPage, entry: u64);

    /// Gives a page back. The GPU does not reach it by now.
    fn free(&mut self, page: ShadowPage);
}

/// The TLBs of the GPU, with all that it keeps of upper levels.
pub trait Tlbs {
    /// Returns when no engine uses a translation that is older than the call. May sleep.
    ///
    /// # Errors
    ///
    /// What the GPU said; then old translations may be in use, and what they lead to stays pinned.
    fn flush(&mut self) -> Result;
}

/// What stands behind the shadows of one vGPU while it handles one request.
pub struct Backing<'a> {
    /// The VM.
    pub guest: &'a mut dyn Guest,
    /// The VM's pages that are pinned, those of the GGTT included.
    pub pins: &'a mut Pins,
    /// Its memory.
    pub memory: &'a mut dyn GuestMemory,
    /// Who watches its writes.
    pub tracker: &'a mut dyn PageTracker,
    /// Pages for shadows.
    pub shadow: &'a mut dyn ShadowMemory,
    /// The GPU's TLBs.
    pub tlbs: &'a mut dyn Tlbs,
}
