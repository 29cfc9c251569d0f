// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a guest asks of its engines: submissions, resets, address spaces.

use super::memory::GgttMemory;
use super::Vgpu;
use crate::address::{Gma, MmioOffset, PAGE_SIZE};
use crate::execlist;
use crate::execlist::status::{self, Registers};
use crate::execlist::{Descriptor, Events, RawDescriptor};
use crate::gtt::ranges::Ranges;
use crate::guest::World;
use crate::hardware::Engine;
use crate::interrupt::Event;
use crate::message::Complaint;
use crate::mmio::registers::named;
use crate::mmio::request::{Notice, Request};
use crate::workload::image::{Image, RawImage, Rule, DWORDS};
use crate::workload::{Refusal, Workload};
use iface::registers::Platform;
use kernel::prelude::*;

impl Vgpu {
    /// Does what a register asks for.
    pub(super) fn follow(&mut self, world: &mut World<'_>, request: Request) {
        match request {
            Request::Submit(engine, value) => self.write_port(world, engine, value),
            Request::Reset(engines) => {
                for engine in Engine::ALL
                    .into_iter()
                    .filter(|engine| engines.has(*engine))
                {
                    self.reset_engine(world, engine);
                }
            }
            Request::AddressSpace(root, Notice::Created) => {
                let announced =
                    self.with_new_ppgtt(world, |ppgtt, backing| ppgtt.announce(backing, root));
                if let Err(error) = announced {
                    Self::complain(world, Complaint::PpgttSpace { error });
                }
            }
            Request::AddressSpace(root, Notice::Destroyed) => {
                self.with_ppgtt(world, |ppgtt, backing| ppgtt.withdraw(backing, root));
            }
            Request::Pages64k(enabled) => {
                self.with_ppgtt(world, |ppgtt, backing| {
                    ppgtt.set_pages_64k(backing, enabled);
                });
            }
        }
    }

    /// The guest writes to a submit port.
    fn write_port(&mut self, world: &mut World<'_>, engine: Engine, value: u32) {
        let takes = self.mmio.takes_contexts(engine);
        let Some(state) = self.engines.get_mut(engine) else {
            return;
        };
        let Some(descriptors) = state.queue.write_port(value) else {
            return;
        };
        if !takes || world.device.engine(engine).is_none() {
            return;
        }
        match self.submit(world, engine, descriptors) {
            Ok(events) => self.tell(world, engine, events),
            Err(refusal) => {
                Self::complain(world, Complaint::Submission { engine, refusal });
                self.hang(world, engine);
            }
        }
        self.start(world, engine);
    }

    /// Takes a submission into the queue.
    fn submit(
        &mut self,
        world: &mut World<'_>,
        engine: Engine,
        descriptors: [RawDescriptor; 2],
    ) -> Result<Events, Refusal> {
        let ranges = Ranges::of(&self.ggtt);
        let size = world
            .device
            .engine(engine)
            .map_or(PAGE_SIZE, |info| info.context_size);
        let has_batches = engine == Engine::Rcs || world.device.model().platform != Platform::Bdw;
        let request = execlist::Request::check(descriptors, &ranges, size);
        let request = request
            .map_err(Refusal::Submission)?
            .try_map(|descriptor| {
                let image = self.image(world, descriptor, &ranges, has_batches);
                image.map(|image| Workload::new(descriptor, image))
            })?;
        let state = self.engines.get_mut(engine);
        let events = state.map(|state| state.queue.submit(request));
        events
            .unwrap_or(Ok(Events::NONE))
            .map_err(Refusal::Submission)
    }

    /// Reads the image of a context, and checks it.
    fn image(
        &self,
        world: &mut World<'_>,
        descriptor: Descriptor,
        ranges: &Ranges,
        has_batches: bool,
    ) -> Result<Image, Refusal> {
        let lrca = descriptor.lrca();
        let refused = |rule| Refusal::Image { lrca, rule };
        let registers = Gma(lrca.0.saturating_add(PAGE_SIZE));
        let mut dwords = [0; DWORDS];
        let mut memory = GgttMemory {
            ggtt: &self.ggtt,
            memory: &mut *world.memory,
        };
        let read = memory.read_dwords(registers, &mut dwords);
        read.map_err(|_| refused(Rule::Unreadable))?;
        let raw = RawImage {
            dwords: &dwords,
            addressing: descriptor.addressing(),
            has_batches,
            ranges,
        };
        Image::try_from(raw).map_err(refused)
    }

    /// An engine hangs from now on, as the guest sees it.
    pub(super) fn hang(&mut self, world: &mut World<'_>, engine: Engine) {
        let Some(state) = self.engines.get_mut(engine) else {
            return;
        };
        if state.queue.hang().is_some() {
            state.kill(world.host);
        }
        self.tell_ready(world, engine);
    }

    /// The guest resets an engine. What runs is killed, and nobody waits for that.
    fn reset_engine(&mut self, world: &mut World<'_>, engine: Engine) {
        let Some(state) = self.engines.get_mut(engine) else {
            return;
        };
        if state.queue.reset().is_some() {
            state.kill(world.host);
        }
        self.show_reset(engine);
        self.tell_ready(world, engine);
    }

    /// Shows context status as it is after a reset of the engine.
    pub(super) fn show_reset(&mut self, engine: Engine) {
        for (register, value) in Registers::of(engine).after_reset() {
            self.mmio.poke(register, value);
        }
    }

    /// Tells the guest what happened to its contexts.
    pub(super) fn tell(&mut self, world: &mut World<'_>, engine: Engine, events: Events) {
        let registers = Registers::of(engine);
        let page = self.mmio.peek(status_page(engine));
        let page = status::status_page(page, &Ranges::of(&self.ggtt));
        for entry in events.iter() {
            let write = entry.place(self.mmio.peek(registers.pointer));
            for (register, value) in write.registers(engine) {
                self.mmio.poke(register, value);
            }
            let Some(page) = page else {
                continue;
            };
            let mut memory = GgttMemory {
                ggtt: &self.ggtt,
                memory: &mut *world.memory,
            };
            for (at, value) in write.page(page) {
                // A guest that has taken its page away does not want to know.
                let _ = memory.write(at, &value.to_le_bytes());
            }
        }
        if let Some(state) = self.engines.get(engine) {
            let [low, high] = state.queue.status();
            let behind = registers.execlist_status.0.saturating_add(4);
            self.mmio.poke(registers.execlist_status, low);
            self.mmio.poke(MmioOffset(behind), high);
        }
        if !events.is_empty() {
            self.raise(world, Event::ContextSwitch(engine));
        }
    }

    /// Tells the schedule whether there is work that was not started.
    pub(super) fn tell_ready(&mut self, world: &mut World<'_>, engine: Engine) {
        if self.engines.joined {
            let state = self.engines.get(engine);
            let more = state.is_some_and(|state| state.queue.has_more());
            world.turns.ready(engine, self.id, more);
        }
    }

    /// An event happens in the vGPU.
    pub(super) fn raise(&mut self, world: &mut World<'_>, event: Event) {
        self.mmio.raise(world, &mut self.fences, event);
    }
}

/// RING_HWS_PGA of an engine.
pub(super) fn status_page(engine: Engine) -> MmioOffset {
    match engine {
        Engine::Rcs => const { named("RCS_RING_HWS_PGA") },
        Engine::Bcs => const { named("BCS_RING_HWS_PGA") },
        Engine::Vcs => const { named("VCS_RING_HWS_PGA") },
        Engine::Vcs1 => const { named("VCS1_RING_HWS_PGA") },
        Engine::Vecs => const { named("VECS_RING_HWS_PGA") },
    }
}
