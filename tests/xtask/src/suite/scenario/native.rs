// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Stock kernels drive the software GPU themselves: probe, work, hang, console.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{ensure, Context as _, Result};

use crate::kernel::Version;
use crate::prepare::{Boot, GUEST_KERNEL};
use crate::suite::context::Shell;
use crate::suite::kernel_log;
use crate::suite::scenario::gem_work::{self, Work};
use crate::suite::{Context, Count};

/// Columns of each colour bar on the console.
const BAR_COLUMNS: usize = 40;
/// Pixels that a character has at least: 8 × 16 is the smallest font the kernel chooses.
const CHARACTER_PIXELS: usize = 8 * 16;
/// Background colours 1 to 6 of the Linux console as its palette has them: red, green, brown,
/// blue, magenta, cyan.
const BARS: [[u8; 3]; 6] = [
    [0xaa, 0x00, 0x00],
    [0x00, 0xaa, 0x00],
    [0xaa, 0x55, 0x00],
    [0x00, 0x00, 0xaa],
    [0xaa, 0x00, 0xaa],
    [0x00, 0xaa, 0xaa],
];

/// What runs in the guest. The kernel's messages are cleared before i915 is loaded, so that all
/// that are left are its doing.
const SCRIPT: &str = r"
echo release=$(uname -r)
dmesg --clear
modprobe i915
until [ -e /dev/dri/card0 ] && [ -e /sys/class/graphics/fb0/virtual_size ]; do sleep 0.2; done
echo size=$(cat /sys/class/graphics/fb0/virtual_size)
echo mode=$(head -qn1 /sys/class/drm/card0-*/modes | head -n1)
gem-work engines
gem-work blit
messages
dmesg --clear
gem-work hang rcs bcs --how loop
gem-work hang vcs vecs --how garbage
messages
for colour in 1 2 3 4 5 6; do
	printf '\033[4%dm%BARs\033[0m\n' $colour '' >/dev/tty0
done
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
    let overlay = gem_work::overlay(context)?;
    let folder = tempfile::tempdir()?;
    let screen = folder.path().join("screen.png");
    let mut guest = context.guest(Boot::Guest(version))?.without_i915();
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    guest.vm.screenshot = Some(screen.clone());
    guest.vm.append = kernel_log::quiet(version).to_owned();
    let script = SCRIPT.replace("BAR", &BAR_COLUMNS.to_string());
    let shell = guest.check(&format!("{}{script}", kernel_log::SCRIPT))?;

    let release = shell.value("release")?;
    ensure!(
        release.starts_with(&format!("{version}.")),
        "booted {release}, not {version}"
    );
    kernel_log::check(&shell, kernel_log::STOCK)?;
    gem_work::check(&shell, &[Work::Engines, Work::Blit, Work::Hang])?;
    check_screen(&shell, &screen)?;
    Ok(Count {
        passed: 3,
        failed: 0,
    })
}

/// The screen shows the console, in the size of the mode.
fn check_screen(shell: &Shell, screenshot: &Path) -> Result<()> {
    let size = shell.value("size")?;
    let mode = shell.value("mode")?;
    ensure!(
        mode == size.replace(',', "x"),
        "the console has {size}, the screen's own mode is {mode}"
    );
    let picture = Picture::read(screenshot).context("there is no usable screenshot")?;
    let shown = format!("{}x{}", picture.width, picture.height);
    ensure!(shown == mode, "the screen shows {shown}, not {mode}");
    let areas = picture.bars();
    ensure!(
        areas[0] >= BAR_COLUMNS * CHARACTER_PIXELS && areas.iter().all(|area| *area == areas[0]),
        "the console's colour bars have {areas:?} pixels"
    );
    Ok(())
}

/// A picture of the screen.
struct Picture {
    width: u32,
    height: u32,
    /// Red, green and blue of each pixel.
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    fn read(file: &Path) -> Result<Self> {
        let mut reader = png::Decoder::new(BufReader::new(File::open(file)?)).read_info()?;
        let mut bytes = vec![0; reader.output_buffer_size()];
        let info = reader.next_frame(&mut bytes)?;
        let samples = info.color_type.samples();
        ensure!(
            samples >= 3 && info.bit_depth == png::BitDepth::Eight,
            "the screenshot is not in colour"
        );
        Ok(Self {
            width: info.width,
            height: info.height,
            pixels: bytes[..info.buffer_size()]
                .chunks_exact(samples)
                .map(|pixel| [pixel[0], pixel[1], pixel[2]])
                .collect(),
        })
    }

    /// How many pixels have the colour of each bar.
    fn bars(&self) -> [usize; BARS.len()] {
        BARS.map(|bar| self.pixels.iter().filter(|pixel| **pixel == bar).count())
    }
}
