// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What users see of a GPU in sysfs, turned off and on, awake and asleep.

use anyhow::Result;

use super::checks;
use crate::kernel::Flavour;
use crate::suite::{Context, Count};

/// `gvt_status`, the attributes of the device, and the lines of a kvmgt without a GPU.
pub fn states(context: &Context, flavour: Flavour) -> Result<Count> {
    let guest = checks::host(context, flavour, checks::HEADLESS)?.without_i915();
    checks::run(&guest, include_str!("../../../vm/scenario/power.sh"))
}
