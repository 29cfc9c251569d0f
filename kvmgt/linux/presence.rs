// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is said at load time when there is nothing to bind to.

use crate::c::Gpu;
use kernel::{
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
};
use kvmgt_core::message::{NotOffered, Waiting};

/// Whether a device was ever there to bind to.
static PROBED: Atomic<bool> = Atomic::new(false);

/// Notes that a device is there.
pub(crate) fn probed() {
    PROBED.store(true, Relaxed);
}

/// Says for each GPU that i915 drives without offering GVT-g where the reason can be read, or, if
/// it drives none, that kvmgt waits for one. GPUs that are offered were reported by their probe.
pub(crate) fn report() {
    let mut found = PROBED.load(Relaxed);
    Gpu::for_each(|gpu| {
        found = true;
        if !gpu.has_gvt_device() {
            pr_info!("{}\n", format_args!("{}", NotOffered(gpu.name())));
        }
    });
    if !found {
        pr_info!("{}\n", format_args!("{Waiting}"));
    }
}
