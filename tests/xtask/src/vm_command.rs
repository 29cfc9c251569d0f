// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The commands `host-vm` and `guest-vm`.

use std::time::Duration;

use anyhow::{bail, Result};

use crate::cache::Cache;
use crate::cli::{GuestArgs, VmArgs};
use crate::gpu_server::Vgpus;
use crate::kernel::{Flavour, Version};
use crate::prepare::{prepare, Boot, GUEST_KERNEL};
use crate::progress::say;
use crate::vm::{End, Outcome, Task, Vm};

/// Boots the host VM and returns the exit status.
pub fn host(cache: &Cache, args: &VmArgs) -> Result<i32> {
    let version = args.kernel_version.unwrap_or(Version::RECORD);
    let boot = Boot::Host(version, Flavour::Plain);
    run(cache, "host", boot, args, |_| {})
}

/// Boots guests and returns the exit status: the first that is not zero.
pub fn guest(cache: &Cache, args: &GuestArgs) -> Result<i32> {
    if args.vgpus > 1 && args.vm.run.is_none() {
        bail!("--vgpus {} needs --run: there is one terminal", args.vgpus);
    }
    let version = args.vm.kernel_version.unwrap_or(GUEST_KERNEL);
    run(cache, "guest", Boot::Guest(version), &args.vm, |vm| {
        vm.screenshot.clone_from(&args.screenshot);
        vm.vgpus = (!args.native).then(|| Vgpus {
            kind: args.kind.clone(),
            resolution: args.resolution.clone(),
            count: args.vgpus,
        });
    })
}

/// Boots VMs as the flags that all have say, and as `choose` does.
fn run(
    cache: &Cache,
    name: &str,
    boot: Boot,
    args: &VmArgs,
    choose: impl FnOnce(&mut Vm),
) -> Result<i32> {
    if let Some(folder) = args.overlay.as_ref().filter(|folder| !folder.is_dir()) {
        bail!("--overlay {} is no folder", folder.display());
    }
    let ready = prepare(cache, boot)?;
    let mut vm = Vm {
        overlay: args.overlay.clone(),
        gpu: args.gpu.clone(),
        ram: args.ram.clone(),
        accel: args.accel,
        console: args.console.clone(),
        // An interactive console stays as long as its user does.
        timeout: args.run.as_ref().map(|_| Duration::from_secs(args.timeout)),
        ..Vm::new(name, &ready)
    };
    choose(&mut vm);
    let task = match &args.run {
        Some(command) => Task::Pass(command),
        None => Task::Terminal,
    };
    if matches!(task, Task::Terminal) {
        say("the VM's console; `exit` ends the VM");
    }
    let outcomes = vm.run_each(&ready.bench, &task)?;
    for (place, outcome) in outcomes.iter().enumerate() {
        let label = match outcomes.len() {
            1 => String::new(),
            _ => format!("vgpu{}: ", place + 1),
        };
        report(&label, outcome, args.timeout);
    }
    let mut statuses = outcomes.iter().map(|outcome| outcome.end.status());
    Ok(statuses.find(|status| *status != 0).unwrap_or(0))
}

/// Says how a VM ended if it did not end well.
fn report(label: &str, outcome: &Outcome, timeout: u64) {
    let how = match &outcome.end {
        End::Exit(0) => return,
        End::Exit(status) => format!("exit status {status}"),
        End::TimedOut => format!("still running after {timeout} s"),
        End::NotUp(reason) => reason.clone(),
    };
    let (console, gpu) = (outcome.console.display(), outcome.gpu_log.display());
    say(&format!("{label}{how}"));
    say(&format!("{label}the kernel's console: {console}"));
    say(&format!("{label}the software GPU's log: {gpu}"));
}
