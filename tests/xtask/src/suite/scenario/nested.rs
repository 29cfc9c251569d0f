// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A guest with a stock kernel in the host VM's QEMU, on a vGPU of the kernel's.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{ensure, Context as _, Result};

use super::{checks, gem_work};
use crate::initramfs;
use crate::kernel::{Flavour, Version};
use crate::prepare::{Boot, GUEST_KERNEL};
use crate::progress::say;
use crate::suite::context::Shell;
use crate::suite::{Context, Count};

/// Where a nested guest finds busybox. All that it has is in there, but for programs of ours.
pub const BUSYBOX: &str = "/bin/busybox";

/// How a script makes the guest.
pub const GUEST: &str = include_str!("../../../vm/scenario/nested_guest.sh");
/// What runs it, and looks at what is left of it.
const NESTED: &str = include_str!("../../../vm/scenario/nested.sh");
/// What a nested guest has for busybox's `modprobe`: its modules are those of one.
const MODPROBE: &str = "modprobe() { for module in /modules/*.ko; do insmod $module; done; }";
/// Memory of the host VM, a gigabyte of which is the guest's.
pub const RAM: &str = "3G";
/// Seconds that a guest may take, which needs three minutes with work that hangs and pictures; and how
/// many times that in a kernel that looks at all it does.
const PATIENCE: u32 = 400;
const DEBUG_FACTOR: u32 = 10;
/// For guests whose CPUs may be busy with one thing for two minutes before their kernel calls that a
/// lockup.
pub const PATIENT: &str = " watchdog_thresh=60";
/// Caches that are not shared tell at the end of i915 what was not freed.
const NO_MERGE: &str = "slab_nomerge";

/// What the host does that keeps pictures of a nested guest's screen, in [`Nested::beside`].
pub const SCREEN: &str = include_str!("../../../vm/scenario/nested_screen.sh");
/// The nested guest opens the line by which it hears that one is taken.
pub const LINE: &str = "exec 4<>/dev/ttyS1\n";
/// Defines `picture NAME` in its script, in which that is open.
pub const PICTURE: &str = r"
picture() {
	echo picture $1
	read -r _ <&4
}
";

/// With what the host begins the line that says why the guest was to start again.
const AGAIN: &str = "again=";

/// A GPU whose vGPUs have a screen: they have none if its display engine is fused off.
pub const WITH_DISPLAY: &str = "kbl";

/// The driver of the vGPU.
pub const I915: &[&str] = &["i915"];

/// A nested guest, and what the host does beside it.
pub struct Nested<'a> {
    /// The host's kernel.
    pub flavour: Flavour,
    /// The host's GPU.
    pub gpu: &'a str,
    /// Its own stock kernel.
    pub version: Version,
    /// The modules that it may load, all at once.
    pub modules: &'a [&'a str],
    /// A script for the host that says what else it does: see `vm/scenario/nested_guest.sh`.
    pub beside: &'a str,
    /// A folder that the host may mount.
    pub share: Option<PathBuf>,
    /// Seconds that it may take, in a host that does not look at all it does.
    pub patience: u32,
}

impl Default for Nested<'_> {
    /// One with the kernel of most guests and its i915.
    fn default() -> Self {
        Self {
            flavour: Flavour::Plain,
            gpu: checks::HEADLESS,
            version: GUEST_KERNEL,
            modules: I915,
            beside: "",
            share: None,
            patience: PATIENCE,
        }
    }
}

impl Nested<'_> {
    /// Runs a script in it, and looks at what is left when the vGPU and kvmgt are gone.
    ///
    /// # Errors
    ///
    /// The script came to no end, or not to a good one; those of [`checks::run_shell`].
    pub fn run(&self, context: &Context, script: &str) -> Result<(Shell, Count)> {
        let overlay = gem_work::overlay_with_drawing(context)?;
        lay_out(context, overlay.path(), self.version, script, self.modules)?;
        // A plane's entries of the GGTT are written one by one, in one go, and each takes a host that looks
        // at all it does milliseconds: the guest's kernel is not to call that a lockup.
        let (patience, patient) = match self.flavour {
            Flavour::Debug => (self.patience * DEBUG_FACTOR, PATIENT),
            Flavour::Plain | Flavour::InC => (self.patience, ""),
        };
        let mut host = checks::host(context, self.flavour, self.gpu)?;
        host.vm.overlay = Some(overlay.path().to_path_buf());
        host.vm.share.clone_from(&self.share);
        host.vm.ram = RAM.to_owned();
        host.vm.append = format!("{} {NO_MERGE}", host.vm.append);
        let beside = self.beside;
        let script =
            format!("PATIENCE={patience}\nPATIENT='{patient}'\n{beside}\n{GUEST}\n{NESTED}");
        let (shell, count) = checks::run_shell(&host, &script)?;
        // A run that passes tells that, too.
        for why in shell.stdout().lines().filter_map(|l| l.strip_prefix(AGAIN)) {
            say(&format!("    the nested guest has not ended well: {why}"));
        }
        let status = shell.value("nested").ok();
        ensure!(
            status.as_deref() == Some("0"),
            "the nested guest's script ended with {}; all is in {}",
            status.as_deref().unwrap_or("no word"),
            shell.keep()?.display(),
        );
        Ok((shell, count))
    }
}

/// Puts all that a guest is made of, with those modules, into an overlay of a host VM that has
/// `gem-work`.
///
/// # Errors
///
/// There is no such kernel, or no space.
pub fn lay_out(
    context: &Context,
    overlay: &Path,
    version: Version,
    script: &str,
    names: &[&str],
) -> Result<()> {
    let folder = overlay.join("nested");
    let modules = folder.join("modules");
    fs::create_dir_all(&modules)?;
    let image = context.prepare(Boot::Guest(version))?.image;
    fs::copy(&image.kernel, folder.join("vmlinuz"))?;
    fs::write(folder.join("script"), format!("{MODPROBE}\n{script}"))?;
    for (name, module) in initramfs::modules(&image, names)? {
        fs::write(modules.join(name), module)?;
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
