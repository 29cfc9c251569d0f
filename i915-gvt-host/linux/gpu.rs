// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A GPU that is offered to kvmgt.

use crate::golden::Found;
use crate::shim::{self, Callback, Context, Fence, Host, Memory, Node, Platform};
use core::cell::UnsafeCell;
use gvt_host::mmio::Variant;
use gvt_host::table::{self, Client, Device};
use gvt_host::world::{Allocated, GgttPage, Made, Placed, Registers, World};
use gvt_host::State;
use iface::types::{
    Engine, Info, Snapshot, ENGINE_VIDEO, GGTT_PAGE_SHIFT, GGTT_PAGE_SIZE, MAX_ENGINES, PAGE_SIZE_2M,
    PAGE_SIZE_4K, PAGE_SIZE_64K,
};
use iface::HostTable;
use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Atomic, Release};
use kernel::sync::{new_mutex, Mutex};

/// The client's place: written while `there` is false and nobody reads, read while it is true.
struct ClientCell {
    there: Atomic<bool>,
    client: UnsafeCell<Option<Client>>,
}

/// A GPU that is offered; see the module.
#[pin_data]
pub(crate) struct Gpu {
    host: Host,
    info: Info,
    variant: Variant,
    golden: Found,
    client: ClientCell,
    table: HostTable,
    #[pin]
    state: Mutex<State<Gpu>>,
}

// SAFETY: what the pointers in `host`, `info` and `golden` lead to may be used from any thread
// and outlives the GPU's offer; `state` is locked; `client` is guarded as its type says.
unsafe impl Send for Gpu {}
// SAFETY: as above.
unsafe impl Sync for Gpu {}

impl Gpu {
    /// Describes the GPU and makes its table.
    pub(crate) fn new(
        host: Host,
        platform: &Platform,
        golden: Found,
    ) -> Result<Pin<KBox<Self>>> {
        let info = info(platform);
        let variant = Variant {
            platform: table::platform(&info)?,
            vcs1: info
                .engines
                .iter()
                .take(info.engine_count as usize)
                .any(|engine| engine.class == ENGINE_VIDEO && engine.instance == 1),
        };
        KBox::pin_init(
            pin_init!(&this in Self {
                host,
                info,
                variant,
                golden,
                client: ClientCell {
                    there: Atomic::new(false),
                    client: UnsafeCell::new(None),
                },
                // SAFETY: the box is pinned; C frees it after the client's remove.
                table: unsafe { table::of::<Self>(this.as_ptr()) },
                state <- new_mutex!(State::new()),
            }),
            GFP_KERNEL,
        )
    }

    /// The snapshot, and what else is known of it.
    pub(crate) fn golden(&self) -> &Found {
        &self.golden
    }

    /// The table to publish.
    pub(crate) fn table(&self) -> &HostTable {
        &self.table
    }
}

/// The contract's form of what C says.
fn info(from: &Platform) -> Info {
    let mut engines = [Engine::default(); MAX_ENGINES];
    for (engine, from) in engines.iter_mut().zip(&from.engines) {
        *engine = Engine {
            class: from.class,
            instance: from.instance,
            mask: from.mask,
            context_size: u64::from(from.context_size),
        };
    }
    Info {
        platform: from.platform,
        vendor: from.pci.vendor,
        device: from.pci.device,
        revision: u32::from(from.pci.revision),
        drm_minor: from.drm_minor,
        ggtt_size: from.ggtt_size,
        aperture_size: from.aperture_size,
        aperture_base: from.aperture_base,
        gttmmadr_size: from.gttmmadr_size,
        fence_count: from.num_fences,
        page_sizes: from.page_sizes & (PAGE_SIZE_4K | PAGE_SIZE_64K | PAGE_SIZE_2M),
        engine_count: from.num_engines,
        reserved: 0,
        engines,
        parent: from.parent.cast(),
        card: from.card.cast(),
        debugfs: from.debugfs.cast(),
    }
}

impl Device for Gpu {
    fn snapshot(&self) -> Result<Snapshot> {
        Ok(self.golden.snapshot)
    }

    fn variant(&self) -> Variant {
        self.variant
    }
}

impl World for Gpu {
    type Node = SendNode;
    type Fence = SendFence;
    type Memory = SendMemory;
    type Context = SendContext;

    fn info(&self) -> Info {
        self.info
    }

    fn with_state<R>(&self, f: impl FnOnce(&mut State<Self>) -> R) -> R {
        f(&mut self.state.lock())
    }

    fn set_client(&self, client: Option<Client>) {
        let there = client.is_some();
        if there {
            // SAFETY: `gvt_host` sets one only where none was or the last was drained, so nobody
            // reads.
            unsafe { *self.client.client.get() = client };
        }
        self.client.there.store(there, Release);
        if !there {
            shim::drain_callbacks();
        }
    }

    fn with_client(&self, f: impl FnOnce(&Client)) {
        let _callback = Callback::enter();
        if self.client.there.load(Acquire) {
            // SAFETY: it was written before `there` was set, and will not be written before this
            // call-back is drained.
            if let Some(client) = unsafe { &*self.client.client.get() } {
                f(client);
            }
        }
    }

    fn has_client(&self) -> bool {
        self.client.there.load(Acquire)
    }

    fn wake_get(&self) -> Result {
        self.host.wake_get();
        Ok(())
    }

    fn wake_put(&self) {
        self.host.wake_put();
    }

    fn with_registers<R>(&self, f: impl FnOnce(&mut dyn Registers) -> R) -> Result<R> {
        self.host.with_registers(f)
    }

    fn ggtt_insert(
        &self,
        pages: u64,
        align: u64,
        between: (GgttPage, GgttPage),
    ) -> Result<Placed<Self::Node>> {
        let (node, start) = self.host.ggtt_insert(
            pages << GGTT_PAGE_SHIFT,
            align << GGTT_PAGE_SHIFT,
            (
                between.0 .0 << GGTT_PAGE_SHIFT,
                between.1 .0 << GGTT_PAGE_SHIFT,
            ),
        )?;
        Ok(Placed {
            node: SendNode(node),
            first: GgttPage(start >> GGTT_PAGE_SHIFT),
        })
    }

    fn ggtt_remove(&self, node: Self::Node) {
        self.host.ggtt_remove(node.0);
    }

    fn ggtt_write(&self, first: GgttPage, entries: &[u64]) {
        self.host.pte_write(first.0, entries);
    }

    fn ggtt_flush(&self) {
        self.host.ggtt_invalidate();
    }

    fn scratch_entry(&self) -> u64 {
        self.host.scratch_pte()
    }

    fn fence_reserve(&self) -> Result<Self::Fence> {
        self.host.fence_reserve().map(SendFence)
    }

    fn fence_unreserve(&self, fence: Self::Fence) {
        self.host.fence_release(fence.0);
    }

    fn fence_write(&self, fence: &Self::Fence, value: u64) {
        self.host.fence_write(fence.0, value);
    }

    fn memory_alloc(&self, pages: u64) -> Result<Allocated<Self::Memory>> {
        let size = pages.checked_mul(GGTT_PAGE_SIZE).ok_or(ENOMEM)?;
        let (memory, start) = self.host.memory_alloc(size)?;
        Ok(Allocated {
            memory: SendMemory(memory),
            first: GgttPage(start >> GGTT_PAGE_SHIFT),
        })
    }

    fn memory_free(&self, memory: Self::Memory) {
        self.host.memory_free(memory.0);
    }

    fn memory_read(&self, memory: &Self::Memory, offset: u64, data: &mut [u8]) {
        self.host.memory_read(memory.0, offset, data);
    }

    fn memory_write(&self, memory: &Self::Memory, offset: u64, data: &[u8]) {
        self.host.memory_write(memory.0, offset, data);
    }

    fn context_create(
        &self,
        engine: u32,
        commands: u64,
        handle: u64,
    ) -> Result<Made<Self::Context>> {
        let made = self.host.context_create(engine, commands, handle)?;
        Ok(Made {
            context: SendContext(made.context),
            image: made.image,
            commands: made.commands,
        })
    }

    fn context_destroy(&self, context: Self::Context) {
        self.host.context_destroy(context.0);
    }

    fn context_read(&self, context: Self::Context, offset: u64, data: &mut [u8]) {
        self.host.context_read(context.0, offset, data);
    }

    fn context_write(&self, context: Self::Context, offset: u64, data: &[u8]) {
        self.host.context_write(context.0, offset, data);
    }

    fn context_submit(&self, context: Self::Context, root: u64, commands: &[&[u32]]) -> Result {
        self.host.context_submit(context.0, root, commands)
    }

    fn context_kill(&self, context: Self::Context) {
        self.host.context_kill(context.0);
    }
}

/// A node that may go from thread to thread.
pub(crate) struct SendNode(Node);

// SAFETY: it is only handed back to C, under i915's lock.
unsafe impl Send for SendNode {}

/// A fence register that may go from thread to thread.
pub(crate) struct SendFence(Fence);

// SAFETY: as above.
unsafe impl Send for SendFence {}

/// Memory that may go from thread to thread.
pub(crate) struct SendMemory(Memory);

// SAFETY: it belongs to no thread, and `gvt_host` reaches it from one at a time.
unsafe impl Send for SendMemory {}

/// A context that may go from thread to thread.
#[derive(Clone, Copy)]
pub(crate) struct SendContext(Context);

// SAFETY: it is only handed to C, which locks what is not one thread's at a time.
unsafe impl Send for SendContext {}
