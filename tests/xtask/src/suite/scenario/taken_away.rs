// SPDX-License-Identifier: GPL-2.0 OR MIT
//! That a GPU can be taken away from whoever holds a vGPU of it.

use anyhow::Result;

use super::{checks, program, synthetic};
use crate::kernel::Flavour;
use crate::program::GEM_WORK;
use crate::suite::{Context, Count};

/// Modules that are in use, and unbinding that waits for the holder and for nothing else.
pub fn from_its_holder(context: &Context, flavour: Flavour) -> Result<Count> {
    let overlay = program::overlay(context, &[synthetic::PROGRAM, GEM_WORK])?;
    let mut guest = checks::host(context, flavour, checks::HEADLESS)?;
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    checks::run(&guest, include_str!("../../../vm/scenario/taken_away.sh"))
}
