// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Scripts that make many checks in one VM, and how these are counted.

use anyhow::{ensure, Result};

use crate::command;
use crate::kernel::Flavour;
use crate::prepare::Boot;
use crate::progress::say;
use crate::suite::context::{Guest, Shell};
use crate::suite::{Context, Count};

/// What all scripts begin with.
const COMMON: &str = include_str!("../../../vm/scenario/common.sh");
/// So much of the kernel's log is kept that a script can read all of it.
const KERNEL_LOG: &str = "log_buf_len=4M";
/// What `calm`, the last command of every script, prints.
const FINISHED: &str = "finished";

/// A GPU without display: i915 is up in a fraction of the time.
pub const HEADLESS: &str = "kbl,display=off";

/// A VM with the host kernel and that GPU.
pub fn host(context: &Context, flavour: Flavour, gpu: &str) -> Result<Guest> {
    let mut guest = context.guest(Boot::Host(context.version, flavour))?;
    guest.vm.gpu = gpu.to_owned();
    guest.vm.append = KERNEL_LOG.to_owned();
    Ok(guest)
}

/// Runs a script with its common part and counts the checks that it reports.
///
/// # Errors
///
/// The VM did not come up, or the script did not come to its end.
pub fn run(guest: &Guest, script: &str) -> Result<Count> {
    Ok(run_shell(guest, script)?.1)
}

/// As [`run`], and gives what the script left behind too.
///
/// # Errors
///
/// As [`run`].
pub fn run_shell(guest: &Guest, script: &str) -> Result<(Shell, Count)> {
    let shell = guest.run(&format!("{COMMON}\n{script}"))?;
    let count = count(&shell.stdout());
    if count.failed != 0 {
        say(&format!(
            "all of stdout and stderr is in {}; the end:\n{}",
            shell.keep()?.display(),
            command::tail(&shell.stderr())
        ));
    }
    shell.expect_status(0)?;
    ensure!(
        shell.stdout().lines().any(|line| line == FINISHED),
        "the script did not come to its end:\n{}",
        command::tail(&shell.stderr())
    );
    ensure!(count != Count::default(), "the script made no check");
    Ok((shell, count))
}

/// Counts the lines `ok: …` and `FAILED: …`, and shows the latter.
fn count(stdout: &str) -> Count {
    let mut count = Count::default();
    for line in stdout.lines() {
        if line.starts_with("ok: ") {
            count.passed += 1;
        } else if line.starts_with("FAILED: ") {
            count.failed += 1;
            say(&format!("    {line}"));
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_when_lines_of_all_kinds_then_only_checks_count() {
        let stdout = "ok: one\nnoise\nFAILED: two: why\nok: three\nfinished\n";
        assert_eq!(
            count(stdout),
            Count {
                passed: 2,
                failed: 1
            }
        );
    }
}
