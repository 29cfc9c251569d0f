// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fuzzing for a set time with stable Rust alone.
//!
//! Half of the inputs are generated, half are mutations of a corpus. All follow from the seed.

use std::panic::{catch_unwind, RefUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use clap::Args;

use super::generate::{mutate, Random};

/// Inputs between two looks at the clock.
const BATCH: u64 = 64;

/// For how long, and from where on.
#[derive(Args, Clone, Debug)]
pub struct Plan {
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
    #[arg(long, default_value = "finding.bin")]
    finding: PathBuf,
}

impl Plan {
    /// The same for one of several targets: with the folder of its name in that of all corpora, and
    /// with a finding of its own.
    pub fn of_target(&self, name: &str) -> Self {
        let mut finding = self.finding.clone().into_os_string();
        finding.push(format!("-{name}"));
        Self {
            corpus: self.corpus.as_ref().map(|folder| folder.join(name)),
            finding: finding.into(),
            ..*self
        }
    }

    /// Gives `check` the corpus, then what `generate` makes and mutations of both, until the time
    /// is over.
    ///
    /// # Errors
    /// `check` panicked, and its input is kept; the corpus can't be read.
    pub fn run(
        &self,
        check: impl Fn(&[u8]) + RefUnwindSafe,
        generate: impl Fn(&mut Random) -> Vec<u8>,
    ) -> Result<()> {
        let one = |input: &[u8]| -> Result<()> {
            if catch_unwind(|| check(input)).is_err() {
                std::fs::write(&self.finding, input).context("cannot keep the finding")?;
                bail!(
                    "a check failed; its input is kept in {}",
                    self.finding.display()
                );
            }
            Ok(())
        };
        let corpus = match &self.corpus {
            Some(folder) => read_corpus(folder)?,
            None => Vec::new(),
        };
        for input in &corpus {
            one(input)?;
        }
        let begun = Instant::now();
        let limit = Duration::from_secs(self.seconds);
        let mut random = Random::new(self.seed);
        let mut count = corpus.len() as u64;
        while begun.elapsed() < limit {
            for _ in 0..BATCH {
                let mut input = match corpus.get(random.below(2 * corpus.len() as u64 + 1) as usize)
                {
                    Some(input) => input.clone(),
                    None => generate(&mut random),
                };
                if random.one_in(2) {
                    let other = generate(&mut random);
                    mutate(&mut random, &mut input, &other);
                }
                one(&input)?;
            }
            count += BATCH;
        }
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "{count} sessions in {seconds:.1} s (seed {}): no finding",
            self.seed
        );
        Ok(())
    }
}

/// The inputs in a folder, in an order that is always the same.
///
/// # Errors
/// It can't be read.
pub fn read_corpus(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let context = || format!("cannot read the corpus {}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(context)? {
        paths.push(entry.with_context(context)?.path());
    }
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).with_context(context))
        .collect()
}
