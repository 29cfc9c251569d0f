// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The test run: named tests in a table, a line of progress each, a summary at the end.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, Result};

use crate::cache::Cache;
use crate::cli::TestArgs;
use crate::kernel::{Flavour, Version};
use crate::prepare::{self, Boot};
use crate::progress::say;

mod cargo;
mod context;
mod dwarf;
mod kernel_log;
mod record;
mod scenario;
mod table;

use context::Context;

/// Which half of the project a test belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// Needs no kernel.
    Hosted,
    /// Needs a kernel and VMs.
    Kernel,
}

/// One named test.
pub struct Test {
    /// What `--only` and the summary call it.
    pub name: &'static str,
    /// Its half.
    pub half: Half,
    /// The part of `--full` that it belongs to.
    pub part: &'static str,
    /// Runs it.
    pub run: fn(&Context) -> Result<Count>,
}

/// The part that runs without `--full`.
pub const CI: &str = "ci";

/// How many checks a test has made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Those that held.
    pub passed: u32,
    /// Those that did not.
    pub failed: u32,
}

impl Count {
    /// One check that held.
    pub const ONE: Self = Self {
        passed: 1,
        failed: 0,
    };
    /// One check that did not.
    pub const FAILED: Self = Self {
        passed: 0,
        failed: 1,
    };

    fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
        }
    }
}

/// A test that has been run.
pub struct Done {
    /// Its name.
    pub name: String,
    /// What came out.
    pub count: Count,
    /// How long it took.
    pub time: Duration,
}

/// Runs what the flags ask for and returns the exit status.
pub fn run(cache: &Cache, args: &TestArgs) -> Result<i32> {
    let parts = table::parts();
    if args.list {
        let names = match args.full {
            Some(_) => parts,
            None => select(table::ALL, args, CI)
                .iter()
                .map(|t| t.name)
                .collect(),
        };
        names.iter().for_each(|name| println!("{name}"));
        return Ok(0);
    }
    let context = Context::new(cache, args.kernel_version.unwrap_or(Version::RECORD));
    let Some(wanted) = &args.full else {
        let done = run_tests(&context, &select(table::ALL, args, CI), |_, _| Ok(()))?;
        return finish(&done);
    };
    if !wanted.is_empty() && !parts.contains(&wanted.as_str()) {
        bail!("no part is called {wanted}; `cargo xtask test --full --list` names them");
    }
    let mut record = record::Record::open(cache)?;
    let mut all = Vec::new();
    for part in parts {
        let asked = part == wanted;
        if !asked && !wanted.is_empty() {
            continue;
        }
        let mut tests = select(table::ALL, args, part);
        tests.retain(|test| asked || !record.has_passed(test.name));
        let done = run_tests(&context, &tests, |test, done| record.add(cache, test, done))?;
        all.extend(done);
    }
    if all.is_empty() && wanted.is_empty() && args.only.is_none() {
        say("all has passed already: docs/test-report.md");
        return Ok(0);
    }
    finish(&all)
}

/// The tests of a part that the flags leave.
fn select(all: &'static [Test], args: &TestArgs, part: &str) -> Vec<&'static Test> {
    all.iter()
        .filter(|test| test.part == part)
        .filter(|test| !(args.hosted && test.half == Half::Kernel))
        .filter(|test| !(args.kernel && test.half == Half::Hosted))
        .filter(|test| {
            args.only
                .as_ref()
                .is_none_or(|name| test.name.contains(name.as_str()))
        })
        .collect()
}

/// Runs tests, and tells of each that is done; what VMs need is made ready while the hosted ones run.
fn run_tests(
    context: &Context,
    tests: &[&Test],
    note: impl FnMut(&Test, &Done) -> Result<()>,
) -> Result<Vec<Done>> {
    thread::scope(|scope| {
        if hosted_go_first(tests) {
            let (cache, version) = (context.cache.clone(), context.version);
            // The test that needs what could not be had says so.
            scope.spawn(move || prepare::prepare(&cache, Boot::Host(version, Flavour::Plain)));
        }
        run_in_turn(context, tests, note)
    })
}

/// Says whether VMs are needed, but not at once.
fn hosted_go_first(tests: &[&Test]) -> bool {
    let is_first_hosted = tests.first().is_some_and(|test| test.half == Half::Hosted);
    is_first_hosted && tests.iter().any(|test| test.half == Half::Kernel)
}

/// Runs tests one after the other.
fn run_in_turn(
    context: &Context,
    tests: &[&Test],
    mut note: impl FnMut(&Test, &Done) -> Result<()>,
) -> Result<Vec<Done>> {
    let mut all = Vec::new();
    for (place, test) in tests.iter().enumerate() {
        say(&format!("[{}/{}] {}", place + 1, tests.len(), test.name));
        let start = Instant::now();
        let count = (test.run)(context).unwrap_or_else(|error| {
            say(&format!("{}: {error:#}", test.name));
            Count::FAILED
        });
        let time = start.elapsed();
        let word = if count.failed == 0 {
            "passed"
        } else {
            "FAILED"
        };
        say(&format!("    {word} in {:.1} s", time.as_secs_f64()));
        let done = Done {
            name: test.name.to_owned(),
            count,
            time,
        };
        note(test, &done)?;
        all.push(done);
    }
    Ok(all)
}

/// Prints the summary, ends it with the line that CI reads, and returns the exit status.
fn finish(done: &[Done]) -> Result<i32> {
    let total = done
        .iter()
        .fold(Count::default(), |sum, one| sum.plus(one.count));
    println!("{}", summary(done));
    println!("{} passed, {} failed", total.passed, total.failed);
    if total.passed + total.failed == 0 {
        bail!("no test has that name");
    }
    Ok(i32::from(total.failed != 0))
}

fn summary(done: &[Done]) -> String {
    let width = done
        .iter()
        .map(|one| one.name.len())
        .max()
        .unwrap_or_default();
    let mut text = format!("\n{:width$}  passed  failed     time\n", "test");
    for one in done {
        let Count { passed, failed } = one.count;
        let seconds = one.time.as_secs_f64();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:width$}  {passed:6}  {failed:6}  {seconds:5.1} s",
            one.name
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn select_when_hosted_then_no_test_needs_a_kernel() {
        let args = TestArgs {
            hosted: true,
            ..TestArgs::default()
        };
        let chosen = select(table::ALL, &args, CI);
        assert!(!chosen.is_empty());
        assert!(chosen.iter().all(|test| test.half == Half::Hosted));
    }

    #[test]
    fn hosted_go_first_when_all_of_ci_then_true_and_when_one_half_then_false() {
        let all = select(table::ALL, &TestArgs::default(), CI);
        let half = |half| -> Vec<_> { all.iter().copied().filter(|t| t.half == half).collect() };
        assert!(hosted_go_first(&all));
        assert!(!hosted_go_first(&half(Half::Hosted)));
        assert!(!hosted_go_first(&half(Half::Kernel)));
    }

    #[test]
    fn select_when_only_names_one_then_just_that() {
        let args = TestArgs {
            only: Some("rustfmt".into()),
            ..TestArgs::default()
        };
        assert_eq!(select(table::ALL, &args, CI).len(), 1);
    }

    #[test]
    fn finish_when_one_failed_then_status_is_not_zero() {
        let done = [Done {
            name: "x".into(),
            count: Count::FAILED,
            time: Duration::ZERO,
        }];
        assert_eq!(finish(&done).unwrap(), 1);
    }

    #[test]
    fn finish_when_nothing_ran_then_error() {
        assert!(finish(&[]).is_err());
    }

    #[test]
    fn names_then_are_unique() {
        let mut names: Vec<_> = table::ALL.iter().map(|test| test.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), table::ALL.len());
    }
}
