// SPDX-License-Identifier: GPL-2.0 OR MIT
//! That kvmgt shows the same golden state whenever it is loaded.

use anyhow::Result;

use super::{checks, gem_work};
use crate::kernel::Flavour;
use crate::suite::{Context, Count};

/// At once; after modeset and work on every engine; after i915 was unbound and bound; after a
/// reset.
pub fn same_golden_state(context: &Context, flavour: Flavour) -> Result<Count> {
    let overlay = gem_work::overlay(context)?;
    let mut guest = checks::host(context, flavour, "kbl")?.without_i915();
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    checks::run(&guest, include_str!("../../../vm/scenario/anytime.sh"))
}
