// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `standin-check --kernel-src DIR`: fails if the stand-in has what the real crate has not.

use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

/// Proves that the stand-in for the `kernel` crate is a strict subset of the real one.
#[derive(Parser)]
struct Arguments {
    /// Top folder of the kernel's source.
    #[arg(long, value_name = "DIR")]
    kernel_src: PathBuf,
    /// Root file of the stand-in.
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../kernel/src/lib.rs"))]
    standin: PathBuf,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let outcome = standin_check::compare(&arguments.standin, &arguments.kernel_src)?;
    for violation in &outcome.violations {
        eprintln!("{violation}");
    }
    println!(
        "stand-in: {} public names, items and implementations compared, {} not as in the kernel",
        outcome.checked,
        outcome.violations.len()
    );
    Ok(if outcome.violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
