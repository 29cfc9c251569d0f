// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What single accesses to a vGPU cost, those of the trace of a boot.
//!
//! QEMU counts instructions for the VM's clock, so what else the machine does makes no difference.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{ensure, Context as _, Result};

use crate::command;
use crate::progress::say;
use crate::suite::scenario::{program, synthetic};
use crate::suite::{Context, Count};

/// The program that has the trace, and knows what each access of it is to.
const BENCH: [&str; 7] = [
    "run",
    "--quiet",
    "--release",
    "--package",
    "bench",
    "--",
    "--classified",
];
/// A VM that counts executes on one thread, and much slower.
const SLOWER: u32 = 4;
/// How a vGPU is measured.
const MEASURE: &str = include_str!("../../../../vm/scenario/beside_c_accesses.sh");

/// Measures both, and shows them side by side.
pub fn costs(context: &Context) -> Result<Count> {
    let overlay = program::overlay(context, &[synthetic::PROGRAM])?;
    write_trace(overlay.path())?;
    let (shell, mut count) = super::measure(context, overlay.path(), MEASURE, |vm| {
        vm.counted = true;
        vm.timeout = vm.timeout.map(|time| time * SLOWER);
    })?;
    let costs = Costs::parse(&shell.stdout())?;
    say(&costs.table());
    costs.are_comparable()?;
    count.passed += 1;
    Ok(count)
}

/// Writes the accesses to be measured.
fn write_trace(overlay: &Path) -> Result<()> {
    let trace = command::output(command::cargo().args(BENCH))?;
    Ok(fs::write(overlay.join("trace"), trace)?)
}

/// What one kind of access cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    count: u64,
    median: u64,
    average: u64,
}

/// What each kind of access cost with our modules, and with those in C.
#[derive(Debug, Default, PartialEq, Eq)]
struct Costs {
    ours: BTreeMap<String, Cost>,
    theirs: BTreeMap<String, Cost>,
}

impl Costs {
    /// Reads the lines `cost WHO KIND COUNT MEDIAN AVERAGE` of the script.
    fn parse(text: &str) -> Result<Self> {
        let mut costs = Self::default();
        for line in text.lines().filter_map(|line| line.strip_prefix("cost ")) {
            let read = || format!("a cost reads {line}");
            let words: Vec<&str> = line.split(' ').collect();
            let [who, kind, count, median, average] = words[..] else {
                anyhow::bail!(read());
            };
            let side = match who {
                "ours" => &mut costs.ours,
                _ => &mut costs.theirs,
            };
            let cost = Cost {
                count: count.parse().with_context(read)?,
                median: median.parse().with_context(read)?,
                average: average.parse().with_context(read)?,
            };
            side.insert(kind.to_owned(), cost);
        }
        Ok(costs)
    }

    /// Both have done the same.
    fn are_comparable(&self) -> Result<()> {
        let counts = |side: &BTreeMap<String, Cost>| -> Vec<(String, u64)> {
            let counts = side.iter().map(|(kind, cost)| (kind.clone(), cost.count));
            counts.collect()
        };
        let (ours, theirs) = (counts(&self.ours), counts(&self.theirs));
        ensure!(!ours.is_empty(), "nothing was measured");
        ensure!(
            ours == theirs,
            "they did not do the same: {ours:?} {theirs:?}"
        );
        Ok(())
    }

    /// A table in Markdown, as `docs/performance.md` has it.
    fn table(&self) -> String {
        let mut text = "| accesses | count | ours, median | C, median | ours, average | C, average | ratio of averages |\n\
             |---|---:|---:|---:|---:|---:|---:|\n"
            .to_owned();
        for (kind, ours) in &self.ours {
            let Some(theirs) = self.theirs.get(kind) else {
                continue;
            };
            let ratio = ours.average as f64 / theirs.average.max(1) as f64;
            text += &format!(
                "| {} | {} | {} | {} | {} | {} | {ratio:.2} |\n",
                kind.replace('-', " "),
                ours.count,
                ours.median,
                theirs.median,
                ours.average,
                theirs.average
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "ok: x\ncost ours reads-plain 2 30 40\ncost theirs reads-plain 2 60 80\n";

    #[test]
    fn table_when_both_were_measured_then_ratio_of_averages() {
        let costs = Costs::parse(LINES).unwrap();
        assert!(costs
            .table()
            .ends_with("| reads plain | 2 | 30 | 60 | 40 | 80 | 0.50 |\n"));
        costs.are_comparable().unwrap();
    }

    #[test]
    fn are_comparable_when_one_did_less_then_error() {
        let costs = Costs::parse(&LINES.replace("theirs reads-plain 2", "theirs reads-plain 1"));
        assert!(costs.unwrap().are_comparable().is_err());
    }

    #[test]
    fn parse_when_line_is_short_then_error() {
        assert!(Costs::parse("cost ours reads-plain 2").is_err());
    }
}
