// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the shipped code costs, in instructions: `cargo xtask bench`.
//!
//! Each benchmark runs under callgrind twice in one run, with few and with many rounds; the
//! difference is what one round costs, whatever else the machine does. The GPU below is as cheap as
//! can be, so that what is counted is the shipped code. Benchmarks that replay the accesses of a guest
//! count only what happens inside of the functions that do one; that of vfio-user has the software
//! GPU below, which register accesses hardly reach.

use anyhow::{bail, Context, Result};
use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::Command;

mod cases;
mod engine;
mod null;
mod replay;
mod scan;
mod screen;
mod shadow;
mod submissions;
mod trace;
mod vblank;
mod wire;

use cases::{Case, Counted, CASES};
use trace::Trace;

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
    /// Prints the trace that a log of the software GPU makes, and runs nothing.
    #[arg(long, value_name = "FILE", hide = true, conflicts_with = "name")]
    import: Option<PathBuf>,
    /// The same of what engines were given to execute.
    #[arg(long, value_name = "FILE", hide = true, conflicts_with_all = ["name", "import"])]
    import_submissions: Option<PathBuf>,
    /// Prints the accesses of the trace with what each is to, and runs nothing.
    #[arg(long, hide = true, conflicts_with_all = ["name", "import"])]
    classified: bool,
    /// What the trace is of.
    #[arg(long, hide = true, default_value = "a guest")]
    title: String,
}

/// Rounds that warm up, and rounds that count.
const FEW: u32 = 2;
const MANY: u32 = 12;
/// Functions inside of which [`Counted::Marked`] counts.
const MARKED: &str = "--toggle-collect=*::counted_*";

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(log) = &options.import {
        return import(log, &options.title);
    }
    if let Some(log) = &options.import_submissions {
        return import_submissions(log, &options.title);
    }
    if options.classified {
        return replay::print_classified(&mut std::io::stdout().lock());
    }
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

/// Prints the trace that a log makes.
fn import(log: &Path, title: &str) -> Result<()> {
    let text =
        std::fs::read_to_string(log).with_context(|| format!("cannot read {}", log.display()))?;
    println!("# SPDX-License-Identifier: GPL-2.0 OR MIT");
    println!("# Accesses to BAR 0: {title}. Made by `cargo xtask bench --capture`.");
    print!("{}", Trace::of_log(&text)?);
    Ok(())
}

/// Prints the trace that a log of submissions makes.
fn import_submissions(log: &Path, title: &str) -> Result<()> {
    let text =
        std::fs::read_to_string(log).with_context(|| format!("cannot read {}", log.display()))?;
    println!("# SPDX-License-Identifier: GPL-2.0 OR MIT");
    println!("# What engines were given to execute with privilege: {title}.");
    println!("# Made by `cargo xtask bench --capture`.");
    print!("{}", submissions::import(&text)?);
    Ok(())
}

/// Instructions of so many rounds, as callgrind counts them.
fn count(case: &Case, rounds: u32) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(matches!(case.counted, Counted::Marked).then_some(MARKED))
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
