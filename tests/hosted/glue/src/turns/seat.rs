// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What one vGPU sees of the schedules.

use super::{kill, place, wait, Turns};
use iface::client::Outcome;
use kernel::error::Result;
use kvmgt_core::hardware::Engine;
use kvmgt_core::host::Host;
use kvmgt_core::schedule::time::Time;
use kvmgt_core::schedule::{self, Order, Roster, Submitted, Tag, Weight};
use kvmgt_core::vgpu::shares::VgpuId;

/// The schedules of a GPU, for one vGPU, which is locked by whoever uses it.
pub struct Seat<'a> {
    turns: &'a Turns<'a>,
    id: VgpuId,
    host: &'a dyn Host,
}

impl<'a> Seat<'a> {
    pub(super) fn new(turns: &'a Turns<'a>, id: VgpuId, host: &'a dyn Host) -> Self {
        Self { turns, id, host }
    }

    /// Asks an engine's schedule, and does what it orders.
    fn ask(&self, engine: Engine, question: impl FnOnce(&mut Roster, Time) -> Order) {
        let mut state = self.turns.lock();
        let order = question(&mut state.roster, self.turns.now());
        let killed = self.turns.follow(&mut state, engine, order);
        drop(state);
        if let Some(late) = killed {
            kill(self.host, late);
        }
    }
}

impl schedule::Turns for Seat<'_> {
    fn join(&self, id: VgpuId, weight: Weight) -> Result {
        self.turns.lock().roster.join(id, weight)
    }

    fn leave(&self, id: VgpuId) {
        let now = self.turns.now();
        self.turns.lock().roster.leave(id, now);
        for engine in Engine::ALL {
            self.ask(engine, |roster, now| roster.tick(engine, now));
        }
    }

    fn ready(&self, engine: Engine, id: VgpuId, is_ready: bool) {
        self.ask(engine, |roster, now| {
            let order = roster.set_ready(engine, id, is_ready, now);
            Order {
                // Whose turn it becomes by its own word finds that by itself.
                wake: order.wake.filter(|woken| *woken != self.id),
                ..order
            }
        });
    }

    fn take(&self, engine: Engine, id: VgpuId) -> bool {
        let mut state = self.turns.lock();
        let has_taken = state.roster.take(engine, id);
        if has_taken {
            state.engines[engine.index()].taken = Some(self.turns.now());
        }
        has_taken
    }

    fn started(&self, submitted: Submitted) {
        self.ask(submitted.tag.engine, |roster, now| {
            roster.started(submitted, now)
        });
    }

    fn gave_up(&self, engine: Engine) -> bool {
        let mut has_slept = false;
        self.ask(engine, |roster, now| {
            let (order, slept) = roster.gave_up(engine, now);
            has_slept = slept;
            order
        });
        has_slept
    }

    fn await_end(&self, tag: Tag) -> Outcome {
        let mut state = self.turns.lock();
        loop {
            if let Some(outcome) = state.inbox(tag.id).take(tag) {
                return outcome;
            }
            if state.is_over {
                return Outcome::Cancelled;
            }
            state = wait(&self.turns.inboxes[place(tag.id)], state);
        }
    }
}
