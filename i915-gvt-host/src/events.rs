// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What i915 tells the client, and what is restored before.
//!
//! Each function is called by a hook; its text says where.

use crate::table;
use crate::world::World;
use crate::{contexts, fences, ggtt};
use iface::events::{RESET_DONE, RESET_PREPARE};

/// i915 has written its own fence registers again (after a reset, a resume, a runtime resume), and
/// zeroed those of the client.
pub fn fences_lost<W: World>(world: &W) {
    fences::restore(world);
}

/// i915 has written the GGTT again after a suspend.
pub fn ggtt_lost<W: World>(world: &W) {
    ggtt::restore(world);
}

/// Engines are about to be reset. Any context.
pub fn reset_prepare<W: World>(world: &W, engines: u32) {
    world.with_client(|client| table::gpu_reset(client, engines, RESET_PREPARE));
}

/// Engines were reset, and everything is restored. Any context.
pub fn reset_done<W: World>(world: &W, engines: u32) {
    world.with_client(|client| table::gpu_reset(client, engines, RESET_DONE));
}

/// The host is about to suspend. May sleep.
///
/// Until [`resume`] nothing is submitted.
pub fn suspend<W: World>(world: &W) {
    // First: what the client ends with is still executed.
    world.with_client(table::suspend);
    world.with_state(|state| state.suspended = true);
}

/// The host has resumed. May sleep.
pub fn resume<W: World>(world: &W) {
    world.with_state(|state| state.suspended = false);
    world.with_client(table::resume);
}

/// A context is about to be loaded to the engine with mask `engine`, or has gone from it: `event` is
/// one of `SCHEDULE_*`. Any context.
///
/// `handle` is what [`World::context_create`] was given, or 0 for a context that is not the client's.
pub fn schedule<W: World>(world: &W, engine: u32, handle: u64, event: u32) {
    world.with_client(|client| table::schedule_event(client, engine, handle, event));
}

/// A submission has ended: `outcome` is one of `OUTCOME_*`. May sleep.
///
/// The client may destroy the context before this returns. Of a context that is gone nothing is told.
pub fn submit_done<W: World>(world: &W, handle: u64, outcome: u32) {
    // Inside, so that the client that is told is the one whose context it was.
    world.with_client(|client| {
        if let Some((tag, outcome)) = contexts::ended(world, handle, outcome) {
            table::submit_done(client, handle, tag, outcome);
        }
    });
}
