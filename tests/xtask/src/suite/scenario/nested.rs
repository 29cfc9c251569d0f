// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A guest with a stock kernel in the host VM's QEMU, on a vGPU of the kernel's.

use std::fs;
use std::path::Path;

use anyhow::{ensure, Context as _, Result};

use super::{checks, gem_work};
use crate::initramfs;
use crate::kernel::{Flavour, Version};
use crate::prepare::Boot;
use crate::suite::context::Shell;
use crate::suite::{Context, Count};

/// Where a nested guest finds busybox. All that it has is in there, but for `gem-work`.
pub const BUSYBOX: &str = "/bin/busybox";

/// How a script makes the guest.
pub const GUEST: &str = include_str!("../../../vm/scenario/nested_guest.sh");
/// What runs it, and looks at what is left of it.
const NESTED: &str = include_str!("../../../vm/scenario/nested.sh");
/// What a nested guest has for busybox's `modprobe`: its modules are those of one.
const MODPROBE: &str = "modprobe() { for module in /modules/*.ko; do insmod $module; done; }";
/// Memory of the host VM, a gigabyte of which is the guest's.
pub const RAM: &str = "3G";
/// Seconds that the guest may take, which needs two minutes with work that hangs; and how many times
/// that in a kernel that looks at all it does.
const PATIENCE: u32 = 300;
const DEBUG_FACTOR: u32 = 10;
/// Caches that are not shared tell at the end of i915 what was not freed.
const NO_MERGE: &str = "slab_nomerge";

/// Runs a script in the guest of that kind of host kernel, with that stock kernel and its i915 to load
/// or without it, and looks at what is left when the vGPU and kvmgt are gone.
///
/// # Errors
///
/// The script came to no end, or not to a good one; those of [`checks::run_shell`].
pub fn run(
    context: &Context,
    flavour: Flavour,
    version: Version,
    script: &str,
    with_i915: bool,
) -> Result<(Shell, Count)> {
    run_beside(context, flavour, version, "", script, with_i915)
}

/// As [`run`], with a script for the host that says what else it does.
///
/// # Errors
///
/// As [`run`].
pub fn run_beside(
    context: &Context,
    flavour: Flavour,
    version: Version,
    beside: &str,
    script: &str,
    with_i915: bool,
) -> Result<(Shell, Count)> {
    let overlay = gem_work::overlay(context)?;
    lay_out(context, overlay.path(), version, script, with_i915)?;
    let patience = match flavour {
        Flavour::Debug => PATIENCE * DEBUG_FACTOR,
        Flavour::Plain | Flavour::InC => PATIENCE,
    };
    let mut host = checks::host(context, flavour, checks::HEADLESS)?;
    host.vm.overlay = Some(overlay.path().to_path_buf());
    host.vm.ram = RAM.to_owned();
    host.vm.append = format!("{} {NO_MERGE}", host.vm.append);
    let script = format!("PATIENCE={patience}\n{beside}\n{GUEST}\n{NESTED}");
    let (shell, count) = checks::run_shell(&host, &script)?;
    let status = shell.value("nested")?;
    ensure!(
        status == "0",
        "the nested guest's script ended with {status}:\n{}",
        shell.stdout()
    );
    Ok((shell, count))
}

/// Puts all that a guest is made of into an overlay of a host VM that has `gem-work`.
///
/// # Errors
///
/// There is no such kernel, or no space.
pub fn lay_out(
    context: &Context,
    overlay: &Path,
    version: Version,
    script: &str,
    with_i915: bool,
) -> Result<()> {
    let folder = overlay.join("nested");
    let modules = folder.join("modules");
    fs::create_dir_all(&modules)?;
    let image = context.prepare(Boot::Guest(version))?.image;
    fs::copy(&image.kernel, folder.join("vmlinuz"))?;
    fs::write(folder.join("script"), format!("{MODPROBE}\n{script}"))?;
    if with_i915 {
        for (name, module) in initramfs::modules(&image, &["i915"])? {
            fs::write(modules.join(name), module)?;
        }
    }
    Ok(())
}

/// The number that the script printed under that name.
///
/// # Errors
///
/// It printed none.
pub fn number(shell: &Shell, name: &str) -> Result<u32> {
    let text = shell.value(name)?;
    text.parse()
        .with_context(|| format!("{name} is no number: `{text}`"))
}
