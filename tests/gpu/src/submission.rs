// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What engines were given to execute with privilege: rings, and the batches of a restore.
//!
//! Benchmarks and fuzzers take what a real driver does from here. It is off until somebody asks for
//! it, and keeps no more than [`MOST`] entries.

use std::fmt;
use std::io::{self, Write};

use crate::platform::EngineId;

/// Entries that are kept.
pub const MOST: usize = 4096;

/// What commands were found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A ring, between its head and its tail.
    Ring,
    /// The batch in the midst of a restore.
    Indirect,
    /// The batch behind a restore, up to its end.
    PerContext,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ring => "ring",
            Self::Indirect => "indirect",
            Self::PerContext => "per-context",
        })
    }
}

/// Commands that an engine was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The engine.
    pub engine: EngineId,
    /// Where they were.
    pub source: Source,
    /// They.
    pub dwords: Vec<u32>,
}

/// What engines were given, in its order.
#[derive(Debug, Default)]
pub struct SubmissionLog(Option<Vec<Submission>>);

impl SubmissionLog {
    /// Begins to note what engines are given.
    pub fn enable(&mut self) {
        self.0.get_or_insert_default();
    }

    /// Whether anything more is noted.
    pub fn is_enabled(&self) -> bool {
        self.0.as_ref().is_some_and(|kept| kept.len() < MOST)
    }

    /// Notes commands, if there are any.
    pub fn note(&mut self, submission: Submission) {
        if let Some(kept) = &mut self.0 {
            if kept.len() < MOST && !submission.dwords.is_empty() {
                kept.push(submission);
            }
        }
    }

    /// Writes a line for each: engine, source, and dwords.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for submission in self.0.iter().flatten() {
            write!(out, "{} {}", submission.engine.name(), submission.source)?;
            for dword in &submission.dwords {
                write!(out, " {dword:x}")?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submission(dwords: &[u32]) -> Submission {
        Submission {
            engine: EngineId::Bcs0,
            source: Source::PerContext,
            dwords: dwords.to_vec(),
        }
    }

    fn text(log: &SubmissionLog) -> String {
        let mut text = Vec::new();
        log.write(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn note_when_off_then_nothing_is_kept() {
        let mut log = SubmissionLog::default();

        log.note(submission(&[1]));

        assert!(!log.is_enabled() && text(&log).is_empty());
    }

    #[test]
    fn write_when_something_was_given_then_a_line_for_each() {
        let mut log = SubmissionLog::default();
        log.enable();

        for dwords in [&[0x0500_0000, 1][..], &[], &[7]] {
            log.note(submission(dwords));
        }

        assert_eq!(
            text(&log),
            "bcs0 per-context 5000000 1\nbcs0 per-context 7\n"
        );
    }
}
