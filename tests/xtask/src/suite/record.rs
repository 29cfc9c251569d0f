// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is known of `test --full`: kept for each state of what is shipped, so that a run can be
//! resumed, and written to `docs/test-report.md`.
//!
//! A result holds until what is shipped changes, not until the next commit: else a word in a document
//! would cost hours. Each line says at which commit it was found. Who changes a test runs its part.
//!
//! The report names the state that it is of. While that is what is checked out, its lines count like those
//! that are kept: so parts that ran on different machines come together when the report is committed.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use skew::SHIPPED;

use super::{table, Count, Done, Test};
use crate::cache::{Cache, Key};
use crate::command;

/// The report, from the work tree's root.
const REPORT: &str = "docs/test-report.md";

/// What stands before the digits of the state, in the report.
const STATE: &str = "State of what is shipped: ";

/// The results of one state of what is shipped.
pub struct Record {
    file: PathBuf,
    /// Digits that stand for what is shipped.
    state: String,
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
        let state = shipped.digits();
        let file = cache.folder("full")?.join(format!("{state}.tsv"));
        let mut record = Self {
            file,
            state,
            commit,
            lines: Vec::new(),
        };
        record.read();
        Ok(record)
    }

    /// Reads what is known, here and by the report.
    fn read(&mut self) {
        // The first part of a state finds no file; and there may be no report.
        let kept = fs::read_to_string(&self.file).unwrap_or_default();
        self.lines = kept.lines().filter_map(Line::parse).collect();
        let report = fs::read_to_string(command::work_tree().join(REPORT)).unwrap_or_default();
        self.merge(&report);
    }

    /// Adds what a report says of this state, unless something later is known.
    fn merge(&mut self, report: &str) {
        let state = report.lines().find_map(|line| line.strip_prefix(STATE));
        if state != Some(&*self.state) {
            return;
        }
        for line in report.lines().filter_map(Line::parse_row) {
            let is_later = |old: &Line| old.test == line.test && old.date >= line.date;
            if !self.lines.iter().any(is_later) {
                self.insert(line);
            }
        }
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
        let mut text = format!(
            "<!-- SPDX-License-Identifier: GPL-2.0 OR MIT -->\n\
             # Test report\n\n\
             The last results of `cargo xtask test --full`, written by it: of each test the last run with\n\
             `iface`, `i915-gvt-host` and `kvmgt` as they are at the commits named here.\n\n\
             {STATE}{}\n\n\
             | part | test | passed | failed | time | finished (UTC) | commit |\n\
             |---|---|---:|---:|---:|---|---|\n",
            self.state
        );
        self.lines.iter().for_each(|line| text += &line.write_row());
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

    /// Reads a row of the report; the table's head, and what is not in the table, is none.
    fn parse_row(row: &str) -> Option<Self> {
        let row = row.strip_prefix("| ")?.strip_suffix(" |")?;
        let cells: Vec<_> = row.split(" | ").collect();
        let &[part, test, passed, failed, time, date, commit] = &*cells else {
            return None;
        };
        let (minutes, seconds) = time.strip_suffix(" s")?.split_once(" min ")?;
        let minutes: u64 = minutes.parse().ok()?;
        let seconds: u64 = seconds.parse().ok()?;
        Some(Self {
            part: part.to_owned(),
            test: test.to_owned(),
            count: Count {
                passed: passed.parse().ok()?,
                failed: failed.parse().ok()?,
            },
            seconds: minutes.checked_mul(60)?.checked_add(seconds)?,
            date: date.to_owned(),
            commit: commit.to_owned(),
        })
    }

    fn write_row(&self) -> String {
        let Self {
            part,
            test,
            count: Count { passed, failed },
            seconds,
            date,
            commit,
        } = self;
        let time = format!("{} min {} s", seconds / 60, seconds % 60);
        format!("| {part} | {test} | {passed} | {failed} | {time} | {date} | {commit} |\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::slice;

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
            state: "00c0ffee".to_owned(),
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
    fn merge_when_report_is_of_this_state_then_its_lines_are_there() {
        let mut changed = line("c-d", 2);
        changed.commit += " with changes";
        let before = record(&[line("a", 0), changed]);
        let mut after = record(&[]);

        after.merge(&before.report());

        assert_eq!(after.lines, before.lines);
        assert_eq!(after.report(), before.report());
    }

    #[test]
    fn merge_when_report_is_of_another_state_then_it_is_ignored() {
        let report = record(&[line("a", 0)]).report();
        let mut other = record(&[line("b", 0)]);
        other.state = "deadbeef".to_owned();
        let before = other.lines.clone();

        other.merge(&report);
        other.merge(&report.replace(STATE, ""));

        assert_eq!(other.lines, before);
    }

    #[test]
    fn merge_when_both_know_a_test_then_the_later_one_counts() {
        let at = |date: &str, failed| Line {
            date: date.to_owned(),
            ..line("a", failed)
        };
        let [early, late] = [at("2000-01-01 09:59", 1), at("2000-01-01 10:00", 0)];
        for (kept, reported) in [(&early, &late), (&late, &early)] {
            let mut kept = record(slice::from_ref(kept));
            kept.merge(&record(slice::from_ref(reported)).report());
            assert_eq!(kept.lines, slice::from_ref(&late));
        }
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
