// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The text console on a screen: it has the size of the screen's own mode, and its colours are there.

use anyhow::{ensure, Result};

use crate::picture::{Picture, Pixel};
use crate::suite::context::Shell;

/// Columns of each colour bar.
const BAR_COLUMNS: usize = 40;
/// Pixels that a character has at least: 8 × 16 is the smallest font the kernel chooses.
const CHARACTER_PIXELS: usize = 8 * 16;
/// Background colours 1 to 6 of the Linux console as its palette has them: red, green, brown,
/// blue, magenta, cyan.
const BARS: [Pixel; 6] = [
    [0xaa, 0x00, 0x00],
    [0x00, 0xaa, 0x00],
    [0xaa, 0x55, 0x00],
    [0x00, 0x00, 0xaa],
    [0xaa, 0x00, 0xaa],
    [0x00, 0xaa, 0xaa],
];

/// Waits for the console, tells its size and that of the screen's own mode, and draws the bars.
const SCRIPT: &str = r"
until [ -e /sys/class/graphics/fb0/virtual_size ]; do sleep 0.2; done
echo size=$(cat /sys/class/graphics/fb0/virtual_size)
echo mode=$(head -qn1 /sys/class/drm/card0-*/modes | head -n1)
for colour in 1 2 3 4 5 6; do
	printf '\033[4%dm%BARs\033[0m\n' $colour '' >/dev/tty0
done
";

/// What a script does for [`check`].
pub fn script() -> String {
    SCRIPT.replace("BAR", &BAR_COLUMNS.to_string())
}

/// A picture shows the console, in the size of the mode.
///
/// # Errors
///
/// Tells what it shows instead.
pub fn check(shell: &Shell, picture: &Picture) -> Result<()> {
    let size = shell.value("size")?;
    let mode = shell.value("mode")?;
    ensure!(
        mode == size.replace(',', "x"),
        "the console has {size}, the screen's own mode is {mode}"
    );
    let shown = picture.size();
    ensure!(shown == mode, "the screen shows {shown}, not {mode}");
    let areas = BARS.map(|bar| picture.area(bar));
    ensure!(
        areas[0] >= BAR_COLUMNS * CHARACTER_PIXELS && areas.iter().all(|area| *area == areas[0]),
        "the console's colour bars have {areas:?} pixels"
    );
    Ok(())
}
