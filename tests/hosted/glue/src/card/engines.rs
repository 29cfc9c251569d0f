// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Logical contexts of clients, and the engines that execute them.
//!
//! An engine has one of them at a time; those that follow wait here. Nothing goes on by itself:
//! [`Card::run_engines`] is what an interrupt and its bottom half are to i915. So is
//! [`Card::run_slice`], for a thread that does nothing else.

use super::image;
use super::reach;
use super::regions::Region;
use super::unit::{self, Unit};
use super::{engine_mask, locked, Card};
use gen9_gpu::clock::Cycles;
use gen9_gpu::gpu::DEFAULT_SLICE;
use gen9_gpu::{Activity, EngineId, MmioOffset};
use gvt_host::world::{no_default_state, Made};
use gvt_host::{events, World};
use iface::events::{
    HOST_CONTEXT_IN, HOST_CONTEXT_OUT, OUTCOME_CANCELLED, OUTCOME_DONE, OUTCOME_HUNG,
};
use iface::image::DWORD;
use iface::types::GGTT_PAGE_SIZE;
use kernel::alloc::flags::GFP_KERNEL;
use kernel::alloc::KBox;
use kernel::error::code::{EINVAL, EIO, ENOSPC};
use kernel::error::Result;
use kernel::testing::{in_atomic_context, might_sleep};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

/// Slices of the GPU that are waited for a context.
const SLICES: usize = 1000;
/// Bytes that stay free in a ring, so that its tail never reaches its head.
const GAP: u64 = 64;

/// What a context is known by that is not a client's.
pub(super) const NO_CLIENT: u64 = 0;

/// Names a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextId(pub(super) u32);

/// A context.
pub(super) struct Context {
    pub(super) engine: EngineId,
    pub(super) handle: u64,
    pub(super) image: Region,
    pub(super) ring: Region,
    killed: bool,
    /// What it executes, or will.
    pub(super) request: Option<KBox<Request>>,
    /// Cycles that the GPU has counted for it, or for one before it at that address, and that were
    /// asked for.
    pub(super) counted: Cycles,
}

/// Something to be executed.
pub(super) struct Request {
    root: u64,
    bytes: u32,
    /// It has been on the engine: its image says where it goes on.
    pub(super) is_begun: bool,
}

/// An end that is to be told.
struct Ended {
    handle: u64,
    outcome: u32,
}

#[derive(Default)]
pub(super) struct State {
    /// Those that were used.
    pub(super) units: Vec<Unit>,
    pub(super) contexts: BTreeMap<u32, KBox<Context>>,
    last: u32,
    ended: VecDeque<Ended>,
    /// There is no default state.
    forgotten: bool,
}

/// The engines of a card. The lock is one that may be taken anywhere.
#[derive(Default)]
pub(super) struct Engines(pub(super) Mutex<State>);

impl Card {
    /// Lets the engines execute what they have, tells how it ended, and goes on with what follows,
    /// until nothing ends any more; whether something still executes.
    pub fn run_engines(&self) -> Activity {
        loop {
            let (activity, ended) = self.turn(|card| card.settle());
            if !ended {
                return activity;
            }
        }
    }

    /// Lets the engines execute what they have for one slice of the GPU's time, and tells what has
    /// ended then; what they did. No lock is held while the client is told.
    ///
    /// A thread that lets the GPU execute calls it by turns with [`Shared::rest`].
    ///
    /// [`Shared::rest`]: gen9_gpu::Shared::rest
    pub fn run_slice(&self) -> Activity {
        let (activity, ended) = self.turn(|card| card.machine.shared().slice());
        match ended {
            // Who was told may have submitted more.
            true => Activity::Busy,
            false => activity,
        }
    }

    /// Gives engines what waits for them, has them execute, and tells what has ended; what they did,
    /// and whether something has ended.
    fn turn(&self, execute: impl FnOnce(&Self) -> Activity) -> (Activity, bool) {
        might_sleep("telling the ends of submissions");
        {
            let mut state = locked(&self.engines.0);
            state.cancel_killed(self);
            state.start(self);
        }
        // Without the lock, so that whoever submits does not wait for engines.
        let activity = execute(self);
        let ended = {
            let mut state = locked(&self.engines.0);
            state.collect(self);
            std::mem::take(&mut state.ended)
        };
        let any = !ended.is_empty();
        for Ended { handle, outcome } in ended {
            events::submit_done(self, handle, outcome);
        }
        (activity, any)
    }

    /// Runs the GPU until its engines are idle, or all wait and none gets any further.
    fn settle(&self) -> Activity {
        let units: Vec<MmioOffset> = {
            let state = locked(&self.engines.0);
            state.units.iter().map(|unit| unit.command()).collect()
        };
        if units.is_empty() {
            return Activity::Idle;
        }
        let mut gpu = self.machine.gpu();
        let mut places = Vec::new();
        for _ in 0..SLICES {
            match gpu.run(DEFAULT_SLICE) {
                Activity::Idle => return Activity::Idle,
                Activity::Busy => places.clear(),
                // What one engine waits for another one may have done in this slice.
                Activity::Waiting => {
                    let now: Vec<u32> = units.iter().map(|at| gpu.read32(*at)).collect();
                    if places == now {
                        return Activity::Waiting;
                    }
                    places = now;
                }
            }
        }
        Activity::Busy
    }

    /// Gives up the context on an engine, as i915 does when the engine makes no progress: the engine
    /// is reset. Whether there was one. The end is told by [`run_engines`](Self::run_engines).
    pub fn declare_hung(&self, id: EngineId) -> bool {
        let mut state = locked(&self.engines.0);
        let runs = |unit: &Unit| unit.id() == id && unit.running.is_some();
        let hung = state.units.iter().any(runs);
        if hung {
            state.reset(self, id, OUTCOME_HUNG);
            drop(state);
            self.machine.shared().call();
        }
        hung
    }

    /// Resets an engine, whatever it does; what it executes hung.
    pub(crate) fn reset_engine(&self, id: EngineId) {
        locked(&self.engines.0).reset(self, id, OUTCOME_HUNG);
    }

    /// All engines were reset, and programmed as if nothing were to be executed: what was on them
    /// hung.
    pub(crate) fn engines_were_reset(&self) {
        let mut state = locked(&self.engines.0);
        for index in 0..state.units.len() {
            state.leave(self, index, OUTCOME_HUNG);
            state.units[index].set_up(&self.machine);
        }
    }

    /// The machine is about to sleep: what still executes is lost.
    pub(crate) fn stop_engines(&self) {
        let mut state = locked(&self.engines.0);
        for index in 0..state.units.len() {
            state.leave(self, index, OUTCOME_CANCELLED);
            while let Some(id) = state.units[index].queue.pop_front() {
                state.end(self, id, OUTCOME_CANCELLED);
            }
        }
        drop(state);
        self.run_engines();
    }

    /// The machine has slept: the card's own part of the GGTT and its engines are programmed again.
    pub(crate) fn restore_engines(&self) {
        self.regions.restore();
        for unit in &mut locked(&self.engines.0).units {
            unit.set_up(&self.machine);
        }
    }

    /// From now on no engine has a default state, or each has again.
    pub fn forget_default_states(&self, forgotten: bool) {
        locked(&self.engines.0).forgotten = forgotten;
    }

    fn engine_of(&self, mask: u32) -> Result<EngineId> {
        let mut engines = self
            .machine
            .model()
            .engines(self.machine.options().device_id);
        engines.find(|id| engine_mask(*id) == mask).ok_or(EINVAL)
    }

    pub(super) fn create_context(
        &self,
        engine: u32,
        commands: u64,
        handle: u64,
    ) -> Result<Made<ContextId>> {
        might_sleep("making a context");
        let engine = self.engine_of(engine)?;
        let mut state = locked(&self.engines.0);
        let default = state.unit(self, engine)?.default().to_vec();
        let size = default.len() as u64;
        let pages = (commands * DWORD + GAP).div_ceil(GGTT_PAGE_SIZE);
        let (image, ring) = (
            self.regions.alloc(size / GGTT_PAGE_SIZE)?,
            self.regions.alloc(pages)?,
        );
        image.write(0, &default);
        let counted = reach::busy(&self.machine, engine, &image);
        let commands = (ring.size() - GAP) / DWORD;
        let context = Context {
            engine,
            handle,
            image,
            ring,
            killed: false,
            request: None,
            counted,
        };
        let context = KBox::new(context, GFP_KERNEL)?;
        let id = state.last.checked_add(1).ok_or(ENOSPC)?;
        state.last = id;
        state.contexts.insert(id, context);
        Ok(Made {
            context: ContextId(id),
            image: size,
            commands,
        })
    }

    pub(super) fn destroy_context(&self, ContextId(id): ContextId) {
        might_sleep("waiting for an engine to let go of a context");
        let mut state = locked(&self.engines.0);
        state.drop_request(self, id, OUTCOME_CANCELLED);
        // Whoever destroys it does not want to know any more.
        let gone = state.contexts.remove(&id);
        state.start(self);
        assert!(
            gone.is_some(),
            "context {id} is destroyed that is not there"
        );
    }

    /// Runs `f` on the image of a context that executes nothing.
    pub(super) fn with_image(&self, ContextId(id): ContextId, f: impl FnOnce(&Region)) {
        let state = locked(&self.engines.0);
        let context = &state.contexts[&id];
        assert!(context.request.is_none(), "context {id} executes something");
        f(&context.image);
    }

    pub(super) fn submit_context(
        &self,
        ContextId(id): ContextId,
        root: u64,
        commands: &[&[u32]],
    ) -> Result {
        // As long as it executes the GPU does not sleep.
        self.wake_get()?;
        let result = self.queue(id, root, commands);
        if result.is_err() {
            self.wake_put();
        }
        result
    }

    fn queue(&self, id: u32, root: u64, commands: &[&[u32]]) -> Result {
        let dwords: usize = commands.iter().map(|segment| segment.len()).sum();
        let bytes = u32::try_from(dwords as u64 * DWORD)?;
        let is_begun = false;
        let request = Request {
            root,
            bytes,
            is_begun,
        };
        let request = KBox::new(request, GFP_KERNEL)?;
        let mut state = locked(&self.engines.0);
        let context = state.contexts.get_mut(&id).expect("it was made");
        assert!(context.request.is_none(), "context {id} executes something");
        if context.killed {
            return Err(EIO);
        }
        let mut first = 0;
        for segment in commands {
            context.ring.store(first, segment);
            first += segment.len() as u64;
        }
        context.request = Some(request);
        let engine = context.engine;
        state.unit(self, engine)?.queue.push_back(id);
        state.start(self);
        Ok(())
    }

    pub(super) fn kill_context(&self, ContextId(id): ContextId) {
        let mut state = locked(&self.engines.0);
        if let Some(context) = state.contexts.get_mut(&id) {
            context.killed = true;
        }
        drop(state);
        self.machine.shared().call();
    }
}

impl State {
    /// An engine, which is set up if it was not yet.
    fn unit(&mut self, card: &Card, id: EngineId) -> Result<&mut Unit> {
        if self.forgotten {
            return Err(no_default_state());
        }
        let index = match self.units.iter().position(|unit| unit.id() == id) {
            Some(index) => index,
            None => {
                let unit = Unit::new(&card.machine, &card.regions, id)?;
                self.units.push(unit);
                self.units.len() - 1
            }
        };
        Ok(&mut self.units[index])
    }

    /// Gives each engine that has nothing the next context.
    fn start(&mut self, card: &Card) {
        for index in 0..self.units.len() {
            if self.units[index].running.is_some() {
                continue;
            }
            let Some(id) = self.units[index].queue.pop_front() else {
                continue;
            };
            self.units[index].running = Some(id);
            self.put_on(card, index, id);
        }
    }

    /// Puts a context on an engine, at its beginning, or where it was interrupted.
    pub(super) fn put_on(&mut self, card: &Card, index: usize, id: u32) {
        let unit = &self.units[index];
        let context: &mut Context = self.contexts.get_mut(&id).expect("it was made");
        let request = context.request.as_mut().expect("it was queued");
        if !std::mem::replace(&mut request.is_begun, true) {
            image::program(&context.image, &context.ring, request.root, request.bytes);
        }
        scheduled(card, unit.id(), context.handle, HOST_CONTEXT_IN);
        unit.submit(&card.machine, &context.image, id);
    }

    /// Looks which contexts have executed everything.
    fn collect(&mut self, card: &Card) {
        for index in 0..self.units.len() {
            let unit = &mut self.units[index];
            if unit.running.is_some_and(|id| unit.has_completed(id)) {
                self.leave(card, index, OUTCOME_DONE);
            }
        }
    }

    /// Ends what was killed.
    fn cancel_killed(&mut self, card: &Card) {
        let killed: Vec<u32> = self
            .contexts
            .iter()
            .filter(|(_, context)| context.killed)
            .map(|(id, _)| *id)
            .collect();
        for id in killed {
            self.drop_request(card, id, OUTCOME_CANCELLED);
        }
    }

    /// Sees to it that a context executes nothing any more.
    fn drop_request(&mut self, card: &Card, id: u32, outcome: u32) {
        let Some(context) = self.contexts.get(&id) else {
            return;
        };
        if context.request.is_none() {
            return;
        }
        let engine = context.engine;
        let unit = self.units.iter_mut().find(|unit| unit.id() == engine);
        let unit = unit.expect("what executes has an engine");
        if unit.running == Some(id) {
            self.reset(card, engine, outcome);
        } else {
            unit.queue.retain(|queued| *queued != id);
            self.end(card, id, outcome);
        }
    }

    /// Resets an engine; what was on it ends so.
    fn reset(&mut self, card: &Card, id: EngineId, outcome: u32) {
        unit::reset(&card.machine, id);
        if let Some(index) = self.units.iter().position(|unit| unit.id() == id) {
            self.leave(card, index, outcome);
            self.units[index].set_up(&card.machine);
        }
    }

    /// The context on an engine, if there is one, has gone from it.
    pub(super) fn leave(&mut self, card: &Card, index: usize, outcome: u32) {
        let unit = &mut self.units[index];
        if let Some(id) = unit.running.take() {
            scheduled(card, unit.id(), self.contexts[&id].handle, HOST_CONTEXT_OUT);
            self.end(card, id, outcome);
        }
    }

    /// A submission has ended.
    fn end(&mut self, card: &Card, id: u32, outcome: u32) {
        let Some(context) = self.contexts.get_mut(&id) else {
            return;
        };
        let request = context.request.take();
        assert!(request.is_some(), "context {id} ends that executes nothing");
        let handle = context.handle;
        self.ended.push_back(Ended { handle, outcome });
        card.wake_put();
    }
}

/// Tells the client of a context that is not its own, as i915 does: under the lock of its scheduler,
/// interrupts off.
pub(super) fn scheduled(card: &Card, id: EngineId, handle: u64, event: u32) {
    if handle == NO_CLIENT {
        in_atomic_context(|| events::host_context(card, engine_mask(id), event));
    }
}
