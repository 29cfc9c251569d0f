// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `hosted-demo`: the main job on the software GPU, without a kernel; ends with a table.

use clap::Parser;
use std::io::Write;

/// Shows i915's host half and kvmgt as two modules over the software GPU.
#[derive(Parser)]
struct Arguments {
    /// The GPU, for example `kbl,seed=1`.
    #[arg(long, value_name = "GPU", default_value = "kbl")]
    gpu: String,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout().lock();
    let summary = hosted::demo::run(&arguments.gpu, &mut out)?;
    write!(out, "\n{summary}")?;
    Ok(())
}
