// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a stock guest finds of its vGPU's monitor, and what the monitor shows of the guest.

use anyhow::{ensure, Context as _, Result};

use super::console;
use crate::suite::context::Shell;
use crate::suite::Count;

/// What kms tells of the monitor. Other connectors may be there, with nothing on them.
const MODES: &str = r"
for connector in /sys/class/drm/card0-*; do
	[ $(cat $connector/status) = connected ] || continue
	echo connected=${connector#*card0-}
	echo modes=$(cat $connector/modes)
done
modetest -M i915 -c >/tmp/connectors
sed -n 's/^ *#\([0-9]*\) \([0-9]*x[0-9]*\) .* type: \(.*\)/mode-\1=\2 \3/p' /tmp/connectors
";
/// Behind the console's bars.
const CONSOLE: &str = "
picture console
messages
";

/// What a script does for [`check`]. i915 is up, and `picture` and `messages` are defined.
pub fn script() -> String {
    let console = console::script();
    format!("{MODES}{console}{CONSOLE}")
}

/// One monitor is connected, prefers that resolution, and shows the console in it.
///
/// # Errors
///
/// Tells what the guest finds or shows instead.
pub fn check(shell: &Shell, preferred: &str) -> Result<Count> {
    let stdout = shell.stdout();
    let connected: Vec<_> = stdout
        .lines()
        .filter_map(|line| line.strip_prefix("connected="))
        .collect();
    ensure!(
        connected.len() == 1,
        "connected are {connected:?}, not one monitor"
    );
    let modes = shell.value("modes")?;
    let first = modes.split_whitespace().next().context("it has modes")?;
    ensure!(
        first == preferred,
        "the first of the modes {modes} is not {preferred}"
    );
    let listed = shell.value("mode-0")?;
    let (size, kind) = listed.split_once(' ').context("a mode has a type")?;
    ensure!(
        size == preferred && kind.contains("preferred"),
        "modetest lists {listed} first"
    );
    console::check(shell, &shell.picture("console")?)?;
    Ok(Count {
        passed: 2,
        failed: 0,
    })
}
