// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The page tables of a guest's contexts, and their shadows for the GPU.
//!
//! A guest's tables name pages of its memory as it sees it. The GPU gets shadows: tables of ours
//! whose entries lead to other shadows, to pinned pages of the guest, or to scratch. A shadow is
//! known by the guest's page and by what it is read as ([`Key`]), and is shared by all that lead
//! there.
//!
//! Shadows are brought up to date when something is submitted ([`Ppgtt::prepare`]), and never
//! between: a change is found because the guest's write was told ([`Ppgtt::written`]), or because
//! the table is compared with what was read before. In both cases the guest's memory is what counts.
//!
//! An entry changes in this order: what it shall lead to is pinned or made; the entry is written;
//! what it led to waits until the TLBs are flushed, and is let go then. Whoever submits begins a
//! flush with it ([`Ppgtt::begin_flush`]) and says when it has ended ([`Ppgtt::flushed`]). If more
//! waits than is good, the TLBs are flushed at once.

mod backing;
mod bits;
mod deferred;
mod directory;
mod entry;
mod key;
mod leaf;
mod lifetime;
mod scratch;
mod shadow;
mod spaces;
mod sync;
mod tables;
mod top;
mod translate;
mod unmap;

pub use backing::{Backing, GuestMemory, PageTracker, ShadowMemory, ShadowPage, Tlbs};
pub use entry::{Modes, PageBits, Pde, Pdpe, Pml4e, Pte, Refusal};
pub use key::{Key, Kind};
pub use spaces::Root;
pub use translate::{Place, PpgttAddress};

use crate::address::{DmaAddress, PAGE_SIZE};
use crate::gtt::pins::Stamp;
use crate::guest::Event;
use crate::message::Complaint;
use deferred::Deferred;
use kernel::prelude::*;
use scratch::Scratch;
use shadow::Shadow;
use spaces::Spaces;
use sync::ENTRY_SIZE;
use tables::Tables;

/// Entries of a table.
pub const ENTRIES: usize = 512;

/// A table that is written so often between two submissions is no more watched, but compared at
/// each submission.
///
/// A write that is told costs the guest an exit, a few microseconds; to compare a page of 4 KiB
/// costs less than one of them. [`Counters`] tells how often which happened.
pub const HOT_WRITES: u32 = 4;

/// A table that was compared so often in a row without a change is watched again.
pub const COOL_SYNCS: u32 = 64;

/// The most pages, or tables, that a table may fail to get in one preparation before what failed
/// already has to wait for the next one: a guest that is beyond its account need not try each of its
/// entries. An entry that is new is always tried, unless the account is at its end.
pub const REFUSALS_MAX: u32 = 16;

/// How much a vGPU may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Address spaces.
    pub spaces: usize,
    /// Shadows, those that wait for a flush included; each takes two pages of memory. An address
    /// space with three levels counts for two more, which take one page each.
    pub tables: usize,
    /// Entries that lead from one shadow to another.
    pub links: usize,
}

impl Limits {
    /// Those of a vGPU in use: 16 GiB of graphics addresses in 4 KiB pages, 64 MiB for shadows, and
    /// links for 256 address spaces of i915, which lets each entry of a page map level 4 lead
    /// somewhere.
    pub const DEFAULT: Self = Self {
        spaces: 512,
        tables: 8192,
        links: 256 * ENTRIES,
    };
}

/// How much a vGPU has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Address spaces.
    pub spaces: usize,
    /// Shadows that something leads to.
    pub tables: usize,
    /// Entries that lead from one shadow to another.
    pub links: usize,
    /// Tables of ours above the page directories of address spaces with three levels.
    pub tops: usize,
    /// Shadows, and tables above them, that wait for a flush.
    pub waiting: usize,
}

/// What happened since the vGPU was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Writes to watched tables that were told.
    pub notified: u64,
    /// Entries of the guest that were read.
    pub read: u64,
    /// Tables that were written so often that they are no more watched.
    pub heated: u64,
    /// Address spaces whose shadows had to make room for others.
    pub reclaimed: u64,
    /// Requests in which there was no room for a shadow, even so.
    pub crowded: u64,
}

/// A flush of the TLBs that has begun. Of two, the one that began later is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flush(Stamp);

/// The shadows of one vGPU's page tables.
pub struct Ppgtt {
    limits: Limits,
    modes: Modes,
    scratch: Scratch,
    tables: Tables,
    spaces: Spaces,
    deferred: Deferred,
    /// A table as it was just read.
    buffer: KVVec<u8>,
    /// Counts preparations.
    serial: u64,
    /// There is no room for shadows, and none could be made in this request.
    exhausted: bool,
    counters: Counters,
}

impl Ppgtt {
    /// No address space yet. The guest has 64 KiB pages off; `pages_2m` says whether the GPU has
    /// those of 2 MiB.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; others of [`ShadowMemory::allocate`].
    pub fn new(memory: &mut dyn ShadowMemory, limits: Limits, pages_2m: bool) -> Result<Self> {
        let buffer = KVVec::from_elem(0, usize::try_from(PAGE_SIZE)?, GFP_KERNEL)?;
        Ok(Self {
            limits,
            modes: Modes {
                pages_64k: false,
                pages_2m,
            },
            scratch: Scratch::new(memory)?,
            tables: Tables::new(),
            spaces: Spaces::new(),
            deferred: Deferred::new(),
            buffer,
            serial: 0,
            exhausted: false,
            counters: Counters::default(),
        })
    }

    /// Gives back what is left. It was [cleared](Self::clear) with success since a guest had it.
    pub fn destroy(self, memory: &mut dyn ShadowMemory) {
        self.scratch.destroy(memory);
    }

    /// How much there is.
    pub fn counts(&self) -> Counts {
        Counts {
            spaces: self.spaces.len(),
            tables: self.tables.len(),
            links: self.tables.link_count(),
            tops: self.spaces.top_pages(),
            waiting: self.deferred.len(),
        }
    }

    /// What happened.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The guest announces an address space (`PPGTT_L3_CREATE`, `PPGTT_L4_CREATE`), and holds a
    /// reference to it from now on, unless it does already. Its tables are not read before it is
    /// needed.
    ///
    /// If there is no room this is forgotten: it will be found when it is submitted.
    pub fn announce(&mut self, backing: &mut Backing<'_>, root: Root) {
        self.begin_request();
        match self.find_or_add(backing, root) {
            Ok(index) => {
                if let Some(space) = self.spaces.get_mut(index) {
                    space.announced = true;
                    space.withdrawn = false;
                }
            }
            Err(error) => {
                let complaint = Complaint::PpgttSpace { error };
                backing.guest.note(Event::Complaint(complaint));
            }
        }
    }

    /// The guest gives its reference back (`PPGTT_L3_DESTROY`, `PPGTT_L4_DESTROY`), if it has one.
    /// The address space goes when no workload pins it.
    pub fn withdraw(&mut self, backing: &mut Backing<'_>, root: Root) {
        self.begin_request();
        let Some(index) = self.spaces.find(&root) else {
            return;
        };
        let Some(space) = self.spaces.get_mut(index) else {
            return;
        };
        space.announced = false;
        space.withdrawn = true;
        if space.pins == 0 {
            self.remove_space(backing, index);
        }
    }

    /// A workload needs an address space, announced or not, until it is [unpinned](Self::unpin).
    ///
    /// # Errors
    ///
    /// `ENOSPC` all that the vGPU may have are pinned; `ENOMEM`; `EOVERFLOW`.
    pub fn pin(&mut self, backing: &mut Backing<'_>, root: Root) -> Result {
        self.begin_request();
        let index = self.find_or_add(backing, root)?;
        let space = self.spaces.get_mut(index).ok_or(EINVAL)?;
        space.pins = space.pins.checked_add(1).ok_or(EOVERFLOW)?;
        Ok(())
    }

    /// A workload needs an address space no more, which it had pinned.
    pub fn unpin(&mut self, backing: &mut Backing<'_>, root: Root) {
        self.begin_request();
        let Some(index) = self.spaces.find(&root) else {
            return;
        };
        let Some(space) = self.spaces.get_mut(index) else {
            return;
        };
        space.pins = space.pins.saturating_sub(1);
        if space.pins == 0 && space.withdrawn {
            self.remove_space(backing, index);
        }
    }

    /// Brings the shadows of a pinned address space up to date; gives where the GPU begins, in place
    /// of the guest's root: a page map level 4, however many levels the guest has. It stays the same
    /// as long as the address space is pinned. May sleep.
    ///
    /// What can't be pinned or shadowed leads to scratch, is complained about, and is tried again
    /// the next time. If [`is_flush_due`](Self::is_flush_due) then, the TLBs have to be flushed
    /// before the GPU uses it.
    ///
    /// # Errors
    ///
    /// `EINVAL` it is not pinned; `ENOSPC`, `ENOMEM` there is no room even for its root.
    pub fn prepare(&mut self, backing: &mut Backing<'_>, root: Root) -> Result<DmaAddress> {
        self.begin_request();
        let serial = self.serial;
        let index = self.spaces.find(&root).ok_or(EINVAL)?;
        let space = self.spaces.get_mut(index).ok_or(EINVAL)?;
        if space.pins == 0 {
            return Err(EINVAL);
        }
        space.used = serial;
        let built = match space.built() {
            Some(built) => built,
            None => {
                let built = self.build(backing, root)?;
                self.spaces.set_built(index, Some(built));
                built
            }
        };
        for key in root.keys() {
            self.visit(backing, key);
        }
        Ok(built.root)
    }

    /// Whether an entry was changed that no flush has followed.
    pub fn is_flush_due(&self) -> bool {
        self.deferred.is_due()
    }

    /// A flush of the TLBs begins now: with the next commands of this vGPU, for example.
    pub fn begin_flush(&mut self) -> Flush {
        Flush(self.deferred.begin())
    }

    /// No engine has anything in a TLB any more that is older than a flush: what was let go before
    /// it began is unpinned and freed.
    pub fn flushed(&mut self, backing: &mut Backing<'_>, flush: Flush) {
        self.deferred.ended(backing, flush.0);
    }

    /// Drops all address spaces, pinned or not, flushes, and unpins everything. No context of the
    /// vGPU is on the GPU, nor will be with what [`prepare`](Self::prepare) gave before.
    ///
    /// # Errors
    ///
    /// As [`Tlbs::flush`]; then what the GPU may still reach stays. It may be called again.
    pub fn clear(&mut self, backing: &mut Backing<'_>) -> Result {
        self.begin_request();
        while let Some(last) = self.spaces.len().checked_sub(1) {
            self.remove_space(backing, last);
        }
        self.deferred.flush(backing)
    }

    /// What is true for one request only begins anew.
    fn begin_request(&mut self) {
        self.serial = self.serial.wrapping_add(1);
        self.exhausted = false;
        self.deferred.stuck = false;
    }

    /// The number of an address space, which is added if it is not known.
    fn find_or_add(&mut self, backing: &mut Backing<'_>, root: Root) -> Result<usize> {
        if let Some(index) = self.spaces.find(&root) {
            return Ok(index);
        }
        if self.spaces.len() >= self.limits.spaces {
            let idlest = self.spaces.idlest(|_| true).ok_or(ENOSPC)?;
            self.remove_space(backing, idlest);
        }
        self.spaces.add(root, self.serial)
    }

    fn remove_space(&mut self, backing: &mut Backing<'_>, index: usize) {
        self.tear_down(backing, index);
        self.spaces.remove(index);
    }
}

/// The guest's entry with that number in a table as it was read.
fn entry_in(buffer: &[u8], index: usize) -> u64 {
    let at = index.saturating_mul(ENTRY_SIZE);
    first_entry(buffer.get(at..).unwrap_or_default())
}

/// The guest's entry with which a part of a table begins; 0 if there is no whole one.
fn first_entry(data: &[u8]) -> u64 {
    let bytes = data.first_chunk::<ENTRY_SIZE>();
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Says of a table that it can't be read; once, as [`complain`].
fn complain_of_table(backing: &mut Backing<'_>, shadow: &mut Shadow, table: Key, error: Error) {
    if !core::mem::replace(&mut shadow.complained, true) {
        let complaint = Complaint::PpgttTable { table, error };
        backing.guest.note(Event::Complaint(complaint));
    }
}

/// Says of an entry that it leads to scratch though it is present; once for each table until all
/// of it could be mapped.
fn complain(
    backing: &mut Backing<'_>,
    shadow: &mut Shadow,
    table: Key,
    index: usize,
    entry: u64,
    why: Refusal,
) {
    if !core::mem::replace(&mut shadow.complained, true) {
        let complaint = Complaint::PpgttEntry {
            table,
            index,
            entry,
            why,
        };
        backing.guest.note(Event::Complaint(complaint));
    }
}

#[cfg(test)]
mod tests;
