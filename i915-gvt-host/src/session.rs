// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Who uses a device, and what it holds.

use crate::fences::{self, FenceSet, MAX_FENCE_SETS};
use crate::ggtt::{self, Range, MAX_RANGES};
use crate::slots::Slots;
use crate::table::Client;
use crate::world::{Awake, World};
use kernel::prelude::*;

/// Whether there is a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// There is none.
    Closed,
    /// There is one.
    Open,
    /// It has gone, and what it held is given back: nobody else may come yet.
    Closing,
}

/// What a device's client holds; behind [`World::with_state`].
pub struct State<W: World> {
    phase: Phase,
    wakes: usize,
    pub(crate) ranges: Slots<Range<W>, MAX_RANGES>,
    pub(crate) fences: Slots<FenceSet<W>, MAX_FENCE_SETS>,
}

impl<W: World> Default for State<W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<W: World> State<W> {
    /// The state of a device without a client.
    pub fn new() -> Self {
        Self {
            phase: Phase::Closed,
            wakes: 0,
            ranges: Slots::new(),
            fences: Slots::new(),
        }
    }

    /// Fails unless there is a client.
    pub(crate) fn check_open(&self) -> Result {
        match self.phase {
            Phase::Open => Ok(()),
            Phase::Closed | Phase::Closing => Err(ENODEV),
        }
    }
}

/// Makes `client` the device's client.
///
/// # Errors
///
/// `EBUSY`: there is one, or the last one is still going.
pub fn open<W: World>(world: &W, client: Client) -> Result {
    world.with_state(|state| {
        if state.phase != Phase::Closed {
            return Err(EBUSY);
        }
        state.phase = Phase::Open;
        world.set_client(Some(client));
        Ok(())
    })
}

/// Ends what [`open`] began, and releases what the client still holds.
///
/// # Errors
///
/// `ENODEV`: there is no client.
pub fn close<W: World>(world: &W) -> Result {
    let wakes = world.with_state(|state| {
        state.check_open()?;
        state.phase = Phase::Closing;
        Ok::<usize, Error>(core::mem::take(&mut state.wakes))
    })?;
    world.set_client(None);
    {
        // If the GPU does not wake, what is programmed into it is lost anyway.
        let _awake = Awake::new(world);
        while let Some(fences) = world.with_state(|state| state.fences.take_any()) {
            fences::give_back(world, fences);
        }
        while let Some(range) = world.with_state(|state| state.ranges.take_any()) {
            ggtt::give_back(world, range);
        }
    }
    for _ in 0..wakes {
        world.wake_put();
    }
    world.with_state(|state| state.phase = Phase::Closed);
    Ok(())
}

/// Wakes the GPU for the client.
///
/// # Errors
///
/// `ENODEV`: there is no client. `EIO`: the GPU does not wake.
pub fn wake_get<W: World>(world: &W) -> Result {
    world.with_state(|state| state.check_open())?;
    world.wake_get().map_err(|_| EIO)?;
    let counted = world.with_state(|state| {
        state.check_open()?;
        state.wakes = state.wakes.checked_add(1).ok_or(EINVAL)?;
        Ok(())
    });
    if counted.is_err() {
        world.wake_put();
    }
    counted
}

/// Gives back what one [`wake_get`] took.
///
/// # Errors
///
/// `ENODEV`: there is no client. `EINVAL`: nothing was taken.
pub fn wake_put<W: World>(world: &W) -> Result {
    world.with_state(|state| {
        state.check_open()?;
        state.wakes = state.wakes.checked_sub(1).ok_or(EINVAL)?;
        Ok::<(), Error>(())
    })?;
    world.wake_put();
    Ok(())
}
