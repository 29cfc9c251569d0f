// SPDX-License-Identifier: GPL-2.0 OR MIT
//! That a vGPU of the kernel's is to a VFIO client what the guest contract says.

use std::time::Duration;

use anyhow::Result;

use super::{checks, program};
use crate::kernel::Flavour;
use crate::program::GEM_WORK;
use crate::suite::{Context, Count};

/// The program that is the client, and the name of the package that has it.
pub const PROGRAM: &str = "synthetic-guest";

/// A GPU that seven vGPUs of the smallest type fit on.
const LARGE: &str = "kbl,display=off,aperture=1G";
/// Caches that are not shared tell at the end of i915 what was not freed.
const NO_MERGE: &str = "slab_nomerge";

/// How long all checks may take at least: six times all of them, each pixel by QEMU's translator.
const PATIENCE: Duration = Duration::from_secs(3600);

/// All checks of the synthetic guest, with a KVM and without; its death.
pub fn checks_hold(context: &Context, flavour: Flavour) -> Result<Count> {
    let overlay = program::overlay(context, &[PROGRAM, GEM_WORK])?;
    let mut guest = checks::host(context, flavour, checks::HEADLESS)?;
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    guest.vm.timeout = guest.vm.timeout.max(Some(PATIENCE));
    checks::run(&guest, include_str!("../../../vm/scenario/synthetic.sh"))
}

/// Seven at once, which let the engines work for so many rounds.
pub fn seven(context: &Context, rounds: u32) -> Result<Count> {
    let overlay = program::overlay(context, &[PROGRAM, GEM_WORK])?;
    let mut guest = checks::host(context, Flavour::Plain, LARGE)?;
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    guest.vm.append = format!("{} {NO_MERGE}", guest.vm.append);
    let script = include_str!("../../../vm/scenario/synthetic_seven.sh");
    checks::run(&guest, &format!("ROUNDS={rounds}\n{script}"))
}
