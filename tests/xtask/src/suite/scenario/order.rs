// SPDX-License-Identifier: GPL-2.0 OR MIT
//! That kvmgt and i915 come and go in any order, any number of times.

use anyhow::Result;

use super::{checks, gem_work};
use crate::kernel::Flavour;
use crate::suite::{Context, Count};

/// Load, unload, bind and unbind in all orders, against readers and resets, and 100 cycles.
pub fn any_order(context: &Context, flavour: Flavour) -> Result<Count> {
    let overlay = gem_work::overlay(context)?;
    let mut guest = checks::host(context, flavour, checks::HEADLESS)?.without_i915();
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    checks::run(&guest, include_str!("../../../vm/scenario/order.sh"))
}
