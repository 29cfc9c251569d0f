// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What vGPUs have taken of a GPU and of VMs, by the counts that their server prints at its end.

use std::fs;
use std::path::Path;

use anyhow::{ensure, Context, Result};

/// How the line begins with what was taken before there was a vGPU.
const BEFORE: &str = "taken before: ";
/// How the line begins with what is taken when all vGPUs are gone.
const AFTER: &str = "taken after: ";

/// Nothing is lost: what vGPUs take is as much as before there were any.
///
/// # Errors
///
/// The server of that log has printed no counts, or they differ; the error shows both.
pub fn nothing_lost(log: &Path) -> Result<()> {
    let text = fs::read_to_string(log).with_context(|| format!("cannot read {}", log.display()))?;
    same_counts(&text).with_context(|| log.display().to_string())
}

fn same_counts(log: &str) -> Result<()> {
    let counts = |when: &str| {
        let found = log.lines().find_map(|line| line.strip_prefix(when));
        found.with_context(|| format!("the server printed no `{when}`"))
    };
    let (before, after) = (counts(BEFORE)?, counts(AFTER)?);
    ensure!(
        before == after,
        "taken of the GPU before and after:\n{before}\n{after}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::same_counts;

    #[test]
    fn same_counts_when_alike_then_ok() {
        let log = "ready\ntaken before: 0 contexts, 2 fences\ntaken after: 0 contexts, 2 fences\n";
        assert!(same_counts(log).is_ok());
    }

    #[test]
    fn same_counts_when_one_differs_then_shows_both() {
        let log = "taken before: 0 contexts, 2 fences\ntaken after: 1 contexts, 2 fences\n";
        let error = same_counts(log).unwrap_err().to_string();
        assert!(error.contains("\n0 contexts"), "{error}");
        assert!(error.contains("\n1 contexts"), "{error}");
    }

    #[test]
    fn same_counts_when_server_did_not_come_to_its_end_then_error() {
        assert!(same_counts("ready\ntaken before: 0 contexts\n").is_err());
    }
}
