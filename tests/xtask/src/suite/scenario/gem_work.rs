// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The program that gives GPUs work inside VMs.

use anyhow::Result;
use tempfile::TempDir;

use super::program;
use crate::suite::Context;

/// The program, and the name of the package that has it.
pub const PROGRAM: &str = "gem-work";

/// Builds the program and returns an overlay for a VM that has it.
pub fn overlay(context: &Context) -> Result<TempDir> {
    program::overlay(context, &[PROGRAM])
}
