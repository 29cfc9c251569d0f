// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Stock kernels drive vGPUs: their i915 finds one, lets its engines work, and complains of nothing.

use std::slice;

use anyhow::{ensure, Result};

use crate::gpu_server::Vgpus;
use crate::kernel::Version;
use crate::prepare::{Boot, GUEST_KERNEL};
use crate::suite::context::Shell;
use crate::suite::kernel_log;
use crate::suite::scenario::gem_work::{self, Work};
use crate::suite::scenario::nested;
use crate::suite::{Context, Count};

/// The smallest type of a GPU of Gen9, of which two fit on the smallest aperture.
const SMALLEST: &str = "V5_8";
/// All types of Gen9.
const KINDS: [&str; 4] = [SMALLEST, "V5_4", "V5_2", "V5_1"];

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

/// What [`SCRIPT`] and [`HANGS`] do.
const ALL: [Work; 3] = [Work::Engines, Work::Blit, Work::Hang];
/// The engines that [`HANGS`] hangs, each of which kvmgt tells.
const HUNG: u32 = 4;

/// Debian's 6.12 on a vGPU, with work that hangs, too.
pub fn debian_6_12(context: &Context) -> Result<Count> {
    let script = format!("{SCRIPT}{HANGS}");
    let shells = run(context, GUEST_KERNEL, SMALLEST, 1, &script)?;
    accept(&shells, GUEST_KERNEL, &ALL)
}

/// The same in a guest of the host VM's QEMU, on a vGPU of the kernel's.
pub fn nested(context: &Context, version: Version) -> Result<Count> {
    let script = format!("{}set -e{SCRIPT}{HANGS}", kernel_log::SCRIPT);
    let (shell, count) = nested::run(context, version, &script, true)?;
    let accepted = accept(slice::from_ref(&shell), version, &ALL)?;
    let complaints = nested::number(&shell, "complaints")?;
    ensure!(
        complaints == HUNG,
        "kvmgt complains {complaints} times, not {HUNG} times"
    );
    let events = |name| nested::number(&shell, name);
    let (started, ended) = (events("gvt_workload_start")?, events("gvt_workload_end")?);
    ensure!(
        started != 0 && started == ended,
        "the host has started {started} workloads, and ended {ended}"
    );
    ensure!(
        events("gvt_write_tracked")? != 0,
        "KVM has told no write to a page table"
    );
    Ok(count.plus(accepted))
}

/// Two guests at once, on two vGPUs of one GPU.
pub fn two(context: &Context) -> Result<Count> {
    work(context, GUEST_KERNEL, SMALLEST, 2)
}

/// A stock kernel on a vGPU of each type.
pub fn every_type(context: &Context, version: Version) -> Result<Count> {
    KINDS.iter().try_fold(Count::default(), |sum, kind| {
        Ok(sum.plus(work(context, version, kind, 1)?))
    })
}

/// Guests of a kernel boot side by side, each on a vGPU of that type, and let its engines work.
fn work(context: &Context, version: Version, kind: &str, count: u32) -> Result<Count> {
    let shells = run(context, version, kind, count, SCRIPT)?;
    accept(&shells, version, &[Work::Engines, Work::Blit])
}

/// Runs a script in guests side by side, each on a vGPU of its own.
fn run(
    context: &Context,
    version: Version,
    kind: &str,
    count: u32,
    script: &str,
) -> Result<Vec<Shell>> {
    let overlay = gem_work::overlay(context)?;
    let mut guest = context.guest(Boot::Guest(version))?.without_i915();
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    guest.vm.vgpus = Some(Vgpus {
        kind: Some(kind.to_owned()),
        count,
    });
    guest.vm.append = kernel_log::quiet(version).to_owned();
    guest.run_each(&format!("{}set -e{script}", kernel_log::SCRIPT))
}

/// Each guest's script came to its end, the work was done, and the kernel complains of nothing.
fn accept(shells: &[Shell], version: Version, work: &[Work]) -> Result<Count> {
    let mut count = Count::default();
    for shell in shells {
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
        kernel_log::check(shell, kernel_log::STOCK)?;
        count = count.plus(Count::ONE);
    }
    Ok(count)
}
