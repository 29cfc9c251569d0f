// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Programs of ours that run inside VMs.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::cache::Cache;
use crate::command;
use crate::gpu_server;
use crate::progress::Step;

/// The program that gives GPUs work through i915, and the name of the package that has it.
pub const GEM_WORK: &str = "gem-work";
/// The program that shows known pictures, and the name of its package.
pub const KMS_DRAW: &str = "kms-draw";

/// The target whose C library can be linked statically.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Where VMs find the programs: in the path of root.
const FOLDER: &str = "usr/local/bin";

/// Builds programs, each of the package that has its name, and returns an overlay for a VM that
/// has them.
///
/// They are linked statically: the roots of VMs are of other releases than this machine. `run` runs
/// the compiler, under a name, and hands on the lines that it prints.
pub fn overlay(
    programs: &[&str],
    run: impl FnOnce(&str, &mut Command, &mut dyn FnMut(&str)) -> Result<()>,
) -> Result<TempDir> {
    let mut built = Vec::new();
    let mut cargo = command::cargo();
    cargo
        .args(["build", "--release", "--target", TARGET])
        .args(programs.iter().flat_map(|name| ["--package", name]))
        .arg("--message-format=json-render-diagnostics")
        .env("RUSTFLAGS", "-C target-feature=+crt-static");
    let step = format!("{}-build", programs.join("-"));
    run(&step, &mut cargo, &mut |line| {
        built.extend(gpu_server::executable(line));
    })?;
    let overlay = tempfile::tempdir()?;
    let folder = overlay.path().join(FOLDER);
    fs::create_dir_all(&folder)?;
    for name in programs {
        let program = gpu_server::named(&built, name)?;
        fs::copy(&program, folder.join(name))
            .with_context(|| format!("cannot copy {}", program.display()))?;
    }
    Ok(overlay)
}

/// The same as a step of a command, with a log of its own.
pub fn overlay_as_step(cache: &Cache, programs: &[&str]) -> Result<TempDir> {
    overlay(programs, |name, cargo, line| {
        let mut step = Step::start(name);
        command::logged(cargo, &cache.log(name)?, |text| {
            step.line(text);
            line(text);
        })?;
        step.done();
        Ok(())
    })
}
