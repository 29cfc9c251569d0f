// SPDX-License-Identifier: GPL-2.0 OR MIT
//! That the host half in the kernel keeps its contract.

use anyhow::Result;

use super::{checks, gem_work};
use crate::kernel::Flavour;
use crate::suite::{Context, Count};

/// The conformance checks, with a GPU that sleeps at run time, and reservations that survive
/// reset, sleep and suspend.
pub fn kept(context: &Context, flavour: Flavour) -> Result<Count> {
    let overlay = gem_work::overlay(context)?;
    let mut guest = checks::host(context, flavour, checks::HEADLESS)?;
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    checks::run(&guest, include_str!("../../../vm/scenario/contract.sh"))
}
