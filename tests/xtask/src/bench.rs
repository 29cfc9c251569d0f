// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The command `bench`.

use anyhow::Result;

use crate::cache::Cache;
use crate::cli::BenchArgs;
use crate::command;
use crate::packages;

/// Runs the benchmarks and returns their exit status.
pub fn run(cache: &Cache, args: &BenchArgs) -> Result<i32> {
    packages::install(cache, &["valgrind"])?;
    let mut command = command::cargo();
    command
        .args(["run", "--quiet", "--release", "--package", "bench", "--"])
        .args(&args.name)
        .args(args.markdown.then_some("--markdown"));
    let status = command.status()?;
    Ok(status.code().unwrap_or(1))
}
