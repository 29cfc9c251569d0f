// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Stock kernels drive the software GPU themselves: probe, work, hang, pictures, console.

use anyhow::{ensure, Context as _, Result};

use crate::kernel::Version;
use crate::picture::{self, Picture};
use crate::prepare::{Boot, GUEST_KERNEL};
use crate::suite::kernel_log;
use crate::suite::scenario::gem_work::{self, Work};
use crate::suite::scenario::{console, drawing};
use crate::suite::{Context, Count};

/// What runs in the guest. The kernel's messages are cleared before i915 is loaded, so that all
/// that are left are its doing.
const SCRIPT: &str = r"
echo release=$(uname -r)
dmesg --clear
modprobe i915
until [ -e /dev/dri/card0 ] && [ -e /sys/class/graphics/fb0/virtual_size ]; do sleep 0.2; done
gem-work engines
gem-work blit
messages
dmesg --clear
gem-work hang rcs bcs --how loop
gem-work hang vcs vecs --how garbage
messages
";

/// Debian's 6.1.
pub fn debian_6_1(context: &Context) -> Result<Count> {
    accepts(context, Version { major: 6, minor: 1 })
}

/// Debian's 6.12.
pub fn debian_6_12(context: &Context) -> Result<Count> {
    accepts(context, GUEST_KERNEL)
}

/// Debian's 7.3.
pub fn debian_7_3(context: &Context) -> Result<Count> {
    accepts(context, Version { major: 7, minor: 3 })
}

fn accepts(context: &Context, version: Version) -> Result<Count> {
    let overlay = gem_work::overlay_with_drawing(context)?;
    let folder = tempfile::tempdir()?;
    let screen = folder.path().join("screen.png");
    let mut guest = context.guest(Boot::Guest(version))?.without_i915();
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    guest.vm.screenshot = Some(screen.clone());
    guest.vm.pictures = Some(folder.path().to_path_buf());
    guest.vm.append = kernel_log::quiet(version).to_owned();
    let functions = format!("{}{}", kernel_log::SCRIPT, picture::SCRIPT);
    let (drawing, console) = (drawing::script(), console::script());
    let shell = guest.check(&format!("{functions}{SCRIPT}{drawing}messages\n{console}"))?;

    let release = shell.value("release")?;
    ensure!(
        release.starts_with(&format!("{version}.")),
        "booted {release}, not {version}"
    );
    kernel_log::check(&shell, kernel_log::STOCK)?;
    gem_work::check(&shell, &[Work::Engines, Work::Blit, Work::Hang])?;
    let picture = Picture::read(&screen).context("there is no usable screenshot")?;
    console::check(&shell, &picture)?;
    let drawn = drawing::check(&shell, &shell.value("mode")?)?;
    let count = Count {
        passed: 3,
        failed: 0,
    };
    Ok(count.plus(drawn))
}
