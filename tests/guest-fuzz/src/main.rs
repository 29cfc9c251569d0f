// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fuzzes parts of the mediator with stable Rust alone, and writes the first corpora.
//!
//! The coverage-guided targets are in `tests/fuzz`; they need nightly Rust.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use guest_fuzz::{Target, TARGETS};
use vfio_user_server::fuzz::generate::Random;
use vfio_user_server::fuzz::runner::Plan;

/// Inputs of a first corpus.
const SEEDS: u64 = 20;

/// Guests made of arbitrary bytes.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tries inputs for a set time.
    Run {
        /// Which target.
        #[arg(value_parser = target)]
        target: &'static str,
        #[command(flatten)]
        plan: Plan,
    },
    /// Writes the small corpora that are kept in the tree.
    Corpus {
        /// Folder that has a folder for each target.
        folder: PathBuf,
    },
}

fn target(name: &str) -> Result<&'static str, String> {
    let names = TARGETS.map(|target| target.name);
    let known = names.into_iter().find(|known| *known == name);
    known.ok_or_else(|| format!("there are {}", names.join(", ")))
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Run { target, plan } => {
            let target = Target::named(target).context("no such target")?;
            plan.run(target.check, |random| target.generate(random))
        }
        Command::Corpus { folder } => TARGETS
            .into_iter()
            .try_for_each(|target| write_corpus(&folder.join(target.name), target)),
    }
}

/// Writes what a target generates from the first seeds.
fn write_corpus(folder: &Path, target: Target) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for seed in 0..SEEDS {
        let path = folder.join(format!("seed-{seed:02}"));
        std::fs::write(&path, target.generate(&mut Random::new(seed)))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
