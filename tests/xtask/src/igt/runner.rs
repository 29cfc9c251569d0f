// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Running tests of IGT in VMs: one VM, and another one for what is left when that has died.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};

use super::results::{self, Ran};
use super::select;
use crate::gpu_server::{self, Vgpus};
use crate::prepare::Ready;
use crate::progress::say;
use crate::vm::{self, End, Task, Vm};

/// Memory of the VM: `gem_exec_gttfill` fills 4 GiB of addresses. It is taken as it is used.
const RAM: &str = "6G";
/// What a program may take beyond its tests' time, in seconds: starting, and the summary.
const SLACK: u32 = 60;
/// The least serious of the kernel's messages that count against a test: warnings. At the level below
/// that, i915 tells of each engine that it resets, which many tests make it do.
pub const WARNING: u32 = 4;

/// The clock of the kernel. On a busy machine it may take the CPU's counter for ten times slower than
/// it is (observed: 274 MHz instead of 2,596), and all time limits are over too early.
const CLOCK: &str = "clocksource=hpet";
/// Consoles belong to a second screen, which is not there: drawing one through the aperture, by
/// messages, takes minutes during which a CPU does nothing else. The framebuffer device itself stays.
const NO_CONSOLE: &str = "fbcon=map:1";

/// Drivers of other GPUs, which tests load to see whether there is one: that takes half a minute.
const OTHER_DRIVERS: [&str; 5] = ["amdgpu", "nouveau", "radeon", "vmwgfx", "xe"];
/// Where modprobe is told to leave those, from the root.
const MODPROBE: &str = "etc/modprobe.d/igt.conf";

/// Programs that get the sizes which IGT has for simulated GPUs, with the reason.
pub const SMALLER: &[(&str, &str)] = &[(
    "gem_mmap_gtt",
    "objects of 1 MiB instead of 16: each access to the aperture is a message here",
)];

/// Programs whose tests may take [`PATIENCE`] times as long as others: they check what they did through
/// the aperture.
const SLOWER: [&str; 3] = ["gem_blits", "gem_mmap_gtt", "gem_pwrite"];
/// See [`SLOWER`].
const PATIENCE: u32 = 10;

/// What runs in the guest: each program's list by itself, so that what one leaves behind is known
/// before the next begins. A program begins with a line on stdout, its results follow. What
/// igt_runner prints goes nowhere: all of it is in its results too. It ends after a test that took too
/// long; then it is told to resume, as long as that brings results. What has none even then is run by
/// a program of its own each.
const SCRIPT: &str = r#"
words() {
	sed -n 's/^ *"result": "\(.*\)",*$/\1/p' "$1/results.json" 2>/dev/null
}
# Runs the list $1 with $2 tests, and leaves the results in the folder $3.
run() {
	rm -rf "$3"
	timeout --kill-after=10 $(($2 * limit + SLACK)) igt_runner --multiple-mode \
		--per-test-timeout $limit --piglit-style-dmesg --dmesg-warn-level WARNING \
		--prune-mode keep-subtests --abort-on-monitored-error=lockdep --disk-usage-limit 16M \
		--test-list "$1" /PROGRAMS "$3" >/dev/null 2>&1
}
# The names of the tests in the list $1 that have no result in the folder $2, where all is lower case.
unanswered() {
	awk -F'"' '/^ *"igt@/ { name = $2 } /^ *"result":/ && $4 != "notrun" { print name }' \
		"$2/results.json" 2>/dev/null >/tmp/answered
	while read -r test; do
		subtest=$(echo "$test" | cut -d@ -f1-3)
		grep -qi -e "^$subtest\$" -e "^$subtest@" /tmp/answered || echo "$test"
	done <"$1"
}
lists=$(ls /igt)
total=$(ls /igt | wc -l)
place=0
for list in $lists; do
	place=$((place + 1))
	program=${list#*-}
	count=$(grep -c . "/igt/$list")
	echo "{\"program\":\"$program\"}"
	begin=$(cut -d. -f1 /proc/uptime)
	case " SMALLER " in
	*" $program "*) export INTEL_SIMULATION=1 ;;
	*) unset INTEL_SIMULATION ;;
	esac
	case " SLOWER " in
	*" $program "*) limit=$((SECONDS * PATIENCE)) ;;
	*) limit=SECONDS ;;
	esac
	run "/igt/$list" "$count" /tmp/results
	ran=0
	while now=$(words /tmp/results | grep -c .) && [ "$now" -gt $ran ] && [ "$now" -lt "$count" ]; do
		ran=$now
		timeout --kill-after=10 $((count * limit + SLACK)) igt_resume /tmp/results >/dev/null 2>&1
	done
	[ -e /tmp/results/results.json ] && cat /tmp/results/results.json
	words=$(words /tmp/results)
	for test in $(unanswered "/igt/$list" /tmp/results); do
		echo "$test" >/tmp/one
		run /tmp/one 1 /tmp/results-of-one
		[ -e /tmp/results-of-one/results.json ] && cat /tmp/results-of-one/results.json
		words="$words
$(words /tmp/results-of-one)"
	done
	words=$(echo "$words" | grep . | sort | uniq -c | tr -s ' \n' '  ')
	echo "[$place/$total] $program:${words:- no result} ($(($(cut -d. -f1 /proc/uptime) - begin)) s)" >&2
done
"#;

/// What came of a plan.
pub struct Outcome {
    /// A result for each test, in the order of the tests' names.
    pub ran: Vec<Ran>,
    /// Of each VM with a vGPU, what its server had lost when the VM was gone; none of one that has lost
    /// nothing.
    pub lost: Vec<Option<String>>,
}

/// What to run, and where.
pub struct Plan<'a> {
    /// The tests, those of a program together.
    pub tests: &'a [String],
    /// On a vGPU of that kind; natively without one.
    pub vgpus: Option<Vgpus>,
    /// Seconds that one test may take.
    pub test_timeout: u32,
    /// The time that all of them may take.
    pub timeout: Duration,
    /// A file for what the guest sends.
    pub raw: Option<PathBuf>,
}

impl Plan<'_> {
    /// Runs all tests, in one VM after the other with a GPU of its own each.
    ///
    /// # Errors
    ///
    /// The first VM does not come up. What is left when the time is over counts as not run.
    pub fn run(&self, ready: &Ready) -> Result<Outcome> {
        let start = Instant::now();
        let mut left: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for test in self.tests {
            left.entry(select::program(test)).or_default().push(test);
        }
        let mut raw = match &self.raw {
            Some(file) => Some(fs::File::create(file)?),
            None => None,
        };
        let mut all = Vec::new();
        let mut lost = Vec::new();
        while !left.is_empty() {
            let time = self.timeout.saturating_sub(start.elapsed());
            let vm::Outcome {
                end,
                stdout,
                gpu_log,
                ..
            } = self.boot(ready, &left, time)?;
            if self.vgpus.is_some() {
                let told = gpu_server::nothing_lost(&gpu_log);
                lost.push(told.err().map(|error| format!("{error:#}")));
            }
            if let Some(raw) = &mut raw {
                raw.write_all(&stdout)?;
            }
            let stream = results::read(&stdout)?;
            let died = !matches!(end, End::Exit(0));
            if died && stream.begun.is_empty() {
                if all.is_empty() {
                    bail!("no test was run: {end:?}");
                }
                say(&format!("{end:?}: the rest is not run"));
                let tests = left.values().flatten();
                all.extend(tests.map(|test| Ran::not_run(test)));
                break;
            }
            for program in &stream.begun {
                let asked = left.remove(program.as_str()).unwrap_or_default();
                let missing = asked
                    .iter()
                    .filter(|asked| !stream.ran.iter().any(|ran| ran.answers(asked)));
                all.extend(missing.map(|asked| Ran::incomplete(asked)));
            }
            all.extend(stream.ran);
            if died {
                say(&format!("{end:?}; {} programs are left of IGT", left.len()));
            } else if !left.is_empty() {
                bail!("the guest has left out {} programs", left.len());
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Outcome { ran: all, lost })
    }

    /// Boots a VM that runs what is left.
    fn boot(
        &self,
        ready: &Ready,
        left: &BTreeMap<&str, Vec<&str>>,
        time: Duration,
    ) -> Result<vm::Outcome> {
        let overlay = tempfile::Builder::new().prefix("kvmgt-igt-").tempdir()?;
        let lists = overlay.path().join("igt");
        fs::create_dir(&lists)?;
        for (place, (program, tests)) in left.iter().enumerate() {
            let text: String = tests.iter().map(|test| select::line(test)).collect();
            fs::write(lists.join(format!("{place:03}-{program}")), text)?;
        }
        let leave = OTHER_DRIVERS.map(|driver| format!("install {driver} /bin/false\n"));
        let modprobe = overlay.path().join(MODPROBE);
        fs::create_dir_all(modprobe.parent().context("it is in a folder")?)?;
        fs::write(modprobe, leave.concat())?;
        let vm = Vm {
            overlay: Some(overlay.path().to_path_buf()),
            vgpus: self.vgpus.clone(),
            ram: RAM.to_owned(),
            append: format!("{CLOCK} {NO_CONSOLE}"),
            // Many tests write to the aperture and look in memory.
            posted: false,
            timeout: Some(time),
            ..Vm::new("igt", ready)
        };
        let smaller = SMALLER.iter().map(|(program, _)| *program);
        let smaller = smaller.collect::<Vec<_>>().join(" ");
        let script = SCRIPT
            .replace("SECONDS", &self.test_timeout.to_string())
            .replace("SLACK", &SLACK.to_string())
            .replace("WARNING", &WARNING.to_string())
            .replace("SMALLER", &smaller)
            .replace("SLOWER", &SLOWER.join(" "))
            .replace("PATIENCE", &PATIENCE.to_string())
            .replace("PROGRAMS", select::PROGRAMS);
        vm.run(&ready.bench, &Task::Report(&script))
            .context("cannot run IGT")
    }
}
