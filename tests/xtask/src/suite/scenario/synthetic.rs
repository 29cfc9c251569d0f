// SPDX-License-Identifier: GPL-2.0 OR MIT
//! That a vGPU of the kernel's is to a VFIO client what the guest contract says.

use anyhow::Result;

use super::{checks, program};
use crate::kernel::Flavour;
use crate::program::GEM_WORK;
use crate::suite::{Context, Count};

/// The program that is the client, and the name of the package that has it.
pub const PROGRAM: &str = "synthetic-guest";

/// All checks of the synthetic guest, with a KVM and without; its death.
pub fn checks_hold(context: &Context, flavour: Flavour) -> Result<Count> {
    let overlay = program::overlay(context, &[PROGRAM, GEM_WORK])?;
    let mut guest = checks::host(context, flavour, checks::HEADLESS)?;
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    checks::run(&guest, include_str!("../../../vm/scenario/synthetic.sh"))
}
