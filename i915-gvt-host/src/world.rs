// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the host half asks of the GPU and of the world it runs in.

use crate::session::State;
use crate::table::Client;
use iface::types::Info;
use kernel::prelude::*;

/// A page of the GGTT, counted from GGTT address 0: the index of its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GgttPage(pub u64);

/// A place in the GGTT that was taken for the client, as the world keeps it.
#[derive(Debug)]
pub struct Placed<N> {
    /// What the world needs to give it back.
    pub node: N,
    /// Its first page.
    pub first: GgttPage,
}

/// Registers of a GPU that is awake, with forcewake held.
pub trait Registers {
    /// Reads the register at `offset` of register space.
    fn read(&mut self, offset: u32) -> u32;
    /// Writes it.
    fn write(&mut self, offset: u32, value: u32);
    /// Waits without sleeping.
    fn delay_us(&mut self, microseconds: u32);
}

/// A GPU and what surrounds it; one value a device, at an address that does not change while a
/// client may have the table.
///
/// # Locking
///
/// [`with_state`](World::with_state) is the only lock of this crate. It is a sleeping lock. Inside
/// of it this crate does not allocate, does not wake the GPU and does not wait for it, and calls
/// only the functions that are marked *in state*: i915 takes it on its way through GPU reset and
/// runtime resume. No lock is held while a call-back of the client runs.
pub trait World: Sync + Sized {
    /// What the world needs to give a place in the GGTT back.
    type Node: Send;
    /// A fence register that was taken.
    type Fence: Send;

    /// Describes the GPU.
    fn info(&self) -> Info;

    /// Runs `f` with the device's state locked.
    fn with_state<R>(&self, f: impl FnOnce(&mut State<Self>) -> R) -> R;

    /// Makes `client` the one that [`with_client`](World::with_client) finds, from now on.
    ///
    /// With none it returns when nothing runs in `with_client` any more, and may sleep for that.
    /// With one it does not sleep: *in state.*
    fn set_client(&self, client: Option<Client>);

    /// Runs `f` with the client, if there is one. Any context.
    fn with_client(&self, f: impl FnOnce(&Client));

    /// Whether there is a client. Any context.
    fn has_client(&self) -> bool;

    /// Wakes the GPU and keeps it awake; counted. May sleep.
    fn wake_get(&self) -> Result;

    /// Gives one wakeref back.
    fn wake_put(&self);

    /// Runs `f` with forcewake held, while no other `f` runs. Any context.
    ///
    /// # Errors
    ///
    /// `EAGAIN`: the GPU sleeps.
    fn with_registers<R>(&self, f: impl FnOnce(&mut dyn Registers) -> R) -> Result<R>;

    /// Takes `pages` pages of the GGTT from `between` (first page, and the one behind the last),
    /// the first a multiple of `align` pages. May sleep, and wait for the GPU.
    ///
    /// # Errors
    ///
    /// `ENOSPC`, `ENOMEM`.
    fn ggtt_insert(
        &self,
        pages: u64,
        align: u64,
        between: (GgttPage, GgttPage),
    ) -> Result<Placed<Self::Node>>;

    /// Gives a place back. May sleep.
    fn ggtt_remove(&self, node: Self::Node);

    /// Writes entries, the first for page `first`. The GPU may see the old ones until
    /// [`ggtt_flush`](World::ggtt_flush). *In state.*
    fn ggtt_write(&self, first: GgttPage, entries: &[u64]);

    /// Makes the GPU forget what it knows of the GGTT's entries. *In state.*
    fn ggtt_flush(&self);

    /// The entry that points to the scratch page.
    fn scratch_entry(&self) -> u64;

    /// Takes a fence register. May sleep, and wait for the GPU.
    ///
    /// # Errors
    ///
    /// `ENOSPC`.
    fn fence_reserve(&self) -> Result<Self::Fence>;

    /// Gives a fence register back. May sleep.
    fn fence_unreserve(&self, fence: Self::Fence);

    /// Writes a fence register of a GPU that is awake. *In state.*
    fn fence_write(&self, fence: &Self::Fence, value: u64);
}

/// A GPU that is kept awake as long as this lives.
pub(crate) struct Awake<'w, W: World>(&'w W);

impl<'w, W: World> Awake<'w, W> {
    /// Wakes the GPU, or fails with `EIO`.
    pub(crate) fn new(world: &'w W) -> Result<Self> {
        world.wake_get().map_err(|_| EIO)?;
        Ok(Self(world))
    }
}

impl<W: World> Drop for Awake<'_, W> {
    fn drop(&mut self) {
        self.0.wake_put();
    }
}
