// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fuzzes a vGPU through its front with stable Rust alone, and writes the first corpus.
//!
//! The coverage-guided target is in `tests/fuzz`; it needs nightly Rust.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use hosted_front::fuzz::{fuzz_vgpu, generate};
use vfio_user_server::fuzz::generate::Random;
use vfio_user_server::fuzz::runner::Plan;

/// Inputs of the first corpus.
const SEEDS: u64 = 24;

/// Plays random and mutated sessions of VFIO operations against a vGPU.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play sessions for a set time.
    Run {
        #[command(flatten)]
        plan: Plan,
    },
    /// Write the small corpus that is kept in the tree.
    Corpus {
        /// Folder to write to.
        folder: PathBuf,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Run { plan } => plan.run(fuzz_vgpu, generate),
        Command::Corpus { folder } => {
            for seed in 0..SEEDS {
                let path = folder.join(format!("seed-{seed:02}"));
                std::fs::write(&path, generate(&mut Random::new(seed)))
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
            Ok(())
        }
    }
}
