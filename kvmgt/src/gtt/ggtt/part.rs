// SPDX-License-Identifier: GPL-2.0 OR MIT
//! One range of the GGTT: what the guest wrote, and what the host's entries lead to.

use super::entries::Entries;
use crate::address::{Gfn, GgttPage, Gma, PAGE_SHIFT, PAGE_SIZE};
use crate::gtt::entry::{GuestEntry, HostEntry};
use crate::gtt::pins::Pins;
use crate::guest::{Event, World};
use crate::host::Host;
use crate::message::Complaint;
#[cfg(feature = "mutants")]
use crate::mutant::{self, Mutant};
use core::ops::Range;
use iface::types::GgttRequest;
use kernel::prelude::*;

/// Bytes of an entry.
const WHOLE: usize = 8;
/// Bytes of half of it.
const HALF: usize = 4;

/// Entries that lead to scratch, as many as are written at a time.
static SCRATCH: [u64; 512] = [HostEntry::SCRATCH.raw(); 512];

/// Half of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    /// Bytes 0 to 3.
    Low,
    /// Bytes 4 to 7.
    High,
}

/// What an entry is to the GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The host's entry leads to scratch.
    Scratch,
    /// The same, and the guest has begun to write an entry with this half.
    Begun(Half),
    /// The host's entry leads to the page that the guest's entry names; the page is pinned.
    Mapped,
}

/// A range of the GGTT.
pub(super) struct Part {
    handle: u64,
    start: u64,
    size: u64,
    entries: Entries,
    states: KVVec<State>,
}

impl Part {
    /// Takes `size` bytes of a region of the host's GGTT.
    ///
    /// # Errors
    ///
    /// As `ggtt_reserve` of the contract.
    pub(super) fn new(host: &dyn Host, region: u32, size: u64) -> Result<Self> {
        let count = usize::try_from(size >> PAGE_SHIFT)?;
        let entries = Entries::new(count)?;
        let states = KVVec::from_elem(State::Scratch, count, GFP_KERNEL)?;
        let range = host.ggtt_reserve(&GgttRequest {
            region,
            size,
            align: PAGE_SIZE,
            ..GgttRequest::default()
        })?;
        Ok(Self {
            handle: range.handle,
            start: range.start,
            size: range.size,
            entries,
            states,
        })
    }

    /// Gives it back.
    pub(super) fn destroy(self, host: &dyn Host) {
        // Should the GPU not wake, the host half keeps the range until it is closed.
        let _ = host.ggtt_release(self.handle);
    }

    /// Where it is, in bytes from GGTT address 0.
    pub(super) fn addresses(&self) -> Range<u64> {
        self.start..self.start.saturating_add(self.size)
    }

    /// The host's handle.
    pub(super) fn handle(&self) -> u64 {
        self.handle
    }

    /// The number of a page's entry; `None` if it is not in here.
    pub(super) fn index(&self, page: GgttPage) -> Option<usize> {
        let index = page.0.checked_sub(self.start >> PAGE_SHIFT)?;
        let index = usize::try_from(index).ok()?;
        (index < self.states.len()).then_some(index)
    }

    /// What the guest wrote there.
    pub(super) fn guest_entry(&self, index: usize) -> GuestEntry {
        self.entries.get(index)
    }

    /// The page of the guest that the GPU finds there.
    pub(super) fn mapped(&self, index: usize) -> Option<Gfn> {
        let is_mapped = self.states.get(index) == Some(&State::Mapped);
        self.guest_entry(index).gfn().filter(|_| is_mapped)
    }

    /// The guest writes `data` from byte `within` of an entry on.
    pub(super) fn write(
        &mut self,
        world: &mut World<'_>,
        pins: &mut Pins,
        index: usize,
        within: usize,
        data: &[u8],
    ) {
        let Some(state) = self.states.get(index).copied() else {
            return;
        };
        let bytes = data.try_into().unwrap_or_else(|_| {
            let mut bytes = self.guest_entry(index).0.to_le_bytes();
            for (to, from) in bytes.iter_mut().skip(within).zip(data) {
                *to = *from;
            }
            bytes
        });
        let entry = GuestEntry(u64::from_le_bytes(bytes));
        let half = match within {
            0 => Half::Low,
            _ => Half::High,
        };
        match (data.len(), state) {
            (WHOLE, _) => self.complete(world, pins, index, entry),
            (HALF, State::Begun(first)) if first != half => {
                self.complete(world, pins, index, entry);
            }
            (HALF, _) => self.replace(world, pins, index, entry, None, State::Begun(half)),
            _ => self.replace(world, pins, index, entry, None, State::Scratch),
        }
    }

    /// The guest has written all of an entry.
    fn complete(
        &mut self,
        world: &mut World<'_>,
        pins: &mut Pins,
        index: usize,
        entry: GuestEntry,
    ) {
        let mapped = self.states.get(index) == Some(&State::Mapped);
        if mapped && self.guest_entry(index) == entry {
            return;
        }
        if !entry.is_present() {
            return self.replace(world, pins, index, entry, None, State::Scratch);
        }
        match map(world, pins, entry) {
            Ok(host) => self.replace(world, pins, index, entry, Some(host), State::Mapped),
            Err(error) => {
                let address = self.address(index);
                world.guest.note(Event::Complaint(Complaint::GgttEntry {
                    address,
                    entry,
                    error,
                }));
                self.replace(world, pins, index, entry, None, State::Scratch);
            }
        }
    }

    /// Puts an entry in the place of another: first for the GPU, `None` is scratch, and only then
    /// the page of the old one is let go. If there is no memory for it, or the host half does not
    /// take it, nothing changes.
    fn replace(
        &mut self,
        world: &mut World<'_>,
        pins: &mut Pins,
        index: usize,
        entry: GuestEntry,
        host: Option<HostEntry>,
        state: State,
    ) {
        let Some(old_state) = self.states.get_mut(index) else {
            return;
        };
        let was_mapped = *old_state == State::Mapped;
        let is_due = host.is_some() || was_mapped;
        #[cfg(feature = "mutants")]
        let is_due = is_due && (host.is_some() || !mutant::is(Mutant::GgttUnmapped));
        let written = self.entries.place(index, entry).and_then(|place| {
            if is_due {
                let raw = host.unwrap_or(HostEntry::SCRATCH).raw();
                let first = u32::try_from(index)?;
                world.host.ggtt_write(self.handle, first, &[raw])?;
            }
            Ok(place)
        });
        match written {
            Ok(place) => {
                let old = place.put();
                *old_state = state;
                if let (true, Some(gfn)) = (was_mapped, old.gfn()) {
                    pins.give_back(world.guest, gfn);
                }
            }
            Err(error) => {
                if let (Some(_), Some(gfn)) = (host, entry.gfn()) {
                    pins.give_back(world.guest, gfn);
                }
                self.complain(world, index, error);
            }
        }
    }

    /// Makes the entries that map one of the `chosen` pages lead to scratch, and lets go of these.
    ///
    /// The host half can only fail when the GPU does not wake, which it needs not as long as a
    /// vGPU is open, or when it was closed, and has done this itself.
    pub(super) fn scratch(
        &mut self,
        world: &mut World<'_>,
        pins: &mut Pins,
        chosen: impl Fn(Gfn) -> bool,
    ) {
        let mut from = 0_usize;
        loop {
            let is_chosen = |index: &usize| self.mapped(*index).is_some_and(&chosen);
            let Some(first) = (from..self.states.len()).find(is_chosen) else {
                return;
            };
            let run = (first..self.states.len()).take(SCRATCH.len());
            let count = run.take_while(is_chosen).count();
            from = first.saturating_add(count);
            let written = u32::try_from(first).map_err(Error::from).and_then(|first| {
                #[cfg(feature = "mutants")]
                if mutant::is(Mutant::GgttForgotten) {
                    return Ok(());
                }
                let entries = SCRATCH.get(..count).ok_or(EINVAL)?;
                world.host.ggtt_write(self.handle, first, entries)
            });
            if let Err(error) = written {
                self.complain(world, first, error);
            }
            let states = self.states.get_mut(first..from).unwrap_or_default();
            states.iter_mut().for_each(|state| *state = State::Scratch);
            for gfn in (first..from).filter_map(|index| self.guest_entry(index).gfn()) {
                pins.give_back(world.guest, gfn);
            }
        }
    }

    /// Forgets what the guest wrote. All entries lead to scratch by now.
    pub(super) fn forget(&mut self) {
        self.entries.clear();
        self.states.fill(State::Scratch);
    }

    fn address(&self, index: usize) -> Gma {
        let offset = (index as u64).saturating_mul(PAGE_SIZE);
        Gma(self.start.saturating_add(offset))
    }

    fn complain(&self, world: &mut World<'_>, index: usize, error: Error) {
        let address = self.address(index);
        world
            .guest
            .note(Event::Complaint(Complaint::GgttWrite { address, error }));
    }
}

/// Pins the page that an entry names; gives the host's entry for it.
fn map(world: &mut World<'_>, pins: &mut Pins, entry: GuestEntry) -> Result<HostEntry> {
    let gfn = entry.gfn().ok_or(EFAULT)?;
    let page = pins.take(world.guest, gfn)?;
    #[cfg(feature = "mutants")]
    let page = mutant::address(Mutant::GgttAddress, gfn).unwrap_or(page);
    entry.mapping(page).ok_or_else(|| {
        pins.give_back(world.guest, gfn);
        EINVAL
    })
}
