// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What i915 tells the client, and what is restored before.
//!
//! Each function is called by a hook; its text says where.

use crate::table;
use crate::world::World;
use crate::{fences, ggtt};
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
pub fn suspend<W: World>(world: &W) {
    world.with_client(table::suspend);
}

/// The host has resumed. May sleep.
pub fn resume<W: World>(world: &W) {
    world.with_client(table::resume);
}
