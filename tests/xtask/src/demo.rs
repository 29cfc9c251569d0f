// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The command `demo`: the main job, ending with a table and a picture.

mod guests;

use std::time::Duration;

use anyhow::{Context, Result};

use crate::cache::Cache;
use crate::cli::DemoArgs;
use crate::command;
use crate::kernel::{Flavour, Version};
use crate::prepare::{prepare, Boot};
use crate::progress::{say, Step};
use crate::vm::{End, Task, Vm};

/// What runs in the host VM.
const SCRIPT: &str = include_str!("../vm/demo.sh");
/// How long the VM may take.
const PATIENCE: Duration = Duration::from_secs(900);
/// The rows of the table: their names, and what the script calls them.
const ROWS: &[(&str, &str)] = &[
    ("GPU", "gpu"),
    ("golden snapshot", "snapshot"),
    ("kvmgt loaded", "later"),
    ("interface", "interface"),
    ("gvt_firmware", "firmware"),
    ("rebinds of i915", "rebinds"),
];
/// What the hosted demonstration consists of: the program and the modules it loads.
const HOSTED: &[&str] = &["hosted", "hosted-host-so", "hosted-kvmgt-so"];

/// Shows it and returns the exit status.
pub fn run(cache: &Cache, args: &DemoArgs) -> Result<i32> {
    if args.kernel {
        return kernel(cache, args);
    }
    let mut step = Step::start("hosted modules");
    let log = cache.log("demo-build")?;
    let mut build = command::cargo();
    build
        .arg("build")
        .args(HOSTED.iter().flat_map(|name| ["--package", name]));
    command::logged(&mut build, &log, |line| step.line(line))?;
    step.done();
    let mut command = command::cargo();
    command
        .args([
            "run",
            "--quiet",
            "--package",
            "hosted",
            "--bin",
            "hosted-demo",
        ])
        .args(["--", "--gpu", &args.gpu]);
    match command.status()?.code() {
        Some(0) => guests::run(cache, args),
        code => Ok(code.unwrap_or(1)),
    }
}

fn kernel(cache: &Cache, args: &DemoArgs) -> Result<i32> {
    let version = args.kernel_version.unwrap_or(Version::RECORD);
    let ready = prepare(cache, Boot::Host(version, Flavour::Plain))?;
    let vm = Vm {
        gpu: args.gpu.clone(),
        timeout: Some(PATIENCE),
        ..Vm::new("demo", &ready)
    };
    let outcome = vm.run(&ready.bench, &Task::Report(SCRIPT))?;
    let stdout = String::from_utf8_lossy(&outcome.stdout);
    print!("{}", table(&stdout)?);
    if outcome.end != End::Exit(0) {
        say(&format!(
            "{:?}; the kernel's console: {}",
            outcome.end,
            outcome.console.display()
        ));
    }
    Ok(outcome.end.status())
}

/// The table of what the script printed; rows that it did not come to are left out.
fn table(stdout: &str) -> Result<String> {
    let width = ROWS
        .iter()
        .map(|(title, _)| title.len())
        .max()
        .unwrap_or_default();
    let mut text = String::from("\n");
    for (title, name) in ROWS {
        let found = stdout
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        if let Some(value) = found {
            let value = match *name {
                "later" => later(value)?,
                _ => value.to_owned(),
            };
            text += &format!("| {title:width$} | {value}\n");
        }
    }
    Ok(text)
}

/// Two times since boot, in seconds, as a distance.
fn later(value: &str) -> Result<String> {
    let (now, snapshot) = value
        .split_once(' ')
        .context("the script prints two times")?;
    let seconds = now.parse::<f64>()? - snapshot.parse::<f64>()?;
    Ok(format!("{seconds:.1} s after the snapshot"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_when_a_row_is_missing_then_left_out() {
        let text = table("gpu=8086:5916\nlater=20.5 8.0\n").unwrap();
        assert!(text.contains("| GPU             | 8086:5916\n"));
        assert!(text.contains("| 12.5 s after the snapshot\n"));
        assert!(!text.contains("rebinds"));
    }
}
