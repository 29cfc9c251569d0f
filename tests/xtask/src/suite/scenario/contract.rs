// SPDX-License-Identifier: GPL-2.0 OR MIT
//! That the host half in the kernel keeps its contract.

use anyhow::Result;

use super::checks;
use crate::kernel::Flavour;
use crate::suite::{Context, Count};

/// The conformance checks, with a GPU that sleeps at run time, and reservations that survive
/// reset, sleep and suspend.
pub fn kept(context: &Context, flavour: Flavour) -> Result<Count> {
    let guest = checks::host(context, flavour, checks::HEADLESS)?;
    checks::run(&guest, include_str!("../../../vm/scenario/contract.sh"))
}
