// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fuzzes a session for a set time with stable Rust alone.
//!
//! Half of the inputs are generated, half are mutations of the corpus. All follow from the seed.
//! The coverage-guided target is in `tests/fuzz`; it needs nightly Rust.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use clap::Parser;
use vfio_user_server::fuzz::fuzz_session;
use vfio_user_server::fuzz::generate::{mutate, session, Random};

/// Inputs between two looks at the clock.
const BATCH: u64 = 64;
/// Most messages of a generated session.
const MESSAGES: u64 = 80;

/// Runs random and mutated vfio-user sessions against the server.
#[derive(Debug, Parser)]
struct Arguments {
    /// How long to run.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Where the pseudo-random numbers start.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder of inputs to mutate.
    #[arg(long)]
    corpus: Option<PathBuf>,
    /// Where to keep the input that made a check fail.
    #[arg(long, default_value = "vfio-user-finding.bin")]
    finding: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let corpus = match &arguments.corpus {
        Some(folder) => read_corpus(folder)?,
        None => Vec::new(),
    };
    for input in &corpus {
        run_one(input, &arguments)?;
    }
    let begun = Instant::now();
    let limit = Duration::from_secs(arguments.seconds);
    let mut random = Random::new(arguments.seed);
    let mut count = corpus.len() as u64;
    while begun.elapsed() < limit {
        for _ in 0..BATCH {
            let mut input = match corpus.get(random.below(2 * corpus.len() as u64 + 1) as usize) {
                Some(input) => input.clone(),
                None => session(&mut random, MESSAGES),
            };
            if random.one_in(2) {
                let other = session(&mut random, MESSAGES);
                mutate(&mut random, &mut input, &other);
            }
            run_one(&input, &arguments)?;
        }
        count += BATCH;
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{count} sessions in {seconds:.1} s (seed {}): no finding",
        arguments.seed
    );
    Ok(())
}

fn run_one(input: &[u8], arguments: &Arguments) -> Result<()> {
    if catch_unwind(AssertUnwindSafe(|| fuzz_session(input))).is_err() {
        std::fs::write(&arguments.finding, input).context("cannot keep the finding")?;
        bail!(
            "a check failed; its input is kept in {}",
            arguments.finding.display()
        );
    }
    Ok(())
}

fn read_corpus(folder: &PathBuf) -> Result<Vec<Vec<u8>>> {
    let context = || format!("cannot read the corpus {}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(context)? {
        paths.push(entry.with_context(context)?.path());
    }
    // The order of a folder is not stable; the run should be.
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).with_context(context))
        .collect()
}
