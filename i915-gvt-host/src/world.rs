// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the host half asks of the GPU and of the world it runs in.

use crate::session::State;
use crate::table::Client;
use iface::types::Info;
use kernel::prelude::*;

/// A page of the GGTT, counted from GGTT address 0: the index of its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GgttPage(pub u64);

impl GgttPage {
    /// The one that many pages behind.
    pub(crate) fn plus(self, pages: usize) -> Self {
        Self(self.0.saturating_add(pages as u64))
    }
}

/// A place in the GGTT that was taken for the client, as the world keeps it.
#[derive(Debug)]
pub struct Placed<N> {
    /// What the world needs to give it back.
    pub node: N,
    /// Its first page.
    pub first: GgttPage,
}

/// Memory of the GPU that was allocated for the client, as the world keeps it.
#[derive(Debug)]
pub struct Allocated<M> {
    /// What the world needs to reach it and to give it back.
    pub memory: M,
    /// Its first page.
    pub first: GgttPage,
}

/// A logical context that was made for the client, as the world keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Made<C> {
    /// What the world needs to use it and to give it back.
    pub context: C,
    /// Bytes of its image, the per-process status page included.
    pub image: u64,
    /// Dwords of the longest submission that it takes.
    pub commands: u64,
}

/// The error of [`World::context_create`] on an engine that has no default state: `ENODATA`, which the
/// kernel crate has no name for.
pub fn no_default_state() -> Error {
    Error::from_errno(-iface::errno::ENODATA)
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
    /// Memory that was allocated.
    type Memory: Send;
    /// A logical context; names it, and does not own it.
    type Context: Copy + Send;

    /// Describes the GPU.
    fn info(&self) -> Info;

    /// Runs `f` with the device's state locked.
    fn with_state<R>(&self, f: impl FnOnce(&mut State<Self>) -> R) -> R;

    /// Makes `client` the one that [`with_client`](World::with_client) finds, from now on.
    ///
    /// With none it returns when nothing runs in `with_client` any more, and may sleep for that.
    /// With one it does not sleep: *in state.*
    fn set_client(&self, client: Option<Client>);

    /// Runs `f` with the client, if there is one. Any context. `f` may sleep where the caller may,
    /// and may call this again.
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

    /// Allocates `pages` pages of zeroes that the GPU reaches through the GGTT, outside of what was
    /// [inserted](World::ggtt_insert). May sleep.
    ///
    /// # Errors
    ///
    /// `ENOSPC`, `ENOMEM`.
    fn memory_alloc(&self, pages: u64) -> Result<Allocated<Self::Memory>>;

    /// Gives memory back. May sleep.
    fn memory_free(&self, memory: Self::Memory);

    /// Copies out of memory; the caller has checked that it is inside. *In state.*
    fn memory_read(&self, memory: &Self::Memory, offset: u64, data: &mut [u8]);

    /// Copies into memory; the caller has checked that it is inside. *In state.*
    fn memory_write(&self, memory: &Self::Memory, offset: u64, data: &[u8]);

    /// Makes a logical context on the engine with mask `engine`, which the world has, for
    /// submissions of at least `commands` dwords. Events tell of it by `handle`. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` there is no such engine; `ENODATA` it has no default state; `ENOSPC`, `ENOMEM`.
    fn context_create(
        &self,
        engine: u32,
        commands: u64,
        handle: u64,
    ) -> Result<Made<Self::Context>>;

    /// Gives a context back. May sleep.
    ///
    /// If it executes something, which was killed then, it first waits until the engine has let go of
    /// it; whether [`events::submit_done`](crate::events::submit_done) is called for that any more
    /// does not matter. May be called from inside of that function, for the same context, and must
    /// not wait for it.
    fn context_destroy(&self, context: Self::Context);

    /// Copies out of the image of a context that executes nothing; the caller has checked that it
    /// is inside. *In state.*
    fn context_read(&self, context: Self::Context, offset: u64, data: &mut [u8]);

    /// Copies into the image of a context that executes nothing; the caller has checked that it is
    /// inside. *In state.*
    fn context_write(&self, context: Self::Context, offset: u64, data: &[u8]);

    /// Has a context that executes nothing execute `commands`, at the most
    /// [`MAX_SEGMENTS`](iface::types::MAX_SEGMENTS) segments, one after the other, which it has room
    /// for, in the address space that begins with the PML4 table at DMA address `root`. May sleep.
    ///
    /// If it returns `Ok`, [`events::submit_done`](crate::events::submit_done) is called once, by
    /// then or later, when the engine has saved the context.
    ///
    /// # Errors
    ///
    /// `EIO` the GPU is lost; `ENOMEM`.
    fn context_submit(&self, context: Self::Context, root: u64, commands: &[&[u32]]) -> Result;

    /// Sees to it that what a context executes, or is about to be given, ends soon; nothing else
    /// is executed in it afterwards. Does not wait for that. *In state.*
    fn context_kill(&self, context: Self::Context);
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
