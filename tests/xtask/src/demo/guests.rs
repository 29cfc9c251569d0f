// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The second part of the hosted demonstration: guests whose own i915 works on vGPUs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::cache::Cache;
use crate::cli::DemoArgs;
use crate::command;
use crate::gpu_server::Vgpus;
use crate::picture::{Picture, Pixel};
use crate::prepare::{prepare, Boot, GUEST_KERNEL};
use crate::program::{self, GEM_WORK};
use crate::progress::say;
use crate::vm::{End, Outcome, Task, Vm};

/// How many guests.
const GUESTS: u32 = 2;
/// What their monitors prefer.
const RESOLUTIONS: &str = "1024x768,800x600";
/// What runs in each. Its screen shows some of it, and what the screen is.
const SCRIPT: &str = r#"
until [ -e /sys/class/graphics/fb0/virtual_size ]; do sleep 0.2; done
{
	printf '\033[2J\033[H\033[1;37mDebian, Linux %s, on a vGPU\033[0m\n\n' "$(uname -r)"
	dmesg | sed -n 's/^.*i915 0000:00:02.0: //p' | grep -E 'Found|GVT-g|graphic memory|VGT|fb0'
	echo
	modetest -M i915 -c | sed -n '/^[^ ]*\tconnected/,/props:/p' | sed '/props:/d; s/ flags:.* type:/ /'
	printf '\033[32m\n'
} >/dev/tty0
gem-work engines >/tmp/work || exit
tee /dev/tty0 </tmp/work >&2
gem-work load --seconds 5 >/tmp/work || exit
cat /tmp/work
{
	cat /tmp/work
	printf '\033[0m\n'
	for colour in 1 2 3 4 5 6 7; do printf '\033[4%dm%8s' $colour ''; done
	printf '\033[0m\n'
} >/dev/tty0
"#;
/// Where the pictures of their screens go, numbered, and what shows all of them.
const SCREEN: &str = "target/screen.png";
/// See [`SCREEN`].
const SCREENS: &str = "target/screens.png";
/// Pixels around each of the latter, and their colour.
const MARGIN: usize = 8;
/// See [`MARGIN`].
const BACKGROUND: Pixel = [0x40; 3];
/// How long they may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Boots the guests, shows what their engines and screens do, and returns the exit status.
pub fn run(cache: &Cache, args: &DemoArgs) -> Result<i32> {
    say(&format!(
        "{GUESTS} guests with Debian's stock kernel {GUEST_KERNEL}, each on a vGPU"
    ));
    let ready = prepare(cache, Boot::Guest(GUEST_KERNEL))?;
    let overlay = program::overlay_as_step(cache, &[GEM_WORK])?;
    let screen = command::work_tree().join(SCREEN);
    fs::create_dir_all(screen.parent().context("a file is in a folder")?)?;
    let vm = Vm {
        gpu: args.gpu.clone(),
        overlay: Some(overlay.path().to_path_buf()),
        vgpus: Some(Vgpus {
            resolution: Some(RESOLUTIONS.to_owned()),
            ..Vgpus::smallest(GUESTS)
        }),
        screenshot: Some(screen),
        timeout: Some(PATIENCE),
        ..Vm::new("demo", &ready)
    };
    let outcomes = vm.run_each(&ready.bench, &Task::Report(SCRIPT))?;
    for outcome in &outcomes {
        if outcome.end != End::Exit(0) {
            let (console, gpu) = (outcome.console.display(), outcome.gpu_log.display());
            say(&format!(
                "{:?}; the kernel's console: {console}",
                outcome.end
            ));
            say(&format!("the software GPU's log: {gpu}"));
        }
    }
    let mut statuses = outcomes.iter().map(|outcome| outcome.end.status());
    let status = statuses.find(|status| *status != 0).unwrap_or(0);
    if status == 0 {
        print!("{}", table(&outcomes)?);
        let in_tree = || command::work_tree().join(SCREENS);
        let file = args.picture.clone().unwrap_or_else(in_tree);
        show(&outcomes, &file)?;
        println!("\nthe guests' screens: {}", file.display());
    }
    Ok(status)
}

/// Puts the pictures of all screens side by side.
fn show(outcomes: &[Outcome], file: &Path) -> Result<()> {
    let screens = outcomes.iter().map(|outcome| {
        let screen = outcome.screenshot.as_ref();
        Picture::read(screen.context("each guest has a screen")?)
    });
    let screens = screens.collect::<Result<Vec<_>>>()?;
    Picture::beside(&screens, MARGIN, BACKGROUND).write(file)
}

/// A row for each guest.
fn table(outcomes: &[Outcome]) -> Result<String> {
    let first = outcomes.first().context("there are guests")?;
    let had = had(&fs::read_to_string(&first.gpu_log)?);
    let all: u64 = had.values().map(|had| had.cycles).sum();
    let mut text =
        String::from("\n| VM    | engines           | batches/s | submissions | share of GPU\n");
    for (number, outcome) in (1..).zip(outcomes) {
        let name = format!("vgpu{number}");
        let stdout = String::from_utf8_lossy(&outcome.stdout);
        let value = |key: &str| {
            let found = stdout.lines().find_map(|line| line.strip_prefix(key));
            found.with_context(|| format!("{name} tells no {key}"))
        };
        let of_it = had.get(&name).copied().unwrap_or_default();
        let share = (100 * of_it.cycles).checked_div(all).unwrap_or(0);
        text += &format!(
            "| {name} | {:17} | {:>9} | {:>11} | {share} %\n",
            value("engines=")?,
            value("rate=")?,
            of_it.submissions,
        );
    }
    Ok(text)
}

/// What a vGPU has had of the engines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Had {
    submissions: u64,
    /// Cycles that the GPU has counted for its contexts.
    cycles: u64,
}

/// What the server says at its end of each vGPU.
fn had(log: &str) -> BTreeMap<String, Had> {
    let of_line = |line: &str| {
        let (name, rest) = line.split_once(" had ")?;
        let (submissions, rest) = rest.split_once(" submissions, ")?;
        let (_, cycles) = rest.split_once(" us, ")?;
        let had = Had {
            submissions: submissions.parse().ok()?,
            cycles: cycles.strip_suffix(" cycles")?.parse().ok()?,
        };
        Some((name.to_owned(), had))
    };
    log.lines().filter_map(of_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn had_finds_the_lines_of_vgpus_among_others() {
        let found = had("ready\n\
             INFO client served\n\
             vgpu1 had 12 submissions, 3400 us, 560 cycles\n\
             vgpu2 had 0 submissions, 0 us, 0 cycles\n");
        let first = Had {
            submissions: 12,
            cycles: 560,
        };
        assert_eq!(found.get("vgpu1"), Some(&first));
        assert_eq!(found.get("vgpu2"), Some(&Had::default()));
        assert_eq!(found.len(), 2);
    }
}
