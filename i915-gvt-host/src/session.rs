// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Who uses a device, and what it holds.

use crate::buffers::{self, Buffer};
use crate::contexts::{self, Context};
use crate::fences::{self, FenceSet};
use crate::ggtt::{self, Range};
use crate::slots::{Places, Slots};
use crate::table::Client;
use crate::world::{Awake, World};
use iface::types::{MAX_BUFFERS, MAX_CONTEXTS, MAX_FENCE_SETS, MAX_RANGES};
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
    /// Between a suspend of the host and its resume, whether there is a client or not.
    pub(crate) suspended: bool,
    pub(crate) ranges: Slots<Range<W>, MAX_RANGES>,
    pub(crate) fences: Slots<FenceSet<W>, MAX_FENCE_SETS>,
    pub(crate) buffers: Slots<Buffer<W>, MAX_BUFFERS>,
    pub(crate) contexts: Slots<Context<W>, MAX_CONTEXTS>,
}

/// Places for what a client can hold.
struct Room<W: World> {
    ranges: Places<Range<W>>,
    fences: Places<FenceSet<W>>,
    buffers: Places<Buffer<W>>,
    contexts: Places<Context<W>>,
}

impl<W: World> Room<W> {
    fn new() -> Result<Self> {
        Ok(Self {
            ranges: Slots::<_, MAX_RANGES>::places()?,
            fences: Slots::<_, MAX_FENCE_SETS>::places()?,
            buffers: Slots::<_, MAX_BUFFERS>::places()?,
            contexts: Slots::<_, MAX_CONTEXTS>::places()?,
        })
    }
}

impl<W: World> Default for State<W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<W: World> State<W> {
    /// The state of a device without a client.
    pub const fn new() -> Self {
        Self {
            phase: Phase::Closed,
            wakes: 0,
            suspended: false,
            ranges: Slots::new(),
            fences: Slots::new(),
            buffers: Slots::new(),
            contexts: Slots::new(),
        }
    }

    fn check_closed(&self) -> Result {
        match self.phase {
            Phase::Closed => Ok(()),
            Phase::Open | Phase::Closing => Err(EBUSY),
        }
    }

    fn furnish(&mut self, room: Room<W>) -> Room<W> {
        Room {
            ranges: self.ranges.furnish(room.ranges),
            fences: self.fences.furnish(room.fences),
            buffers: self.buffers.furnish(room.buffers),
            contexts: self.contexts.furnish(room.contexts),
        }
    }

    fn strip(&mut self) -> Room<W> {
        Room {
            ranges: self.ranges.strip(),
            fences: self.fences.strip(),
            buffers: self.buffers.strip(),
            contexts: self.contexts.strip(),
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
/// `EBUSY`: there is one, or the last one is still going. `ENOMEM`.
pub fn open<W: World>(world: &W, client: Client) -> Result {
    // Before anything is allocated for nothing.
    world.with_state(|state| state.check_closed())?;
    let room = Room::new()?;
    // What was there before is dropped without the lock.
    let _empty = world.with_state(|state| {
        state.check_closed()?;
        state.phase = Phase::Open;
        world.set_client(Some(client));
        Ok::<Room<W>, Error>(state.furnish(room))
    })?;
    Ok(())
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
    // Nothing is submitted either when this returns: see `contexts::submit`.
    world.set_client(None);
    {
        // If the GPU does not wake, what is programmed into it is lost anyway.
        let _awake = Awake::new(world);
        contexts::give_all_back(world);
        while let Some(buffer) = world.with_state(|state| state.buffers.take_any()) {
            buffers::give_back(world, buffer);
        }
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
    let _empty = world.with_state(|state| {
        state.phase = Phase::Closed;
        state.strip()
    });
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
