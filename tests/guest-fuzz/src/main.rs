// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fuzzes parts of the mediator with stable Rust alone, and writes the first corpora.
//!
//! The coverage-guided targets are in `tests/fuzz`; they need nightly Rust.

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{anyhow, Context, Result};
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
    /// Tries inputs for a set time, of as many targets side by side as there are processors.
    Run {
        /// Which targets; all if none is named.
        #[arg(value_parser = target)]
        targets: Vec<&'static str>,
        /// For each; `--corpus` is the folder that has a folder for each.
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
        Command::Run { targets, plan } => {
            let is_wanted = |name| targets.is_empty() || targets.contains(&name);
            let wanted = TARGETS.into_iter().filter(|target| is_wanted(target.name));
            run(&wanted.collect::<Vec<_>>(), &plan)
        }
        Command::Corpus { folder } => TARGETS
            .into_iter()
            .try_for_each(|target| write_corpus(&folder.join(target.name), target)),
    }
}

/// Runs targets, side by side as far as there are processors.
fn run(targets: &[Target], plan: &Plan) -> Result<()> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    for some in targets.chunks(processors) {
        let results = thread::scope(|scope| {
            let start = |target: &Target| {
                let (target, plan) = (*target, plan.of_target(target.name));
                scope.spawn(move || {
                    let done = plan.run(target.check, |random| target.generate(random));
                    done.with_context(|| format!("target {}", target.name))
                })
            };
            let threads: Vec<_> = some.iter().map(start).collect();
            threads
                .into_iter()
                .map(|thread| thread.join())
                .collect::<Vec<_>>()
        });
        for result in results {
            result.map_err(|_| anyhow!("a target panicked outside of its checks"))??;
        }
    }
    Ok(())
}

/// Writes what a target generates from the first seeds, and what guests have submitted.
fn write_corpus(folder: &Path, target: Target) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for seed in 0..SEEDS {
        let path = folder.join(format!("seed-{seed:02}"));
        std::fs::write(&path, target.generate(&mut Random::new(seed)))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if target.name == "commands" {
        for (number, input) in guest_fuzz::commands::captured().iter().enumerate() {
            let path = folder.join(format!("guest-{number:02}"));
            std::fs::write(&path, input)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}
