// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The commands `host-vm` and `guest-vm`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{bail, Result};

use crate::cache::Cache;
use crate::cli::{GuestArgs, VmArgs};
use crate::kernel::{Flavour, Version};
use crate::prepare::{prepare, Boot, GUEST_KERNEL};
use crate::progress::say;
use crate::vm::{End, Task, Vm};

/// Boots the host VM and returns the exit status.
pub fn host(cache: &Cache, args: &VmArgs) -> Result<i32> {
    let version = args.kernel_version.unwrap_or(Version::RECORD);
    run(
        cache,
        "host",
        Boot::Host(version, Flavour::Plain),
        args,
        None,
    )
}

/// Boots a guest and returns the exit status.
pub fn guest(cache: &Cache, args: &GuestArgs) -> Result<i32> {
    let version = args.vm.kernel_version.unwrap_or(GUEST_KERNEL);
    let screenshot = args.screenshot.clone();
    run(cache, "guest", Boot::Guest(version), &args.vm, screenshot)
}

fn run(
    cache: &Cache,
    name: &str,
    boot: Boot,
    args: &VmArgs,
    screenshot: Option<PathBuf>,
) -> Result<i32> {
    if let Some(folder) = args.overlay.as_ref().filter(|folder| !folder.is_dir()) {
        bail!("--overlay {} is no folder", folder.display());
    }
    let ready = prepare(cache, boot)?;
    let vm = Vm {
        overlay: args.overlay.clone(),
        gpu: args.gpu.clone(),
        screenshot,
        ram: args.ram.clone(),
        accel: args.accel,
        console: args.console.clone(),
        // An interactive console stays as long as its user does.
        timeout: args.run.as_ref().map(|_| Duration::from_secs(args.timeout)),
        ..Vm::new(name, &ready)
    };
    let task = match &args.run {
        Some(command) => Task::Pass(command),
        None => Task::Terminal,
    };
    if matches!(task, Task::Terminal) {
        say("the VM's console; `exit` ends the VM");
    }
    let outcome = vm.run(&ready.bench, &task)?;
    match &outcome.end {
        End::Exit(0) => {}
        End::Exit(status) => say(&format!("exit status {status}")),
        End::TimedOut => say(&format!("still running after {} s", args.timeout)),
        End::NotUp(reason) => say(reason),
    }
    if outcome.end != End::Exit(0) {
        say(&format!(
            "the kernel's console: {}",
            outcome.console.display()
        ));
        say(&format!(
            "the software GPU's log: {}",
            outcome.gpu_log.display()
        ));
    }
    Ok(outcome.end.status())
}
