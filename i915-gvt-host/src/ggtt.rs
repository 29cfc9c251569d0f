// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Ranges of the GGTT that belong to the client.
//!
//! What the client writes is kept here too, so that it can be written again where the GPU or i915
//! lost it.

mod kept;

use crate::fences;
use crate::slots::Handle;
use crate::world::{Awake, GgttPage, Placed, World};
use iface::types::{
    GgttRange, GgttRequest, GGTT_PAGE_SHIFT, GGTT_PAGE_SIZE, PTE_PRESENT, PTE_VALID_BITS,
    REGION_APERTURE, REGION_HIGH,
};
use kept::{Kept, Spare};
use kernel::prelude::*;

/// A range.
pub(crate) struct Range<W: World> {
    node: W::Node,
    first: GgttPage,
    aperture: bool,
    entries: Kept,
}

impl<W: World> Range<W> {
    /// GGTT addresses, the first and the one behind the last.
    pub(crate) fn addresses(&self) -> (u64, u64) {
        let first = self.first.0 << GGTT_PAGE_SHIFT;
        (
            first,
            first.saturating_add((self.entries.count() as u64) << GGTT_PAGE_SHIFT),
        )
    }

    /// Whether the CPU reaches it.
    pub(crate) fn is_aperture(&self) -> bool {
        self.aperture
    }

    /// Writes all of its entries for the GPU, which sees them after a flush.
    fn show(&self, world: &W) {
        let show =
            |first: usize, entries: &[u64]| world.ggtt_write(self.first.plus(first), entries);
        self.entries.for_each(show);
    }
}

/// Takes a range.
///
/// # Errors
///
/// As `ggtt_reserve` of the contract.
pub fn reserve<W: World>(world: &W, request: &GgttRequest) -> Result<GgttRange> {
    world.with_state(|state| state.check_open())?;
    let info = world.info();
    let aperture_end = info.aperture_size.min(info.ggtt_size);
    let between = match request.region {
        REGION_APERTURE => (0, aperture_end),
        REGION_HIGH => (aperture_end, info.ggtt_size),
        _ => return Err(EINVAL),
    };
    let odd = request.size % GGTT_PAGE_SIZE != 0 || request.align % GGTT_PAGE_SIZE != 0;
    if odd || request.size == 0 || !request.align.is_power_of_two() || request.reserved != 0 {
        return Err(EINVAL);
    }
    // Before anything is allocated by a size that can't be had.
    if request.size > between.1 - between.0 {
        return Err(ENOSPC);
    }
    let pages = request.size >> GGTT_PAGE_SHIFT;
    let scratch = world.scratch_entry();
    let entries = Kept::new(usize::try_from(pages)?, scratch)?;
    let _awake = Awake::new(world)?;
    let place = (
        GgttPage(between.0 >> GGTT_PAGE_SHIFT),
        GgttPage(between.1 >> GGTT_PAGE_SHIFT),
    );
    let Placed { node, first } =
        world.ggtt_insert(pages, request.align >> GGTT_PAGE_SHIFT, place)?;
    let range = Range::<W> {
        node,
        first,
        aperture: request.region == REGION_APERTURE,
        entries,
    };
    let start = range.addresses().0;
    let kept = world.with_state(|state| {
        if state.check_open().is_err() {
            return Err((ENODEV, range));
        }
        // i915 leaves what was there.
        range.show(world);
        world.ggtt_flush();
        state.ranges.insert(range).map_err(|range| (ENOSPC, range))
    });
    match kept {
        Ok(handle) => Ok(GgttRange {
            handle: handle.raw(),
            start,
            size: request.size,
        }),
        Err((error, range)) => {
            give_back(world, range);
            Err(error)
        }
    }
}

/// Gives a range back.
///
/// # Errors
///
/// As `ggtt_release` of the contract.
pub fn release<W: World>(world: &W, handle: u64) -> Result {
    // Before the GPU is woken: a wrong handle costs nothing.
    world.with_state(|state| {
        state.check_open()?;
        state
            .ranges
            .get_mut(Handle::from_raw(handle))
            .map(|_| ())
            .ok_or(EBADF)
    })?;
    let _awake = Awake::new(world)?;
    let range = world.with_state(|state| {
        state.check_open()?;
        let range = state.ranges.take(Handle::from_raw(handle)).ok_or(EBADF)?;
        fences::disable_inside(world, state, handle);
        Ok::<Range<W>, Error>(range)
    })?;
    give_back(world, range);
    Ok(())
}

/// Points a range that nobody can find any more to the scratch page, and gives its place back.
pub(crate) fn give_back<W: World>(world: &W, mut range: Range<W>) {
    range.entries.clear();
    range.show(world);
    world.ggtt_flush();
    world.ggtt_remove(range.node);
}

/// Writes entries of a range.
///
/// # Errors
///
/// As `ggtt_write` of the contract.
pub fn write<W: World>(world: &W, handle: u64, first: u32, entries: &[u64]) -> Result {
    world.with_state(|state| state.check_open())?;
    let bits = entries.iter().fold(0, |bits, entry| bits | entry);
    if entries.is_empty() || bits & !PTE_VALID_BITS != 0 {
        return Err(EINVAL);
    }
    let _awake = Awake::new(world)?;
    let mut spare = Spare::None;
    loop {
        let lacking = world.with_state(|state| {
            state.check_open()?;
            let range = state
                .ranges
                .get_mut(Handle::from_raw(handle))
                .ok_or(EBADF)?;
            let place = range.first;
            let show = |at: usize, entries: &[u64]| world.ggtt_write(place.plus(at), entries);
            let lacking = range
                .entries
                .write(first as usize, entries, &mut spare, show)?;
            if lacking == 0 {
                world.ggtt_flush();
            }
            Ok::<usize, Error>(lacking)
        })?;
        if lacking == 0 {
            return Ok(());
        }
        // More than it has, so each time there is more to spare.
        spare = match Spare::new(lacking) {
            // What is unmapped must be gone, whatever else goes with it.
            Err(_) if bits & PTE_PRESENT == 0 => Spare::Starved,
            spare => spare?,
        };
    }
}

/// Writes all ranges again, after something may have lost them. The GPU is awake.
pub(crate) fn restore<W: World>(world: &W) {
    world.with_state(|state| {
        let mut any = false;
        for range in state.ranges.iter_mut() {
            range.show(world);
            any = true;
        }
        if any {
            world.ggtt_flush();
        }
    });
}
