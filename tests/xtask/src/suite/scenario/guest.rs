// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Stock kernels drive vGPUs: their i915 finds one, lets its engines work, and complains of nothing.

use std::time::Duration;

use anyhow::{ensure, Context as _, Result};
use tempfile::TempDir;

use crate::gpu_server::Vgpus;
use crate::kernel::{Flavour, Version};
use crate::picture::{self, Picture};
use crate::prepare::{Boot, GUEST_KERNEL};
use crate::progress::say;
use crate::suite::context::{self, Guest, Shell};
use crate::suite::kernel_log;
use crate::suite::scenario::gem_work::{self, Work};
use crate::suite::scenario::nested::{self, Nested};
use crate::suite::scenario::{drawing, hotplug, monitor};
use crate::suite::{Context, Count};

/// The smallest type of a GPU of Gen9, of which two fit on the smallest aperture, and what its monitor
/// prefers if nobody says anything else.
const SMALLEST: &str = "V5_8";
const SMALLEST_RESOLUTION: &str = "1024x768";
/// The next one.
const LARGER: &str = "V5_4";
/// What the monitors of all others prefer.
const RESOLUTION: &str = "1920x1200";
/// What the monitors of two guests prefer.
const TWO_RESOLUTIONS: [&str; 2] = ["800x600", SMALLEST_RESOLUTION];
/// The oldest and the newest kernel.
const OLD_AND_NEW: [Version; 2] = [
    Version { major: 6, minor: 1 },
    Version { major: 7, minor: 3 },
];
/// vGPUs of a GPU at most.
const MAX_VGPUS: usize = 7;
/// Memory of each of many guests.
const LITTLE_RAM: &str = "768M";
/// How long many guests may take.
const PATIENCE: Duration = Duration::from_secs(6000);
/// What a blit says in the end, and how many there are in [`SCRIPT`] and [`LOOP`].
const COPIED: &str = "bcs: copied a rectangle: ok";
const BLITS: usize = 21;
/// All types of Gen9.
const KINDS: [&str; 4] = [SMALLEST, LARGER, "V5_2", "V5_1"];

/// What the host does beside a nested guest: it suspends.
const SUSPEND: &str = include_str!("../../../vm/scenario/nested_suspend.sh");

/// What runs in each guest, by busybox in a nested one. The kernel's messages are cleared before i915
/// is loaded, so that all that are left are its doing.
const SCRIPT: &str = r"
echo release=$(uname -r)
dmesg -c >/dev/null
modprobe i915
for _ in $(seq 1200); do [ -e /dev/dri/card0 ] && break; sleep 0.25; done
[ -e /dev/dri/card0 ] || { dmesg >&2; exit 1; }
echo found=$(dmesg | grep -c 'Virtual GPU for Intel GVT-g detected')
echo ballooned=$(dmesg | grep -c 'VGT balloon successfully')
echo no-vbt=$(dmesg | grep -c 'Failed to find VBIOS tables')
gem-work engines
gem-work blit
messages
";

/// Hangs and resets, of all engines.
const HANGS: &str = r"
dmesg -c >/dev/null
gem-work hang rcs bcs --how loop
gem-work hang vcs vecs --how garbage
messages
";

/// Blits over and over, each compared pixel by pixel, and all engines at the same time.
const LOOP: &str = r"
for _ in $(seq 20); do gem-work blit; done
gem-work load --seconds 30
messages
";

/// All resolutions of the monitor, one after the other, and off in between.
const SWITCH: &str = "timeout 600 kms-draw switch --times 50\n";
/// What it says in the end.
const SWITCHED: &str = "switched 50 times among ";

/// The engines work for as long as the host wants it, and then are looked at.
const UNTIL_TOLD: &str = r"
(read -r _ </dev/ttyS1; : >/enough) &
until [ -e /enough ]; do gem-work load --seconds 2; done
echo resumed
gem-work engines
gem-work blit
messages
";
/// What a line of [`UNTIL_TOLD`] says, behind which all was done after the last suspend.
const RESUMED: &str = "resumed";

/// What [`SCRIPT`] and [`HANGS`] do.
const ALL: [Work; 3] = [Work::Engines, Work::Blit, Work::Hang];
/// How many engines [`HANGS`] hangs.
const HUNG: u32 = 4;

/// Debian's 6.12 on a vGPU, with work that hangs, too, all that can be drawn, and another monitor.
pub fn debian_6_12(context: &Context) -> Result<Count> {
    let guests = guests(context, &[GUEST_KERNEL], SMALLEST, &[])?;
    let after = format!("{}{}", drawing::script(), hotplug::script());
    let shells = guests.run(&format!("{SCRIPT}{HANGS}"), &after)?;
    let count = guests.accept(&shells, &ALL)?;
    let drawn = drawing::check(&shells[0], SMALLEST_RESOLUTION)?;
    Ok(count.plus(drawn).plus(hotplug::check(&shells[0])?))
}

/// The same in a guest of the host VM's QEMU, on a vGPU of that kernel's, whose screen that QEMU shows.
pub fn nested(context: &Context, flavour: Flavour, version: Version) -> Result<Count> {
    let messages = kernel_log::SCRIPT;
    let picture = format!("{}{}", nested::LINE, nested::PICTURE);
    let drawing = format!("{picture}{}messages\n", drawing::script());
    let script = format!("{messages}set -e{SCRIPT}{HANGS}{drawing}");
    let beside = format!("{}{}", context::FILE, nested::SCREEN);
    let nested = Nested {
        flavour,
        gpu: nested::WITH_DISPLAY,
        version,
        beside: &beside,
        ..Nested::default()
    };
    let (shell, count) = nested.run(context, &script)?;
    accept(&shell, version, &ALL)?;
    let complaints = nested::number(&shell, "complaints")?;
    let hangs = nested::number(&shell, "hangs")?;
    ensure!(
        complaints == hangs,
        "kvmgt complains {complaints} times, {hangs} of them of hangs"
    );
    // Of what a guest has reset before the host sees that it hangs nothing is said, but the host ends it.
    let failed = nested::number(&shell, "failed")?;
    ensure!(
        hangs <= HUNG && HUNG <= failed,
        "of {HUNG} submissions that hang {hangs} are told, and the host has ended {failed}"
    );
    started_and_ended(&shell)?;
    ensure!(
        nested::number(&shell, "gvt_write_tracked")? != 0,
        "KVM has told no write to a page table"
    );
    ensure!(
        nested::number(&shell, "no-vbt")? == 0,
        "i915 finds no VBT in the OpRegion"
    );
    let drawn = drawing::check_all(&shell, SMALLEST_RESOLUTION, |name| {
        Picture::from_ppm(shell.file(name)?)
    })?;
    Ok(count.plus(Count::ONE).plus(drawn))
}

/// The same while the host suspends, again and again; no engine hangs.
pub fn nested_suspend(context: &Context) -> Result<Count> {
    let script = format!("{}set -e{SCRIPT}{UNTIL_TOLD}", kernel_log::SCRIPT);
    let nested = Nested {
        beside: SUSPEND,
        ..Nested::default()
    };
    let (shell, count) = nested.run(context, &script)?;
    accept(&shell, GUEST_KERNEL, &[Work::Engines, Work::Blit])?;
    let stdout = shell.stdout();
    let after = stdout.split_once(RESUMED).context("it never resumed")?.1;
    gem_work::check_lines(after, &[Work::Engines, Work::Blit])?;
    let complaints = nested::number(&shell, "complaints")?;
    ensure!(complaints == 0, "kvmgt complains {complaints} times");
    started_and_ended(&shell)?;
    Ok(count.plus(Count::ONE))
}

/// The host has started workloads of a nested guest, and ended all of them.
fn started_and_ended(shell: &Shell) -> Result<()> {
    let events = |name| nested::number(shell, name);
    let (started, ended) = (events("gvt_workload_start")?, events("gvt_workload_end")?);
    ensure!(
        started != 0 && started == ended,
        "the host has started {started} workloads, and ended {ended}"
    );
    Ok(())
}

/// A stock kernel goes from resolution to resolution, off and on, and then shows what is drawn.
pub fn modes(context: &Context, version: Version) -> Result<Count> {
    let guests = guests(context, &[version], LARGER, &[])?;
    let script = format!("{SWITCH}{}", drawing::script());
    let shells = guests.run(SCRIPT, &script)?;
    let count = guests.accept(&shells, &[Work::Engines, Work::Blit])?;
    let stdout = shells[0].stdout();
    ensure!(
        stdout.lines().any(|line| line.starts_with(SWITCHED)),
        "no line says `{SWITCHED}`:\n{stdout}"
    );
    Ok(count
        .plus(Count::ONE)
        .plus(drawing::check(&shells[0], RESOLUTION)?))
}

/// Two guests at once, on two vGPUs of one GPU, with the oldest and the newest kernel, and pictures of
/// different sizes.
pub fn two(context: &Context) -> Result<Count> {
    work(context, &OLD_AND_NEW, SMALLEST, &TWO_RESOLUTIONS)
}

/// As many guests as a GPU has vGPUs, which let their engines work over and over.
pub fn seven(context: &Context) -> Result<Count> {
    many(context, &[GUEST_KERNEL; MAX_VGPUS], SMALLEST)
}

/// Guests of three types and kernels at once.
pub fn mixed(context: &Context) -> Result<Count> {
    let [old, new] = OLD_AND_NEW;
    let kernels = [GUEST_KERNEL, old, new, GUEST_KERNEL, GUEST_KERNEL];
    many(context, &kernels, "V5_2,V5_4,V5_8")
}

fn many(context: &Context, kernels: &[Version], kinds: &str) -> Result<Count> {
    let mut guests = guests(context, kernels, kinds, &[])?;
    for guest in &mut guests.vms {
        guest.vm.timeout = Some(PATIENCE);
        LITTLE_RAM.clone_into(&mut guest.vm.ram);
        // Each write to the aperture is a message, and all wait for each other.
        guest.vm.append += nested::PATIENT;
    }
    let shells = guests.run(&format!("{SCRIPT}{LOOP}"), "")?;
    let count = guests.accept(&shells, &[Work::Engines, Work::Blit])?;
    for shell in &shells {
        let lines = shell.stdout();
        let blits = lines.lines().filter(|line| line.starts_with(COPIED));
        ensure!(blits.count() == BLITS, "not all blits went well:\n{lines}");
        ensure!(
            lines.lines().any(|line| line.starts_with("load: ")),
            "the engines did not work side by side:\n{lines}"
        );
    }
    let log = shells[0].gpu_log()?;
    let had: Vec<_> = log.lines().filter(|line| line.contains(" had ")).collect();
    say(&had.join("\n"));
    Ok(count)
}

/// A stock kernel on a vGPU of each type.
pub fn every_type(context: &Context, version: Version) -> Result<Count> {
    KINDS.iter().try_fold(Count::default(), |sum, kind| {
        Ok(sum.plus(work(context, &[version], kind, &[])?))
    })
}

/// Guests boot side by side, one with each of the kernels, on vGPUs of those types and with monitors
/// that prefer those resolutions, and let their engines work.
fn work(
    context: &Context,
    kernels: &[Version],
    kinds: &str,
    resolutions: &[&str],
) -> Result<Count> {
    let guests = guests(context, kernels, kinds, resolutions)?;
    let shells = guests.run(SCRIPT, "")?;
    guests.accept(&shells, &[Work::Engines, Work::Blit])
}

/// Guests that run side by side.
struct Guests {
    vms: Vec<Guest>,
    kernels: Vec<Version>,
    /// What their monitors prefer.
    preferred: Vec<String>,
    /// What all have laid over their roots.
    _overlay: TempDir,
    /// Of their pictures.
    _pictures: TempDir,
}

impl Guests {
    /// Runs a script in each, then that of the monitor, and then another one.
    fn run(&self, script: &str, after: &str) -> Result<Vec<Shell>> {
        let (messages, monitor) = (kernel_log::SCRIPT, monitor::script());
        let picture = picture::SCRIPT;
        let script = format!("{messages}{picture}set -e{script}{monitor}{after}messages\n");
        context::run_together(&self.vms, &script)
    }

    /// What [`accept`] says of each guest, its monitor is as it should be, and nothing of theirs is left
    /// on the GPU.
    fn accept(&self, shells: &[Shell], work: &[Work]) -> Result<Count> {
        ensure!(shells.len() == self.vms.len(), "not all guests have ended");
        let mut count = Count::default();
        let wanted = self.kernels.iter().zip(&self.preferred);
        for (shell, (version, preferred)) in shells.iter().zip(wanted) {
            accept(shell, *version, work)?;
            count = count
                .plus(Count::ONE)
                .plus(monitor::check(shell, preferred)?);
        }
        shells[0].nothing_lost()?;
        Ok(count.plus(Count::ONE))
    }
}

/// Guests, one with each of the kernels, on vGPUs of those types, of which the last is that of all that
/// follow. Where no resolution is named the monitors prefer the largest.
fn guests(
    context: &Context,
    kernels: &[Version],
    kinds: &str,
    resolutions: &[&str],
) -> Result<Guests> {
    let overlay = gem_work::overlay_with_drawing(context)?;
    let pictures = tempfile::tempdir()?;
    let vgpus = Vgpus {
        kind: Some(kinds.to_owned()),
        resolution: (!resolutions.is_empty()).then(|| resolutions.join(",")),
        ..Vgpus::smallest(u32::try_from(kernels.len())?)
    };
    let kinds: Vec<_> = kinds.split(',').collect();
    let mut vms = Vec::new();
    let mut preferred = Vec::new();
    for (place, version) in kernels.iter().enumerate() {
        let mut guest = context.guest(Boot::Guest(*version))?.without_i915();
        guest.vm.overlay = Some(overlay.path().to_path_buf());
        guest.vm.vgpus = Some(vgpus.clone());
        guest.vm.pictures = Some(pictures.path().join("of"));
        kernel_log::quiet(*version).clone_into(&mut guest.vm.append);
        vms.push(guest);
        let largest = match kinds.get(place).or(kinds.last()) {
            Some(&SMALLEST) => SMALLEST_RESOLUTION,
            _ => RESOLUTION,
        };
        let resolution = resolutions.get(place).copied().unwrap_or(largest);
        preferred.push(resolution.to_owned());
    }
    Ok(Guests {
        vms,
        kernels: kernels.to_vec(),
        preferred,
        _overlay: overlay,
        _pictures: pictures,
    })
}

/// A guest's script came to its end, the work was done, and the kernel complains of nothing.
fn accept(shell: &Shell, version: Version, work: &[Work]) -> Result<()> {
    shell.expect_status(0)?;
    let release = shell.value("release")?;
    ensure!(
        release.starts_with(&format!("{version}.")),
        "booted {release}, not {version}"
    );
    for (name, what) in [
        ("found", "finds no vGPU"),
        ("ballooned", "does not keep to its part of the GGTT"),
    ] {
        ensure!(shell.value(name)? == "1", "i915 of {release} {what}");
    }
    gem_work::check(shell, work)?;
    kernel_log::check(shell, kernel_log::STOCK)
}
