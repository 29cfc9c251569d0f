// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The program that gives GPUs work inside VMs.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::command;
use crate::gpu_server;
use crate::suite::Context;

/// The program, and the name of the package that has it.
const PROGRAM: &str = "gem-work";
/// The target whose C library can be linked statically.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Where VMs find the program: in the path of root.
const FOLDER: &str = "usr/local/bin";

/// Builds the program and returns an overlay for a VM that has it.
///
/// It is linked statically: the roots of VMs are of other releases than this machine.
pub fn overlay(context: &Context) -> Result<TempDir> {
    let mut program = None;
    let mut cargo = command::cargo();
    cargo
        .args(["build", "--release", "--package", PROGRAM])
        .args(["--target", TARGET])
        .arg("--message-format=json-render-diagnostics")
        .env("RUSTFLAGS", "-C target-feature=+crt-static");
    context.step("gem-work-build", &mut cargo, |line| {
        program = gpu_server::executable(line).or(program.take());
    })?;
    let program = program.with_context(|| format!("cargo named no program {PROGRAM}"))?;
    let overlay = tempfile::tempdir()?;
    place(&program, &overlay.path().join(FOLDER))?;
    Ok(overlay)
}

fn place(program: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    fs::copy(program, folder.join(PROGRAM))
        .with_context(|| format!("cannot copy {}", program.display()))?;
    Ok(())
}
