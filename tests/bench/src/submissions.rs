// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What guests gave engines to execute, as `submissions.trace` has it.
//!
//! A line is what one ring, or one batch of a restore, held:
//!
//! ```text
//! rcs0 ring 11000001 2030 …     engine, where it was, dwords
//! ```
//!
//! Batches of programs are not in it: they are not privileged, and nobody audits them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use anyhow::{bail, ensure, Context, Error, Result};
use kvmgt_core::hardware::Engine;

/// The trace of the tree. `cargo xtask bench --capture` makes it.
const CAPTURED: &str = include_str!("../submissions.trace");
/// The most dwords of a line, against damaged files: those of the largest ring.
const MOST: usize = 1 << 19;

/// Commands that an engine was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The engine.
    pub engine: Engine,
    /// Whether they were in a ring; else in a batch of a restore.
    pub is_ring: bool,
    /// They.
    pub dwords: Vec<u32>,
}

/// Names of engines in a trace.
const ENGINES: [(&str, Engine); 5] = [
    ("rcs0", Engine::Rcs),
    ("bcs0", Engine::Bcs),
    ("vcs0", Engine::Vcs),
    ("vcs1", Engine::Vcs1),
    ("vecs0", Engine::Vecs),
];

/// The submissions of the tree.
pub fn captured() -> Result<Vec<Submission>> {
    parse(CAPTURED).context("submissions.trace")
}

/// Those of a text. Lines that begin with `#` are none.
fn parse(text: &str) -> Result<Vec<Submission>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(str::parse).collect()
}

/// A trace of what the software GPU has written: what differs in nothing but values of one-dword
/// kinds once only, so that it stays small.
pub fn import(log: &str) -> Result<String> {
    let mut seen = BTreeSet::new();
    let mut text = String::new();
    for submission in parse(log)? {
        // Seqnos and addresses differ each time; how long it is, and its headers, do not.
        let shape: Vec<u32> = submission.dwords.iter().map(|dword| dword >> 23).collect();
        if seen.insert((submission.engine.index(), submission.is_ring, shape)) {
            text.push_str(&submission.to_string());
            text.push('\n');
        }
    }
    ensure!(!text.is_empty(), "nothing was submitted");
    Ok(text)
}

impl fmt::Display for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = ENGINES.iter().find(|(_, engine)| *engine == self.engine);
        let (name, _) = named.ok_or(fmt::Error)?;
        write!(
            f,
            "{name} {}",
            if self.is_ring { "ring" } else { "restore" }
        )?;
        self.dwords
            .iter()
            .try_for_each(|dword| write!(f, " {dword:x}"))
    }
}

impl FromStr for Submission {
    type Err = Error;

    fn from_str(line: &str) -> Result<Self> {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default();
        let named = ENGINES.into_iter().find(|(known, _)| *known == name);
        let (_, engine) = named.with_context(|| format!("{name} is no engine"))?;
        let is_ring = match words.next() {
            Some("ring") => true,
            Some("indirect" | "per-context" | "restore") => false,
            other => bail!("{other:?} is no place of commands"),
        };
        let dwords = words.map(|word| u32::from_str_radix(word, 16));
        let dwords = dwords.collect::<Result<Vec<u32>, _>>()?;
        ensure!(dwords.len() <= MOST, "{} dwords are too many", dwords.len());
        Ok(Self {
            engine,
            is_ring,
            dwords,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn import_when_shapes_come_again_then_the_first_of_each() {
        let log = "rcs0 ring 10400002 1000 0 7\n\
            rcs0 ring 10400002 2000 0 8\n\
            bcs0 ring 10400002 1000 0 7\n\
            rcs0 per-context 5000000\n";

        let text = import(log).unwrap();

        assert_eq!(
            text,
            "rcs0 ring 10400002 1000 0 7\nbcs0 ring 10400002 1000 0 7\nrcs0 restore 5000000\n"
        );
        assert_eq!(import(&text).unwrap(), text);
        assert!(import("").is_err());
    }

    #[test]
    fn parse_when_line_is_damaged_then_error() {
        for line in [
            "gpu ring 1",
            "rcs0",
            "rcs0 batch 1",
            "rcs0 ring x",
            "rcs0 ring 1ffffffff",
        ] {
            assert!(line.parse::<Submission>().is_err(), "{line}");
        }
    }
}
