// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `docs/igt.md`: the last result of each test, natively and on a vGPU.
//!
//! A run replaces what it has run, in its column; the rest is read from the document and kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};

use super::causes;
use super::results::{self, Ran, NOT_RUN, PASS};
use super::runner::SMALLER;
use super::select::{self, LEFT_OUT};
use crate::command;

/// The document, from the work tree's root.
const DOCUMENT: &str = "docs/igt.md";
/// What stands for a test that has never been run there.
const NONE: &str = "–";

/// Where tests were run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// By a guest that drives the software GPU itself.
    Native,
    /// By a guest on a vGPU.
    Vgpu,
}

impl Column {
    /// All, in the order of the table.
    const ALL: [Self; 2] = [Self::Native, Self::Vgpu];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Vgpu => "vGPU",
        }
    }
}

/// What the document knows.
#[derive(Debug, Default, PartialEq)]
pub struct Report {
    /// For each column the date of its last run.
    runs: BTreeMap<String, String>,
    /// For each test a word for each column, and why.
    rows: BTreeMap<String, Row>,
}

/// One test.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    words: [String; 2],
    why: String,
}

impl Report {
    /// Reads the document, if there is one.
    pub fn open() -> Self {
        let file = command::work_tree().join(DOCUMENT);
        Self::parse(&fs::read_to_string(file).unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let mut report = Self::default();
        for line in text.lines() {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            match cells.as_slice() {
                [name, run] if Column::ALL.iter().any(|column| column.name() == *name) => {
                    report.runs.insert((*name).to_owned(), (*run).to_owned());
                }
                [name, native, vgpu, why] if name.starts_with('`') => {
                    let name = name.trim_matches('`');
                    if select::is_left_out(name) {
                        continue;
                    }
                    let row = Row {
                        words: [*native, *vgpu].map(str::to_owned),
                        why: (*why).to_owned(),
                    };
                    report.rows.insert(name.to_owned(), row);
                }
                _ => {}
            }
        }
        report
    }

    /// Puts in what has just been run; of what was not, the last result stays.
    pub fn add(&mut self, column: Column, ran: &[Ran]) -> Result<()> {
        let place = column as usize;
        for one in ran.iter().filter(|one| one.word != NOT_RUN) {
            let row = self.rows.entry(one.name.clone()).or_insert_with(|| Row {
                words: [NONE, NONE].map(str::to_owned),
                why: String::new(),
            });
            row.words[place].clone_from(&one.word);
            if one.word != PASS {
                // The document's own marks would break the table.
                row.why = one.why.replace(['|', '\n'], "/").trim().to_owned();
            } else if row
                .words
                .iter()
                .all(|word| [PASS, NONE].contains(&word.as_str()))
            {
                row.why.clear();
            }
        }
        let date = output("date", &["--utc", "+%Y-%m-%d %H:%M"])?;
        let run = format!("{date} UTC");
        self.runs.insert(column.name().to_owned(), run);
        Ok(())
    }

    /// Writes the document.
    pub fn save(&self) -> Result<()> {
        let file = command::work_tree().join(DOCUMENT);
        fs::write(&file, self.text()).with_context(|| format!("cannot write {}", file.display()))
    }

    fn text(&self) -> String {
        let mut text = "<!-- SPDX-License-Identifier: GPL-2.0 OR MIT -->\n\
             # IGT, the test suite of DRM drivers\n\n\
             The last results of `cargo xtask igt [--native]`, written by it: Debian's `igt-gpu-tools-tests`\n\
             under Debian's kernel 6.12, by a guest that drives the software GPU itself and by a guest on a\n\
             hosted vGPU of the smallest type. The tests are those that Intel's CI runs of each change\n\
             (`i915.fast-feedback.testlist`), and all others of `gem_*`, `i915_*` and `kms_*` that are called\n\
             basic. The words are those of igt_runner, but that a test which only wrote to stderr passed; `skip`\n\
             is a test that says that what it needs is not there. A run may be of some tests only: then the results of others are older, and a test that no\n\
             run has had yet is not in the tables.\n\n\
             What is not run:\n\n"
            .to_owned();
        // Writing to a string cannot fail.
        for (start, why) in LEFT_OUT {
            let _ = writeln!(text, "- `{start}*`: {why}");
        }
        text += "\nWhat is run smaller:\n\n";
        for (program, how) in SMALLER {
            let _ = writeln!(text, "- `{program}@*`: {how}");
        }
        text += "\n## Summary\n\n| | last run |\n|---|---|\n";
        for (name, run) in &self.runs {
            let _ = writeln!(text, "| {name} | {run} |");
        }
        text += "\n| result | native | vGPU |\n|---|---:|---:|\n";
        let words: BTreeSet<&String> = self.rows.values().flat_map(|row| &row.words).collect();
        for word in words.into_iter().filter(|word| *word != NONE) {
            let [native, vgpu] = Column::ALL.map(|column| self.count(column, word));
            let _ = writeln!(text, "| {word} | {native} | {vgpu} |");
        }
        text += "\n## What does not pass, and why\n\n";
        text += &self.table(|row| {
            row.words
                .iter()
                .any(|word| results::is_bad(word) && word != NONE)
        });
        text += "\n## What is skipped\n\n";
        text += &self.table(|row| {
            !row.words
                .iter()
                .any(|word| results::is_bad(word) && word != NONE)
                && row
                    .words
                    .iter()
                    .any(|word| ![PASS, NONE].contains(&word.as_str()))
        });
        text += "\n## What passes\n\n";
        text += &self.table(|row| {
            row.words
                .iter()
                .all(|word| [PASS, NONE].contains(&word.as_str()))
        });
        text
    }

    fn count(&self, column: Column, word: &str) -> usize {
        let words = self.rows.values().map(|row| &row.words[column as usize]);
        words.filter(|w| *w == word).count()
    }

    fn table(&self, belongs: impl Fn(&Row) -> bool) -> String {
        let mut text = "| test | native | vGPU | why |\n|---|---|---|---|\n".to_owned();
        for (name, row) in self.rows.iter().filter(|(_, row)| belongs(row)) {
            let [native, vgpu] = &row.words;
            // Of two that are not as they should be, that of the vGPU is ours to explain.
            let cause = Column::ALL.into_iter().rev().find_map(|column| {
                let word = row.words[column as usize].as_str();
                let open = ![PASS, NONE].contains(&word);
                open.then(|| causes::known(column, name)).flatten()
            });
            let why = cause.unwrap_or(&row.why);
            let _ = writeln!(text, "| `{name}` | {native} | {vgpu} | {why} |");
        }
        text
    }
}

/// What a program says, in the work tree.
fn output(program: &str, args: &[&str]) -> Result<String> {
    let mut command = command::new(program);
    let text = command::output(command.args(args).current_dir(command::work_tree()))?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(name: &str, word: &str, why: &str) -> Ran {
        Ran {
            name: name.to_owned(),
            word: word.to_owned(),
            why: why.to_owned(),
        }
    }

    #[test]
    fn parse_when_written_then_the_same() {
        let mut report = Report::default();
        let tests = [
            ran("x@a", PASS, ""),
            ran("x@b", "fail", "a | b"),
            ran("x@c", "skip", "c"),
        ];
        report.add(Column::Native, &tests).unwrap();
        report.add(Column::Vgpu, &tests[..1]).unwrap();
        assert_eq!(Report::parse(&report.text()), report);
    }

    #[test]
    fn add_when_one_column_ran_then_the_other_is_kept() {
        let mut report = Report::default();
        report
            .add(Column::Native, &[ran("x@a", "fail", "why")])
            .unwrap();
        report.add(Column::Vgpu, &[ran("x@a", PASS, "")]).unwrap();
        let row = &report.rows["x@a"];
        assert_eq!(row.words, ["fail", PASS]);
        assert_eq!(row.why, "why");
        report.add(Column::Native, &[ran("x@a", PASS, "")]).unwrap();
        assert_eq!(report.rows["x@a"].why, "");
    }
}
