// SPDX-License-Identifier: GPL-2.0 OR MIT
//! That vGPUs are to mdev, and to its tools, what users know.

use std::time::Duration;

use anyhow::Result;

use super::{checks, gem_work};
use crate::kernel::Flavour;
use crate::suite::{Context, Count};

/// How long it usually takes to make a vGPU and to remove it.
const CYCLE: Duration = Duration::from_millis(300);
/// What is done to vGPUs that nobody opens.
const SCRIPT: &str = include_str!("../../../vm/scenario/mdev.sh");

/// Creating and removing by hand and by mdevctl, and so many times of that.
pub fn as_users_know_it(context: &Context, flavour: Flavour, cycles: u32) -> Result<Count> {
    let overlay = gem_work::overlay(context)?;
    let mut guest = checks::host(context, flavour, checks::HEADLESS)?;
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    // Ten times what a cycle usually takes, beside what all scenarios have.
    let longer = CYCLE.saturating_mul(cycles.saturating_mul(10));
    guest.vm.timeout = guest.vm.timeout.map(|time| time.saturating_add(longer));
    checks::run(&guest, &format!("MIB=256 CYCLES={cycles}\n{SCRIPT}"))
}

/// The types of GPUs with that large an aperture, and as many of one as there can be.
pub fn types(context: &Context, mib: u32) -> Result<Count> {
    let gpu = format!("{},aperture={mib}M", checks::HEADLESS);
    let guest = checks::host(context, Flavour::Plain, &gpu)?;
    checks::run(&guest, &format!("MIB={mib} CYCLES=0\n{SCRIPT}"))
}
