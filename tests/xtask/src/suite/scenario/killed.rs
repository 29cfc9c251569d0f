// SPDX-License-Identifier: GPL-2.0 OR MIT
//! That a VMM which is killed leaves nothing of its vGPU behind.

use anyhow::Result;

use super::{checks, program, synthetic};
use crate::kernel::Flavour;
use crate::program::GEM_WORK;
use crate::suite::{Context, Count};

/// Kills so many, each at another point of what it does.
pub fn at_any_point(context: &Context, flavour: Flavour, rounds: u32) -> Result<Count> {
    let overlay = program::overlay(context, &[synthetic::PROGRAM, GEM_WORK])?;
    let mut guest = checks::host(context, flavour, checks::HEADLESS)?;
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    let script = include_str!("../../../vm/scenario/killed.sh");
    checks::run(&guest, &format!("ROUNDS={rounds}\n{script}"))
}
