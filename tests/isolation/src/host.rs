// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The host half, as one vGPU's mediator uses it: notes what it has there.

use gen9_gpu::EngineId;
use hosted_glue::card::{Card, ContextPlaces};
use hosted_glue::guest::AsHost;
use hosted_glue::machine::Machine;
use iface::client;
use iface::types::{Buffer, Context, ContextRequest, GgttRange, GgttRequest, Info, MmioOp};
use kernel::error::Result;
use kvmgt_core::hardware::Engine;
use kvmgt_core::host::Host;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

/// What a vGPU has in the host half, by handle.
#[derive(Default)]
pub struct Owned {
    /// Contexts.
    pub contexts: BTreeMap<u64, ContextPlaces>,
    /// Buffers, in addresses of the GGTT.
    pub buffers: BTreeMap<u64, Range<u64>>,
}

/// An engine, as the software GPU names it.
pub fn engine_id(engine: Engine) -> EngineId {
    match engine {
        Engine::Rcs => EngineId::Rcs0,
        Engine::Bcs => EngineId::Bcs0,
        Engine::Vcs => EngineId::Vcs0,
        Engine::Vcs1 => EngineId::Vcs1,
        Engine::Vecs => EngineId::Vecs0,
    }
}

/// The host half for one vGPU.
pub struct Watched<'a> {
    host: &'a client::Host<'a>,
    card: &'a Card,
    owned: RefCell<Owned>,
}

impl<'a> Watched<'a> {
    /// A vGPU that has nothing there yet.
    pub fn new(host: &'a client::Host<'a>, card: &'a Card) -> Self {
        Self {
            host,
            card,
            owned: RefCell::default(),
        }
    }

    /// The machine that the GPU is in.
    pub fn machine(&self) -> &'a Machine {
        self.card.machine()
    }

    /// Calls `look` with what it has.
    pub fn with_owned<R>(&self, look: impl FnOnce(&Owned) -> R) -> R {
        look(&self.owned.borrow())
    }
}

impl AsHost for Watched<'_> {
    fn as_host(&self) -> &dyn Host {
        self
    }
}

impl Host for Watched<'_> {
    fn info(&self) -> Result<Info> {
        Host::info(self.host)
    }

    fn awake(&self, act: &mut dyn FnMut() -> Result) -> Result {
        Host::awake(self.host, act)
    }

    fn snapshot(&self) -> Result<&[u8]> {
        Host::snapshot(self.host)
    }

    fn mmio_exec(&self, ops: &mut [MmioOp]) -> Result {
        Host::mmio_exec(self.host, ops)
    }

    fn ggtt_reserve(&self, request: &GgttRequest) -> Result<GgttRange> {
        Host::ggtt_reserve(self.host, request)
    }

    fn ggtt_release(&self, range: u64) -> Result {
        Host::ggtt_release(self.host, range)
    }

    fn ggtt_write(&self, range: u64, first: u32, entries: &[u64]) -> Result {
        Host::ggtt_write(self.host, range, first, entries)
    }

    fn fences_reserve(&self, count: u32) -> Result<u64> {
        Host::fences_reserve(self.host, count)
    }

    fn fences_release(&self, fences: u64) -> Result {
        Host::fences_release(self.host, fences)
    }

    fn fence_write(&self, fences: u64, index: u32, value: u64, range: u64) -> Result {
        Host::fence_write(self.host, fences, index, value, range)
    }

    fn buffer_alloc(&self, size: u64) -> Result<Buffer> {
        let buffer = Host::buffer_alloc(self.host, size)?;
        let place = buffer.start..buffer.start + buffer.size;
        self.owned.borrow_mut().buffers.insert(buffer.handle, place);
        Ok(buffer)
    }

    fn buffer_free(&self, buffer: u64) -> Result {
        self.owned.borrow_mut().buffers.remove(&buffer);
        Host::buffer_free(self.host, buffer)
    }

    fn buffer_read(&self, buffer: u64, offset: u64, data: &mut [u8]) -> Result {
        Host::buffer_read(self.host, buffer, offset, data)
    }

    fn buffer_write(&self, buffer: u64, offset: u64, data: &[u8]) -> Result {
        Host::buffer_write(self.host, buffer, offset, data)
    }

    fn ctx_create(&self, request: &ContextRequest) -> Result<Context> {
        let context = Host::ctx_create(self.host, request)?;
        let places = self.card.context_places(context.handle);
        let places = places.expect("it was just made");
        self.owned
            .borrow_mut()
            .contexts
            .insert(context.handle, places);
        Ok(context)
    }

    fn ctx_destroy(&self, context: u64) -> Result {
        self.owned.borrow_mut().contexts.remove(&context);
        Host::ctx_destroy(self.host, context)
    }

    fn ctx_read(&self, context: u64, offset: u64, data: &mut [u8]) -> Result {
        Host::ctx_read(self.host, context, offset, data)
    }

    fn ctx_write(&self, context: u64, offset: u64, data: &[u8]) -> Result {
        Host::ctx_write(self.host, context, offset, data)
    }

    fn ctx_submit(&self, context: u64, root: u64, commands: &[&[u32]], tag: u64) -> Result {
        Host::ctx_submit(self.host, context, root, commands, tag)
    }

    fn ctx_kill(&self, context: u64, tag: u64) -> Result {
        Host::ctx_kill(self.host, context, tag)
    }
}
