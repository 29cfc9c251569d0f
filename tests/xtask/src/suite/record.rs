// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is known of `test --full`: kept for each state of what is shipped, so that a run can be
//! resumed, and written to `docs/test-report.md`.
//!
//! A result holds until what is shipped changes, not until the next commit: else a word in a document
//! would cost hours. Each line says at which commit it was found. Who changes a test runs its part.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use super::{table, Count, Done, Test};
use crate::cache::{Cache, Key};
use crate::command;

/// The report, from the work tree's root.
const REPORT: &str = "docs/test-report.md";

/// The folders of what is shipped.
const SHIPPED: [&str; 3] = ["iface", "i915-gvt-host", "kvmgt"];

/// The results of one state of what is shipped.
pub struct Record {
    file: PathBuf,
    commit: String,
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
    commit: String,
}

impl Record {
    /// Opens the record of what is checked out.
    pub fn open(cache: &Cache) -> Result<Self> {
        let git = |args: &[&str]| {
            let mut command = command::new("git");
            command::output(command.args(args).current_dir(command::work_tree()))
        };
        // The report itself may differ: this program writes it.
        let report = format!(":!{REPORT}");
        let mut commit = git(&["rev-parse", "--short=12", "HEAD"])?.trim().to_owned();
        let changed = git(&["status", "--porcelain", "--", ".", &report])?;
        if !changed.trim().is_empty() {
            commit += " with changes";
        }
        let mut shipped = Key::new();
        for folder in SHIPPED {
            shipped = shipped.files(&command::work_tree().join(folder))?;
        }
        let file = cache
            .folder("full")?
            .join(format!("{}.tsv", shipped.digits()));
        let mut record = Self {
            file,
            commit,
            lines: Vec::new(),
        };
        record.read();
        Ok(record)
    }

    /// Reads what is known.
    fn read(&mut self) {
        // The first part of a state finds no file.
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        self.lines = text.lines().filter_map(Line::parse).collect();
    }

    /// Says whether a test has passed with what is shipped as it is.
    pub fn has_passed(&self, test: &str) -> bool {
        self.lines
            .iter()
            .any(|line| line.test == test && line.count.failed == 0)
    }

    /// Adds a test that has just run, in place of what was known of it. Others may have run at the
    /// same time.
    pub fn add(&mut self, cache: &Cache, test: &Test, done: &Done) -> Result<()> {
        let _lock = cache.lock("full")?;
        self.read();
        let mut date = command::new("date");
        let date = command::output(date.args(["--utc", "+%Y-%m-%d %H:%M"]))?
            .trim()
            .to_owned();
        self.insert(Line {
            part: test.part.to_owned(),
            test: test.name.to_owned(),
            count: done.count,
            seconds: done.time.as_secs(),
            date,
            commit: self.commit.clone(),
        });
        let text: String = self.lines.iter().map(Line::write).collect();
        fs::write(&self.file, text)?;
        fs::write(command::work_tree().join(REPORT), self.report())?;
        Ok(())
    }

    /// Puts a line where the table of tests has its test.
    fn insert(&mut self, line: Line) {
        self.lines.retain(|old| old.test != line.test);
        self.lines.push(line);
        let place = |line: &Line| table::ALL.iter().position(|test| test.name == line.test);
        self.lines.sort_by_key(place);
    }

    fn report(&self) -> String {
        let mut text = "<!-- SPDX-License-Identifier: GPL-2.0 OR MIT -->\n\
             # Test report\n\n\
             The last results of `cargo xtask test --full`, written by it: of each test the last run with\n\
             `iface`, `i915-gvt-host` and `kvmgt` as they are at the commits named here.\n\n\
             | part | test | passed | failed | time | finished (UTC) | commit |\n\
             |---|---|---:|---:|---:|---|---|\n"
            .to_owned();
        for Line {
            part,
            test,
            count,
            seconds,
            date,
            commit,
        } in &self.lines
        {
            let Count { passed, failed } = count;
            let time = format!("{} min {} s", seconds / 60, seconds % 60);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "| {part} | {test} | {passed} | {failed} | {time} | {date} | {commit} |"
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
            commit: next()?,
        })
    }

    fn write(&self) -> String {
        let Self {
            part,
            test,
            count,
            seconds,
            date,
            commit,
        } = self;
        format!(
            "{part}\t{test}\t{}\t{}\t{seconds}\t{date}\t{commit}\n",
            count.passed, count.failed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(test: &str, failed: u32) -> Line {
        Line {
            part: "p".to_owned(),
            test: test.to_owned(),
            count: Count { passed: 1, failed },
            seconds: 61,
            date: "2000-01-01 00:00".to_owned(),
            commit: "0123456789ab".to_owned(),
        }
    }

    fn record(lines: &[Line]) -> Record {
        let mut record = Record {
            file: PathBuf::new(),
            commit: String::new(),
            lines: Vec::new(),
        };
        lines.iter().cloned().for_each(|line| record.insert(line));
        record
    }

    #[test]
    fn line_when_written_and_parsed_then_the_same() {
        let line = line("p", 2);
        assert_eq!(Line::parse(line.write().trim_end()), Some(line));
    }

    #[test]
    fn has_passed_when_last_run_failed_then_no() {
        let record = record(&[line("a", 0), line("b", 0), line("b", 1)]);
        assert!(record.has_passed("a"));
        assert!(!record.has_passed("b"));
        assert!(!record.has_passed("never run"));
    }

    #[test]
    fn insert_when_tests_ran_in_another_order_then_lines_are_in_that_of_the_table() {
        let [first, second, ..] = table::ALL else {
            panic!("there are tests")
        };
        let record = record(&[line(second.name, 0), line(first.name, 0)]);
        let names: Vec<_> = record.lines.iter().map(|line| &line.test).collect();
        assert_eq!(names, [first.name, second.name]);
    }
}
