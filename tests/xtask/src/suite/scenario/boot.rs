// SPDX-License-Identifier: GPL-2.0 OR MIT
//! That VMs boot, and keep the contract of `--run`.

use std::time::Duration;

use anyhow::{ensure, Result};

use crate::kernel::{Flavour, Version};
use crate::prepare::Boot;
use crate::suite::{Context, Count};
use crate::vm::End;

/// The host kernel and the modules beside it build without a warning about our objects.
pub fn builds(context: &Context) -> Result<Count> {
    let ready = context.prepare(Boot::Host(context.version, Flavour::Plain))?;
    let modules = ready.image.modules();
    ensure!(
        modules.join("kernel/drivers/gpu/drm/i915/i915.ko").exists(),
        "no i915.ko in {}",
        modules.display()
    );
    ensure!(
        modules.join("updates/kvmgt.ko").exists(),
        "no kvmgt.ko in {}",
        modules.display()
    );
    Ok(Count::ONE)
}

/// Output, status, time limit and overlay are as the command line promises.
pub fn contract(context: &Context) -> Result<Count> {
    let mut guest = context.host()?.without_i915();
    let overlay = tempfile::tempdir()?;
    std::fs::write(overlay.path().join("marker"), "from the overlay\n")?;
    guest.vm.overlay = Some(overlay.path().to_path_buf());

    // More than any buffer on the way holds, so that a lost end would show.
    let shell = guest.run("cat /marker; seq 20000; echo aside >&2; exit 7")?;
    shell.expect_status(7)?;
    let numbers: String = (1..=20000).map(|n| format!("{n}\n")).collect();
    ensure!(
        shell.stdout() == format!("from the overlay\n{numbers}"),
        "stdout is not what was printed"
    );
    ensure!(
        shell.stderr() == "aside\n",
        "stderr is not what was printed: {}",
        shell.stderr()
    );

    guest.vm.timeout = Some(Duration::from_secs(40));
    let shell = guest.run("sleep 1000")?;
    ensure!(
        *shell.end() == End::TimedOut,
        "a command out of time ended with {:?}",
        shell.end()
    );

    guest.vm.timeout = None;
    let shell = guest.run("echo c >/proc/sysrq-trigger; sleep 1000")?;
    ensure!(
        matches!(shell.end(), End::NotUp(_)),
        "a panic ended with {:?}",
        shell.end()
    );
    Ok(Count {
        passed: 3,
        failed: 0,
    })
}

/// i915 with the host half comes up without a complaint of the kernel.
pub fn host(context: &Context) -> Result<Count> {
    host_boots(context, context.version, Flavour::Plain)
}

/// The same under lockdep, atomic-sleep checks and kmemleak.
pub fn debug(context: &Context) -> Result<Count> {
    host_boots(context, context.version, Flavour::Debug)
}

/// The same on the next kernel.
pub fn host_7_3(context: &Context) -> Result<Count> {
    let version = Version { major: 7, minor: 3 };
    host_boots(context, version, Flavour::Plain)
}

fn host_boots(context: &Context, version: Version, flavour: Flavour) -> Result<Count> {
    let shell = context.guest(Boot::Host(version, flavour))?.check(
        "echo release=$(uname -r)
         test -e /dev/dri/card0
         echo loaded=$(grep -c ^kvmgt /proc/modules || true)
         echo serious=$(dmesg --level=emerg,alert,crit,err | wc -l)
         dmesg --level=emerg,alert,crit,err >&2",
    )?;
    let release = shell.value("release")?;
    ensure!(
        release.starts_with(&format!("{version}.")),
        "booted {release}, not {version}"
    );
    ensure!(shell.value("loaded")? == "0", "kvmgt was loaded by itself");
    ensure!(
        shell.value("serious")? == "0",
        "the kernel complains:\n{}",
        shell.stderr()
    );
    Ok(Count::ONE)
}
