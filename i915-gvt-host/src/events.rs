// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What i915 tells the client, and what is restored before.
//!
//! Each function is called by a hook; its text says where.

use crate::table;
use crate::world::World;
use crate::{contexts, fences, ggtt};

/// i915 has written its own fence registers again (after a reset, a resume, a runtime resume), and
/// zeroed those of the client.
pub fn fences_lost<W: World>(world: &W) {
    fences::restore(world);
}

/// i915 has written the GGTT again after a suspend.
pub fn ggtt_lost<W: World>(world: &W) {
    ggtt::restore(world);
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

/// A context of the host's is about to be loaded to the engine with mask `engine`, or has gone from it:
/// `event` is one of `HOST_CONTEXT_*`. Any context.
pub fn host_context<W: World>(world: &W, engine: u32, event: u32) {
    world.with_client(|client| table::host_context(client, engine, event));
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
