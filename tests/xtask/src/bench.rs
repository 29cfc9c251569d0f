// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The command `bench`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{bail, Context, Result};

use crate::cache::Cache;
use crate::cli::BenchArgs;
use crate::command;
use crate::packages;
use crate::prepare::{prepare, Boot, Ready, GUEST_KERNEL};
use crate::program::{self, GEM_WORK};
use crate::progress::say;
use crate::vm::{End, Task, Vm};

/// The accesses that benchmarks replay, in the work tree.
const TRACE: &str = "tests/bench/boot.trace";
/// The commands that benchmarks audit, there too.
const SUBMISSIONS: &str = "tests/bench/submissions.trace";
/// What a guest does once i915 has its card: i915 is up when it shows the console.
const BOOT: &str = "until [ -e /sys/class/graphics/fb0 ]; do sleep 0.2; done";
/// Work for its engines, after that.
const WORK: &str = "gem-work engines && gem-work blit";
/// How long a guest may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// Runs the benchmarks and returns their exit status.
pub fn run(cache: &Cache, args: &BenchArgs) -> Result<i32> {
    if args.capture {
        return capture(cache).map(|()| 0);
    }
    packages::install(cache, &["valgrind"])?;
    let mut command = benchmarks();
    command
        .args(&args.name)
        .args(args.markdown.then_some("--markdown"));
    let status = command.status()?;
    Ok(status.code().unwrap_or(1))
}

/// The program that has the benchmarks.
fn benchmarks() -> Command {
    let mut command = command::cargo();
    command.args(["run", "--quiet", "--release", "--package", "bench", "--"]);
    command
}

/// Boots guests whose stock i915 drives the software GPU, and keeps what they did to the registers,
/// and what they gave its engines to execute.
fn capture(cache: &Cache) -> Result<()> {
    let ready = prepare(cache, Boot::Guest(GUEST_KERNEL))?;
    let folder = tempfile::tempdir()?;
    let file = |name| folder.path().join(name);
    let vm = Vm {
        accesses: Some(file("accesses")),
        timeout: Some(PATIENCE),
        ..Vm::new("bench", &ready)
    };
    record(&ready, &vm, BOOT)?;
    import(&ready, &vm, "--import", &file("accesses"), TRACE)?;
    let overlay = program::overlay_as_step(cache, &[GEM_WORK])?;
    let vm = Vm {
        submissions: Some(file("submissions")),
        overlay: Some(overlay.path().to_path_buf()),
        timeout: Some(PATIENCE),
        ..Vm::new("bench", &ready)
    };
    record(&ready, &vm, &format!("{BOOT}; {WORK}"))?;
    import(
        &ready,
        &vm,
        "--import-submissions",
        &file("submissions"),
        SUBMISSIONS,
    )
}

/// Lets a VM do something, from its start to its end.
fn record(ready: &Ready, vm: &Vm, script: &str) -> Result<()> {
    let outcome = vm.run(&ready.bench, &Task::Capture(script))?;
    if outcome.end != End::Exit(0) {
        bail!(
            "the guest ended with {:?}; console {}, GPU {}",
            outcome.end,
            outcome.console.display(),
            outcome.gpu_log.display()
        );
    }
    Ok(())
}

/// Puts what the software GPU has written into a file of the work tree.
fn import(ready: &Ready, vm: &Vm, how: &str, log: &Path, into: &str) -> Result<()> {
    let release = &ready.image.release;
    let title = format!("i915 of Linux {release} on {}", vm.gpu);
    let text = command::output(
        benchmarks()
            .args([how.as_ref(), log.as_os_str()])
            .args(["--title", &title]),
    )?;
    fs::write(command::work_tree().join(into), text)
        .with_context(|| format!("cannot write {into}"))?;
    say(&format!("written: {into}"));
    Ok(())
}
