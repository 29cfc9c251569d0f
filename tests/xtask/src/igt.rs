// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The command `igt`: Debian's IGT in a guest, on a vGPU or on the software GPU itself.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{bail, Result};

use crate::cache::Cache;
use crate::cli::IgtArgs;
use crate::gpu_server::Vgpus;
use crate::prepare::{prepare, Boot, GUEST_KERNEL};
use crate::progress::say;

mod causes;
mod report;
pub mod results;
pub mod runner;
pub mod select;

use report::{Column, Report};
use results::{Ran, PASS, SKIP};
use runner::{Outcome, Plan};

/// Runs what the flags ask for and returns the exit status: 1 if a test went wrong and it is not
/// understood why, or if a vGPU has left something behind.
pub fn run(cache: &Cache, args: &IgtArgs) -> Result<i32> {
    let version = args.kernel_version.unwrap_or(GUEST_KERNEL);
    let ready = prepare(cache, Boot::Igt(version))?;
    let mut tests = match args.fast {
        true => select::fast(),
        false => select::full(&ready.root)?,
    };
    let one_of =
        |patterns: &[String], test: &str| patterns.iter().any(|p| test.contains(p.as_str()));
    tests.retain(|test| args.only.is_empty() || one_of(&args.only, test));
    tests.retain(|test| !one_of(&args.without, test));
    if tests.is_empty() {
        bail!("no test has that name; `cargo xtask igt --list` names them");
    }
    if args.list {
        tests.iter().for_each(|test| println!("{test}"));
        return Ok(0);
    }
    let column = match args.native {
        true => Column::Native,
        false => Column::Vgpu,
    };
    say(&format!("{} tests of IGT ({})", tests.len(), column.name()));
    let plan = Plan {
        tests: &tests,
        vgpus: (!args.native).then(|| Vgpus {
            kind: args.kind.clone(),
            ..Vgpus::smallest(1)
        }),
        test_timeout: args.test_timeout,
        timeout: Duration::from_secs(args.timeout),
        raw: args.raw.clone(),
    };
    let Outcome { ran, lost } = plan.run(&ready)?;
    if version == GUEST_KERNEL {
        let mut report = Report::open();
        report.add(column, &ran)?;
        report.save()?;
    }
    print!("{}", summary(column, &ran));
    let unknown = |ran: &&Ran| ran.is_bad() && !causes::is_understood(column, &ran.name);
    let unknown = ran.iter().filter(unknown).count();
    println!("{unknown} went wrong without a cause that is understood");
    if let Some(text) = account(&lost) {
        println!("{text}");
    }
    Ok(i32::from(unknown != 0 || lost.iter().any(Option::is_some)))
}

/// What the servers of the VMs have lost, or that it was nothing; no word without a vGPU.
fn account(lost: &[Option<String>]) -> Option<String> {
    let told: Vec<&str> = lost.iter().flatten().map(String::as_str).collect();
    match (lost.len(), told.as_slice()) {
        (0, _) => None,
        (vms, []) => Some(format!("{vms} VMs: nothing of a vGPU's is left behind")),
        (_, told) => Some(format!("LOST: {}", told.join("\nLOST: "))),
    }
}

/// What did not pass, and how many of each kind there are.
fn summary(column: Column, ran: &[Ran]) -> String {
    let mut text = String::new();
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    for one in ran {
        *words.entry(&one.word).or_default() += 1;
        if ![PASS, SKIP].contains(&one.word.as_str()) {
            let why = causes::known(column, &one.name).unwrap_or(&one.why);
            text += &format!("{:10} {}  {why}\n", one.word, one.name);
        }
    }
    let counts: Vec<String> = words
        .iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    text += &format!("{}: {}\n", column.name(), counts.join(", "));
    text
}

#[cfg(test)]
mod tests {
    use super::account;

    #[test]
    fn account_when_native_then_no_word() {
        assert_eq!(account(&[]), None);
    }

    #[test]
    fn account_when_one_vm_has_lost_something_then_says_what() {
        let text = account(&[None, Some("1 contexts".to_owned())]);
        assert_eq!(text.as_deref(), Some("LOST: 1 contexts"));
    }

    #[test]
    fn account_when_nothing_is_lost_then_says_so() {
        let text = account(&[None, None]).unwrap();
        assert!(text.starts_with("2 VMs: nothing"), "{text}");
    }
}
