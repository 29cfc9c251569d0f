// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The tests that cargo runs.

use std::process::Command;

use anyhow::Result;

use super::{Context, Count};
use crate::command;
use crate::kernel;
use crate::packages;
use crate::progress::say;
use crate::root::Root;

/// cargo in the work tree.
fn cargo(args: &[&str]) -> Command {
    let mut command = command::cargo();
    command.args(args);
    command
}

/// Every file is formatted.
pub fn rustfmt(context: &Context) -> Result<Count> {
    context.step("rustfmt", &mut cargo(&["fmt", "--all", "--check"]), |_| {})?;
    Ok(Count::ONE)
}

/// clippy has nothing to say.
pub fn clippy(context: &Context) -> Result<Count> {
    let mut command = cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]);
    context.step("clippy", &mut command, |_| {})?;
    Ok(Count::ONE)
}

/// rustdoc has nothing to say.
pub fn rustdoc(context: &Context) -> Result<Count> {
    let mut command = cargo(&[
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ]);
    context.step(
        "rustdoc",
        command.env("RUSTDOCFLAGS", "-D warnings"),
        |_| {},
    )?;
    Ok(Count::ONE)
}

/// All tests of the workspace; each counts.
pub fn tests(context: &Context) -> Result<Count> {
    packages::install(&context.cache, packages::TESTS)?;
    let mut command = cargo(&["test", "--workspace", "--no-fail-fast"]);
    counted(context, "cargo-test", &mut command)
}

/// With each hole in the mediator the judge of isolation objects.
pub fn mutants(context: &Context) -> Result<Count> {
    let mut command = cargo(&["test", "--package", "isolation", "--features", "mutants"]);
    counted(context, "mutants", command.args(["--test", "mutants"]))
}

/// Guests use the pages of page tables for other data, for minutes.
pub fn field(context: &Context) -> Result<Count> {
    let mut command = cargo(&["test", "--package", "isolation", "--test", "field"]);
    counted(context, "field", command.args(["--", "--ignored"]))
}

/// The vfio-user server under the QEMU that VMs run on; each test counts.
pub fn vfio_user_qemu(context: &Context) -> Result<Count> {
    let qemu = Root::Qemu.ensure(&context.cache)?;
    let mut command = cargo(&["test", "--package", "vfio-user-server", "--test", "qemu"]);
    command.args(["--", "--include-ignored"]);
    counted(
        context,
        "vfio-user-qemu",
        command.env("VFIO_USER_QEMU", qemu),
    )
}

/// Ten minutes of nonsense at the vfio-user server, beginning with the kept inputs.
pub fn fuzz(context: &Context) -> Result<Count> {
    let mut command = cargo(&["run", "--release", "--package", "vfio-user-server"]);
    command.args(["--bin", "fuzz-run", "--", "--seconds", "600"]);
    command.args(["--corpus", "tests/fuzz/corpus/session"]);
    context.step("fuzz", &mut command, |_| {})?;
    Ok(Count::ONE)
}

/// Ten minutes of operations on a hosted vGPU, beginning with the kept inputs.
pub fn fuzz_vgpu(context: &Context) -> Result<Count> {
    let mut command = cargo(&["run", "--release", "--package", "hosted-front"]);
    command.args(["--bin", "vgpu-fuzz", "--", "run", "--seconds", "600"]);
    command.args(["--corpus", "tests/fuzz/corpus/vgpu"]);
    context.step("fuzz-vgpu", &mut command, |_| {})?;
    Ok(Count::ONE)
}

/// Ten minutes of guests made of arbitrary bytes for each part of the mediator that they reach,
/// beginning with the kept inputs; as many side by side as there are processors.
pub fn fuzz_guests(context: &Context) -> Result<Count> {
    let mut command = cargo(&["run", "--release", "--package", "guest-fuzz"]);
    command.args(["--", "run", "--seconds", "600"]);
    command.args(["--corpus", "tests/fuzz/corpus"]);
    context.step("fuzz-guests", &mut command, |_| {})?;
    Ok(Count::ONE)
}

/// Runs tests and counts what cargo says of them.
fn counted(context: &Context, name: &str, command: &mut Command) -> Result<Count> {
    let mut count = Count::default();
    let result = context.step(name, command, |line| {
        count = count.plus(result_line(line));
        if line.starts_with("test ") && line.ends_with("FAILED") {
            say(line);
        }
    });
    match result {
        Ok(_) => {}
        // The tests that failed say more than cargo's status, if there are any.
        Err(error) if count.failed != 0 => say(&format!("{error:#}")),
        Err(error) => return Err(error),
    }
    Ok(count)
}

/// The interface is the one that `docs/abi` describes.
pub fn abi_check(_: &Context) -> Result<Count> {
    abi::check(&command::work_tree())?;
    Ok(Count::ONE)
}

/// The stand-in has nothing that the real kernel crate has not.
pub fn standin_check(context: &Context) -> Result<Count> {
    let source = kernel::source(&context.cache, context.version)?;
    let mut command = cargo(&["run", "--package", "standin-check", "--", "--kernel-src"]);
    context.step("standin-check", command.arg(source), |_| {})?;
    Ok(Count::ONE)
}

/// The numbers in a line `test result: ok. 3 passed; 0 failed; …`.
fn result_line(line: &str) -> Count {
    let number = |word: &str| {
        line.split(';')
            .find_map(|part| {
                part.trim()
                    .strip_suffix(word)?
                    .rsplit(' ')
                    .next()?
                    .parse()
                    .ok()
            })
            .unwrap_or_default()
    };
    if !line.starts_with("test result:") {
        return Count::default();
    }
    Count {
        passed: number(" passed"),
        failed: number(" failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_line_when_some_failed_then_both_numbers() {
        let line = "test result: FAILED. 31 passed; 2 failed; 0 ignored; 0 measured";
        assert_eq!(
            result_line(line),
            Count {
                passed: 31,
                failed: 2
            }
        );
    }

    #[test]
    fn result_line_when_another_line_then_nothing() {
        assert_eq!(result_line("31 passed; 2 failed"), Count::default());
    }
}
