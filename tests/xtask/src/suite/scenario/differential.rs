// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The same client on the C kvmgt and on ours, on the same GPU, with the same golden state.
//!
//! What it asks, and how it prints the answers, is in `tests/synthetic/src/dump.rs`. What may
//! differ is in `differential/expected.tsv`, each with its reason in `docs/differences.md`.

use std::fs;

use anyhow::{ensure, Context as _, Result};
use gen9_gpu::Options;

use super::{c_gvt, golden, program, synthetic};
use crate::progress::say;
use crate::suite::{Context, Count};
use compare::{Dump, Expected};

mod compare;

/// The GPU: its seed gives every register a value of its own.
const GPU: &str = "kbl,seed=1";
/// What runs in both VMs.
const SCRIPT: &str = include_str!("../../../vm/scenario/differential.sh");
/// What differs, and why.
const EXPECTED: &str = include_str!("differential/expected.tsv");
/// Where the reasons are explained.
const REASONS: &str = include_str!("../../../../../docs/differences.md");
/// So many lines that nobody expected are shown.
const SHOWN: usize = 20;

/// Both answer alike but for what is expected.
pub fn same_answers(context: &Context) -> Result<Count> {
    let expected = Expected::parse(EXPECTED, REASONS)?;
    let overlay = program::overlay(context, &[synthetic::PROGRAM])?;
    let name = c_gvt::file_name(&Options::parse(GPU)?);
    let script = format!("FILE=/{}/{name}\n{SCRIPT}", c_gvt::FOLDER);

    let mut guest = context.host()?.gpu(GPU);
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    let shell = guest.check(&script)?;
    let printed = shell.bytes().split_at_checked(golden::FILE_SIZE);
    let (file, ours) = printed.context("there is no golden state")?;

    let folder = overlay.path().join(c_gvt::FOLDER);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), file)?;
    let mut guest = c_gvt::guest(context)?.gpu(GPU);
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    let shell = guest.check(&script)?;
    let theirs = shell.bytes();

    for (name, dump) in [("differential-c", theirs), ("differential-ours", ours)] {
        let log = context.cache.log(name)?;
        fs::write(&log, dump)?;
        say(&format!("    {}", log.display()));
    }
    let (theirs, ours) = (Dump::parse(theirs)?, Dump::parse(ours)?);
    let outcome = compare::compare(&theirs, &ours, &expected);
    say(&format!(
        "    {} lines, {} differ as expected",
        outcome.lines, outcome.expected
    ));
    for line in outcome.unexpected.iter().take(SHOWN) {
        say(&format!("    {line}"));
    }
    for entry in &outcome.stale {
        say(&format!("    does not differ any more: {entry}"));
    }
    ensure!(
        outcome.unexpected.is_empty() && outcome.stale.is_empty(),
        "{} lines differ that should not, {} entries of the list say what is not so",
        outcome.unexpected.len(),
        outcome.stale.len()
    );
    Ok(Count::ONE)
}
