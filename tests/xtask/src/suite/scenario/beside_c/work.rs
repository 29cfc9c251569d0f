// SPDX-License-Identifier: GPL-2.0 OR MIT
//! How long the work of a nested guest takes, and its start.
//!
//! These are times, of a CPU that QEMU emulates and a GPU that is a program, on a machine that may have other
//! work: only their ratio in one run says something. QEMU can't count instructions here, with a guest of
//! KVM's in a VM that counts, it comes to a state in which nothing goes on.

use std::collections::BTreeMap;

use anyhow::{ensure, Context as _, Result};

use crate::prepare::GUEST_KERNEL;
use crate::progress::say;
use crate::suite::scenario::{gem_work, nested};
use crate::suite::{Context, Count};

/// How a vGPU is measured.
const MEASURE: &str = include_str!("../../../../vm/scenario/beside_c_work.sh");
/// Seconds that a guest may take, of which the C GVT-g needs 70; and how many times the usual time all six
/// may take.
const PATIENCE: u32 = 400;
const SLOWER: u32 = 4;
/// What a guest is called that came to no end.
const LOST: &str = "lost";

/// What runs in the guest. The first work finds i915 cold.
const SCRIPT: &str = r#"
modprobe i915
for _ in $(seq 6000); do [ -e /dev/dri/card0 ] && break; sleep 0.05; done
[ -e /dev/dri/card0 ] || exit 1
echo "ready " >/dev/ttyS1
gem-work engines && gem-work rounds noop 500 && gem-work rounds store 9 && gem-work rounds move 9
"#;

/// What is measured, and what it is.
const SHOWN: [(&str, &str); 4] = [
    ("start", "from QEMU's start until the guest's i915 is ready"),
    ("noop", "a batch that does nothing, waited for"),
    ("store", "1,000 batches that store a value"),
    ("move", "64 MiB go to other addresses"),
];

/// Measures both, and shows them side by side.
pub fn costs(context: &Context) -> Result<Count> {
    let overlay = gem_work::overlay(context)?;
    nested::lay_out(context, overlay.path(), GUEST_KERNEL, SCRIPT, nested::I915)?;
    let measure = format!("PATIENCE={PATIENCE}\n{MEASURE}\n{}", nested::GUEST);
    let (shell, mut count) = super::measure(context, overlay.path(), &measure, |vm| {
        nested::RAM.clone_into(&mut vm.ram);
        vm.timeout = vm.timeout.map(|time| time * SLOWER);
    })?;
    let stdout = shell.stdout();
    let (ours, theirs) = (
        Times::parse(&stdout, "ours")?,
        Times::parse(&stdout, "theirs")?,
    );
    say(&table(&ours, &theirs)?);
    if theirs.lost() != 0 {
        say(&format!(
            "    {} guests of the C GVT-g came to no end",
            theirs.lost()
        ));
    }
    ensure!(
        ours.lost() == 0,
        "{} of our guests came to no end",
        ours.lost()
    );
    count.passed += 1;
    Ok(count)
}

/// How long each took, in nanoseconds, by its name: once for each guest.
#[derive(Debug, PartialEq, Eq)]
struct Times(BTreeMap<String, Vec<u64>>);

impl Times {
    /// Reads the lines `cost WHO NAME=NANOSECONDS` of the script.
    fn parse(text: &str, who: &str) -> Result<Self> {
        let prefix = format!("cost {who} ");
        let mut times = BTreeMap::<String, Vec<u64>>::new();
        for line in text.lines().filter_map(|line| line.strip_prefix(&prefix)) {
            let read = || format!("a time reads `{line}`");
            let (name, time) = line.split_once('=').with_context(read)?;
            let time = time.trim().parse().with_context(read)?;
            times.entry(name.to_owned()).or_default().push(time);
        }
        Ok(Self(times))
    }

    /// How many guests came to no end.
    fn lost(&self) -> usize {
        self.0.get(LOST).map_or(0, Vec::len)
    }

    /// The least of them, if there are any: other work of the machine only ever adds.
    fn least(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.iter().copied().min()
    }
}

/// A table in Markdown, as `docs/performance.md` has it; of theirs something may be missing.
fn table(ours: &Times, theirs: &Times) -> Result<String> {
    let mut text = "| work | ours, µs | C, µs | ratio |\n|---|---:|---:|---:|\n".to_owned();
    for (name, what) in SHOWN {
        let ours = ours.least(name);
        let ours = ours.with_context(|| format!("none of our guests has told its `{name}`"))?;
        let (theirs, ratio) = match theirs.least(name) {
            Some(theirs) => {
                ensure!(theirs != 0, "{name} took no time at all");
                let ratio = ours as f64 / theirs as f64;
                ((theirs / 1000).to_string(), format!("{ratio:.2}"))
            }
            None => ("–".to_owned(), "–".to_owned()),
        };
        text += &format!("| {what} | {} | {theirs} | {ratio} |\n", ours / 1000);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str =
        "ok: x\ncost ours start=400000\ncost ours start=300000\ncost theirs start=600000\n";

    #[test]
    fn least_when_two_guests_then_the_quicker() {
        let times = Times::parse(LINES, "ours").unwrap();
        assert_eq!(times.least("start"), Some(300_000));
    }

    #[test]
    fn lost_when_a_guest_came_to_no_end_then_is_counted() {
        let times = Times::parse("cost ours lost=2\n", "ours").unwrap();
        assert_eq!((times.lost(), times.least("start")), (1, None));
    }

    #[test]
    fn table_when_our_guests_have_not_told_all_then_error() {
        let of = |who| Times::parse(LINES, who).unwrap();
        assert!(table(&of("ours"), &of("theirs")).is_err());
    }

    #[test]
    fn table_when_theirs_have_not_told_all_then_the_rest() {
        let all = |name: &(&str, &str)| format!("cost ours {}=300000\n", name.0);
        let lines = SHOWN.iter().map(all).collect::<String>() + LINES;
        let of = |who| Times::parse(&lines, who).unwrap();
        let table = table(&of("ours"), &of("theirs")).unwrap();
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert!(rows[0].ends_with("| 300 | 600 | 0.50 |"), "{table}");
        assert!(rows[1].ends_with("| 300 | – | – |"), "{table}");
    }

    #[test]
    fn parse_when_line_has_no_time_then_error() {
        assert!(Times::parse("cost ours start", "ours").is_err());
    }
}
