// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The command `bench`.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{bail, Context, Result};

use crate::cache::Cache;
use crate::cli::BenchArgs;
use crate::command;
use crate::packages;
use crate::prepare::{prepare, Boot, GUEST_KERNEL};
use crate::progress::say;
use crate::vm::{End, Task, Vm};

/// The accesses that benchmarks replay, in the work tree.
const TRACE: &str = "tests/bench/boot.trace";
/// What the guest does once i915 has its card: i915 is up when it shows the console.
const SCRIPT: &str = "until [ -e /sys/class/graphics/fb0 ]; do sleep 0.2; done";
/// How long the guest may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// Runs the benchmarks and returns their exit status.
pub fn run(cache: &Cache, args: &BenchArgs) -> Result<i32> {
    if args.capture {
        return capture(cache).map(|()| 0);
    }
    packages::install(cache, &["valgrind"])?;
    let mut command = program();
    command
        .args(&args.name)
        .args(args.markdown.then_some("--markdown"));
    let status = command.status()?;
    Ok(status.code().unwrap_or(1))
}

/// The program that has the benchmarks.
fn program() -> Command {
    let mut command = command::cargo();
    command.args(["run", "--quiet", "--release", "--package", "bench", "--"]);
    command
}

/// Boots a guest whose stock i915 drives the software GPU, and keeps what it did to the registers.
fn capture(cache: &Cache) -> Result<()> {
    let ready = prepare(cache, Boot::Guest(GUEST_KERNEL))?;
    let folder = tempfile::tempdir()?;
    let accesses = folder.path().join("accesses");
    let vm = Vm {
        accesses: Some(accesses.clone()),
        timeout: Some(PATIENCE),
        ..Vm::new("bench", &ready)
    };
    let outcome = vm.run(&ready.bench, &Task::Capture(SCRIPT))?;
    if outcome.end != End::Exit(0) {
        bail!(
            "the guest ended with {:?}; console {}, GPU {}",
            outcome.end,
            outcome.console.display(),
            outcome.gpu_log.display()
        );
    }
    let release = &ready.image.release;
    let trace = command::output(
        program()
            .args(["--import".as_ref(), accesses.as_os_str()])
            .args(["--title", &format!("i915 of Linux {release} on {}", vm.gpu)]),
    )?;
    fs::write(command::work_tree().join(TRACE), trace)
        .with_context(|| format!("cannot write {TRACE}"))?;
    say(&format!("written: {TRACE}"));
    Ok(())
}
