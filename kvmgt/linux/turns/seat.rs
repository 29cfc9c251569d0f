// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The turns of a GPU as one of its vGPUs has them.

use super::{state::Place, Turns};
use crate::{
    c,
    job::{Job, JobRef},
};
use core::ptr::NonNull;
use iface::client::Outcome;
use kernel::prelude::*;
use kvmgt_core::{
    hardware::Engine,
    schedule::{self, Submitted, Tag, Weight},
    vgpu::shares::VgpuId,
};

/// A vGPU's place among the turns of its GPU.
#[derive(Clone, Copy)]
pub(crate) struct Seat<'t> {
    pub(crate) turns: &'t Turns,
    pub(crate) id: VgpuId,
}

impl Seat<'_> {
    /// Has `job` queued when there is something to do for the vGPU.
    ///
    /// # Safety
    ///
    /// The job stays until [`rise`](Self::rise) was called.
    pub(crate) unsafe fn sit(&self, job: NonNull<Job>) {
        self.turns.with(|state, _| {
            if let Some(place) = state.place(self.id) {
                *place = Place {
                    // SAFETY: by this function's own requirement; `rise` takes it out.
                    job: Some(unsafe { JobRef::new(job) }),
                    ..Place::default()
                };
            }
        });
    }

    /// Queues the job no more.
    pub(crate) fn rise(&self) {
        self.turns.with(|state, _| {
            if let Some(place) = state.place(self.id) {
                *place = Place::default();
            }
        });
    }

    /// Something that has ended and that the vGPU was not told of.
    pub(crate) fn take_mail(&self) -> Option<(Tag, Outcome)> {
        self.turns.with(|state, _| {
            let mut mail = state.place(self.id)?.mail.iter_mut();
            mail.find_map(Option::take)
        })
    }
}

impl schedule::Turns for Seat<'_> {
    fn join(&self, id: VgpuId, weight: Weight) -> Result {
        self.turns.with(|state, _| state.roster.join(id, weight))
    }

    fn leave(&self, id: VgpuId) {
        self.turns.with(|state, now| {
            state.roster.leave(id, now);
            state.tick_all(now);
        });
    }

    fn ready(&self, engine: Engine, id: VgpuId, is_ready: bool) {
        self.turns.with(|state, now| {
            let order = state.roster.set_ready(engine, id, is_ready, now);
            // It asks itself whether it is its turn.
            state.follow(engine, order, Some(id));
        });
    }

    fn take(&self, engine: Engine, id: VgpuId) -> bool {
        self.turns.with(|state, _| state.roster.take(engine, id))
    }

    fn started(&self, submitted: Submitted) {
        let Tag { id, engine, .. } = submitted.tag;
        c::trace_workload_start(id.number(), engine.name(), submitted.context);
        self.turns.with(|state, now| {
            let order = state.roster.started(submitted, now);
            state.follow(engine, order, None);
        });
    }

    fn gave_up(&self, engine: Engine) -> bool {
        self.turns.with(|state, now| {
            let (order, has_slept) = state.roster.gave_up(engine, now);
            state.follow(engine, order, None);
            has_slept
        })
    }

    fn await_end(&self, tag: Tag) -> Outcome {
        let mut state = self.turns.state.lock();
        loop {
            let Some(place) = state.place(tag.id).filter(|place| place.job.is_some()) else {
                // Nobody is told of what a vGPU that is closed submitted.
                return Outcome::Cancelled;
            };
            let mail = place.mail.get_mut(tag.engine.index());
            if let Some(mail) = mail {
                if let Some((_, outcome)) = mail.take_if(|(other, _)| *other == tag) {
                    return outcome;
                }
            }
            self.turns.ended.wait(&mut state);
        }
    }
}
