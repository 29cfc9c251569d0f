// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the shipped code costs, in instructions: `cargo xtask bench`.
//!
//! Each benchmark runs under callgrind twice in one run, with few and with many rounds; the
//! difference is what one round costs, whatever else the machine does. The GPU below is as cheap as
//! can be, so that what is counted is the shipped code.

use anyhow::{bail, Context, Result};
use clap::Parser;
use std::process::Command;

mod cases;
mod null;

use cases::{Case, CASES};

/// Counts what the shipped code costs, in instructions.
#[derive(Parser)]
struct Options {
    /// Benchmarks whose name contains this; all, if it is not given.
    name: Option<String>,
    /// Prints the table as Markdown.
    #[arg(long)]
    markdown: bool,
    /// Runs one benchmark so often; what callgrind counts.
    #[arg(long, hide = true, requires = "name")]
    rounds: Option<u32>,
}

/// Rounds that warm up, and rounds that count.
const FEW: u32 = 2;
const MANY: u32 = 12;

fn main() -> Result<()> {
    let options = Options::parse();
    let wanted = options.name.as_deref().unwrap_or("");
    if let Some(rounds) = options.rounds {
        let case = CASES
            .iter()
            .find(|c| c.name == wanted)
            .context("no such benchmark")?;
        return case.run(rounds);
    }
    let cases: Vec<&Case> = CASES.iter().filter(|c| c.name.contains(wanted)).collect();
    if cases.is_empty() {
        let names: Vec<&str> = CASES.iter().map(|c| c.name).collect();
        bail!(
            "no benchmark is called {wanted}; there are {}",
            names.join(", ")
        );
    }
    if options.markdown {
        println!("| benchmark | instructions a round | units a round | instructions a unit |");
        println!("|---|---:|---:|---:|");
    }
    for case in cases {
        let round = (count(case, MANY)? - count(case, FEW)?) / u64::from(MANY - FEW);
        let units = case.units()?;
        let unit = round / units.max(1);
        if options.markdown {
            println!(
                "| {} | {round} | {units} {} | {unit} |",
                case.what, case.unit
            );
        } else {
            println!(
                "{:<16} {round:>10} instructions, {units:>6} {}: {unit} each  ({})",
                case.name, case.unit, case.what
            );
        }
    }
    Ok(())
}

/// Instructions of so many rounds, as callgrind counts them.
fn count(case: &Case, rounds: u32) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args([case.name, "--rounds", &rounds.to_string()])
        .output()
        .context("valgrind can't be started: install the package valgrind")?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{} failed under callgrind:\n{text}", case.name);
    }
    let collected = text
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let number = collected.context("callgrind printed no count")?.1.trim();
    number
        .parse()
        .with_context(|| format!("{number} is no count"))
}
