// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is known of `test --full`: kept for each commit, so that a run can be resumed, and
//! written to `docs/test-report.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use super::{Count, Done};
use crate::cache::Cache;
use crate::command;

/// The report, from the work tree's root.
const REPORT: &str = "docs/test-report.md";

/// The results of one commit.
pub struct Record {
    file: PathBuf,
    commit: String,
    /// Whether the tree is the commit's, so that what is in the file is of the same tree.
    clean: bool,
    lines: Vec<Line>,
}

/// One test's result.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    part: String,
    test: String,
    count: Count,
    seconds: u64,
    date: String,
}

impl Record {
    /// Opens the record of the commit that is checked out.
    pub fn open(cache: &Cache) -> Result<Self> {
        let git = |args: &[&str]| {
            let mut command = command::new("git");
            command::output(command.args(args).current_dir(command::work_tree()))
        };
        let mut commit = git(&["rev-parse", "--short=12", "HEAD"])?.trim().to_owned();
        // The report itself may differ: this program writes it.
        let changed = git(&["status", "--porcelain", "--", ".", &format!(":!{REPORT}")])?;
        let clean = changed.trim().is_empty();
        if !clean {
            commit += " with changes";
        }
        let file = cache
            .folder("full")?
            .join(format!("{}.tsv", commit.replace(' ', "-")));
        let mut record = Self {
            file,
            commit,
            clean,
            lines: Vec::new(),
        };
        record.read();
        Ok(record)
    }

    /// Reads what is known of this tree.
    fn read(&mut self) {
        // The first part of a commit finds no file.
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        if self.clean {
            self.lines = text.lines().filter_map(Line::parse).collect();
        }
    }

    /// Says whether all tests of a part have passed at this commit.
    pub fn has_passed(&self, part: &str) -> bool {
        let mut lines = self
            .lines
            .iter()
            .filter(|line| line.part == part)
            .peekable();
        lines.peek().is_some() && lines.all(|line| line.count.failed == 0)
    }

    /// Adds a part that has just run, in place of what was known of it. Other parts may have run at
    /// the same time.
    pub fn add(&mut self, cache: &Cache, part: &str, done: &[Done]) -> Result<()> {
        let _lock = cache.lock("full")?;
        self.read();
        let mut date = command::new("date");
        let date = command::output(date.args(["--utc", "+%Y-%m-%d %H:%M"]))?
            .trim()
            .to_owned();
        self.lines.retain(|line| line.part != part);
        self.lines.extend(done.iter().map(|one| Line {
            part: part.to_owned(),
            test: one.name.clone(),
            count: one.count,
            seconds: one.time.as_secs(),
            date: date.clone(),
        }));
        let text: String = self.lines.iter().map(Line::write).collect();
        fs::write(&self.file, text)?;
        fs::write(command::work_tree().join(REPORT), self.report())?;
        Ok(())
    }

    fn report(&self) -> String {
        let mut text = format!(
            "<!-- SPDX-License-Identifier: GPL-2.0 OR MIT -->\n\
             # Test report\n\n\
             The last results of `cargo xtask test --full`, written by it.\n\n\
             Commit: {}\n\n\
             | part | test | passed | failed | time | finished (UTC) |\n\
             |---|---|---:|---:|---:|---|\n",
            self.commit
        );
        for Line {
            part,
            test,
            count,
            seconds,
            date,
        } in &self.lines
        {
            let Count { passed, failed } = count;
            let time = format!("{} min {} s", seconds / 60, seconds % 60);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "| {part} | {test} | {passed} | {failed} | {time} | {date} |"
            );
        }
        let total: Duration = self
            .lines
            .iter()
            .map(|l| Duration::from_secs(l.seconds))
            .sum();
        let _ = writeln!(text, "\nTogether {} minutes.", total.as_secs().div_ceil(60));
        text
    }
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split('\t');
        let mut next = || words.next().map(str::to_owned);
        Some(Self {
            part: next()?,
            test: next()?,
            count: Count {
                passed: next()?.parse().ok()?,
                failed: next()?.parse().ok()?,
            },
            seconds: next()?.parse().ok()?,
            date: next()?,
        })
    }

    fn write(&self) -> String {
        let Self {
            part,
            test,
            count,
            seconds,
            date,
        } = self;
        format!(
            "{part}\t{test}\t{}\t{}\t{seconds}\t{date}\n",
            count.passed, count.failed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(part: &str, failed: u32) -> Line {
        Line {
            part: part.to_owned(),
            test: "t".to_owned(),
            count: Count { passed: 1, failed },
            seconds: 61,
            date: "2000-01-01 00:00".to_owned(),
        }
    }

    #[test]
    fn line_when_written_and_parsed_then_the_same() {
        let line = line("p", 2);
        assert_eq!(Line::parse(line.write().trim_end()), Some(line));
    }

    #[test]
    fn has_passed_when_one_test_of_the_part_failed_then_no() {
        let record = Record {
            file: PathBuf::new(),
            commit: String::new(),
            clean: true,
            lines: vec![line("a", 0), line("b", 0), line("b", 1)],
        };
        assert!(record.has_passed("a"));
        assert!(!record.has_passed("b"));
        assert!(!record.has_passed("never run"));
    }
}
