// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The end of a time slice: a context of the host's own makes room for one that waits.
//!
//! Contexts of clients are never interrupted: i915 gives the engine nothing else from their first
//! command to the last.

use super::engines::{scheduled, ContextId, NO_CLIENT};
use super::{locked, Card};
use gen9_gpu::gpu::DEFAULT_SLICE;
use gen9_gpu::EngineId;
use iface::events::{HOST_CONTEXT_OUT, OUTCOME_DONE};

/// Slices of the GPU that the context on the engine has to get to a place where it can be
/// interrupted.
const SLICES: usize = 1000;

impl Card {
    /// Whether a context waits for an engine that has another one.
    pub fn waits(&self, id: EngineId) -> bool {
        let state = locked(&self.engines.0);
        let mut units = state.units.iter();
        units.any(|unit| unit.id() == id && unit.running.is_some() && !unit.queue.is_empty())
    }

    /// Whether a context executes nothing, and will not.
    pub fn is_idle(&self, ContextId(id): ContextId) -> bool {
        let state = locked(&self.engines.0);
        state.contexts[&id].request.is_none()
    }

    /// Gives an engine the context that waits for it, if the one on it is the host's own; that goes
    /// on later where it was. Whether there was one to be interrupted.
    ///
    /// # Panics
    ///
    /// If the context on the engine does not get to a place where it can be interrupted.
    pub fn preempt(&self, id: EngineId) -> bool {
        let mut state = locked(&self.engines.0);
        let Some(index) = state.units.iter().position(|unit| unit.id() == id) else {
            return false;
        };
        let Some(running) = state.units[index].running else {
            return false;
        };
        if state.contexts[&running].handle != NO_CLIENT {
            return false;
        }
        let Some(next) = state.units[index].queue.pop_front() else {
            return false;
        };
        state.put_on(self, index, next);
        let gone = (0..SLICES).find_map(|_| {
            self.machine.gpu().run(DEFAULT_SLICE);
            state.units[index].has_gone(running)
        });
        let is_complete = gone.expect("it gets to a place where it can be interrupted");
        if is_complete {
            state.leave(self, index, OUTCOME_DONE);
        } else {
            scheduled(self, id, NO_CLIENT, HOST_CONTEXT_OUT);
            state.units[index].queue.push_back(running);
        }
        state.units[index].running = Some(next);
        !is_complete
    }
}
