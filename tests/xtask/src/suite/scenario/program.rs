// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Programs of ours that run inside VMs of tests.

use anyhow::Result;
use tempfile::TempDir;

use crate::program;
use crate::suite::Context;

/// Builds programs and returns an overlay for a VM that has them.
pub fn overlay(context: &Context, programs: &[&str]) -> Result<TempDir> {
    program::overlay(programs, |step, cargo, line| {
        context.step(step, cargo, line).map(drop)
    })
}
