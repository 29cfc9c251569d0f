// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The program that gives GPUs work inside VMs.

use anyhow::{ensure, Result};
use tempfile::TempDir;

use super::program;
use crate::program::{GEM_WORK, KMS_DRAW};
use crate::suite::context::Shell;
use crate::suite::Context;

/// Builds the program and returns an overlay for a VM that has it.
pub fn overlay(context: &Context) -> Result<TempDir> {
    program::overlay(context, &[GEM_WORK])
}

/// The same with the program that draws.
pub fn overlay_with_drawing(context: &Context) -> Result<TempDir> {
    program::overlay(context, &[GEM_WORK, KMS_DRAW])
}

/// The engines of the GPUs that VMs get.
const ENGINES: [&str; 4] = ["rcs", "bcs", "vcs", "vecs"];

/// What the program may have been asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// `engines`: each stores a value.
    Engines,
    /// `blit`: rectangles.
    Blit,
    /// `hang`, of all engines.
    Hang,
}

impl Work {
    /// How the lines begin that say that it was done.
    fn lines(self) -> Vec<String> {
        let of_each = |steps: &[&str]| -> Vec<String> {
            let lines = |engine| steps.iter().map(move |step| format!("{engine}: {step}"));
            ENGINES.into_iter().flat_map(lines).collect()
        };
        match self {
            Self::Engines => of_each(&["stored a value"]),
            Self::Blit => ["filled", "copied"]
                .map(|step| format!("bcs: {step} a rectangle"))
                .to_vec(),
            Self::Hang => of_each(&["hung and was reset", "all engines work"]),
        }
    }
}

/// Each step of the work has said that it went well.
///
/// # Errors
///
/// Names the first that has not.
pub fn check(shell: &Shell, work: &[Work]) -> Result<()> {
    check_lines(&shell.stdout(), work)
}

/// The same of lines that were printed.
///
/// # Errors
///
/// As [`check`].
pub fn check_lines(stdout: &str, work: &[Work]) -> Result<()> {
    for line in work.iter().flat_map(|work| work.lines()) {
        let said = stdout
            .lines()
            .any(|said| said.starts_with(&line) && said.ends_with(": ok"));
        ensure!(said, "no line says `{line}`:\n{stdout}");
    }
    Ok(())
}
