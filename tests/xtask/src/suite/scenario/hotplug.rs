// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Another monitor comes while a stock guest runs: its i915 hears of that by itself.

use anyhow::{ensure, Context as _, Result};

use crate::suite::context::Shell;
use crate::suite::Count;

/// What the monitor prefers that comes; no mode of the one before.
const OTHER: &str = "960x540";

/// What a script does for [`check`]. i915 is up, and `picture` and `messages` are defined.
///
/// It asks for nothing: `status` and `modes` in sysfs are what i915 has found before. That it has asked
/// because of an interrupt its own messages tell.
const SCRIPT: &str = include_str!("../../../vm/scenario/hotplug.sh");

/// See [`SCRIPT`].
pub fn script() -> String {
    format!("OTHER={OTHER}\n{SCRIPT}")
}

/// What the guest knows at a step of the script.
struct Step {
    name: &'static str,
    status: String,
    modes: Vec<String>,
    /// How many hotplug interrupts there were since the step before.
    pulses: u32,
    /// How often it told its users that something has changed.
    events: u32,
}

impl Step {
    fn read(shell: &Shell, name: &'static str) -> Result<Self> {
        let value = |what: &str| shell.value(&format!("{name}-{what}"));
        let modes = value("modes")?;
        Ok(Self {
            name,
            status: value("status")?,
            modes: modes.split_whitespace().map(str::to_owned).collect(),
            pulses: value("pulses")?.parse()?,
            events: value("events")?.parse()?,
        })
    }

    /// The connector has that status.
    fn is(&self, status: &str) -> Result<()> {
        let Self {
            name,
            status: found,
            ..
        } = self;
        ensure!(
            found == status,
            "{name}: the monitor is {found}, not {status}"
        );
        Ok(())
    }

    /// i915 was interrupted, and told its users, or neither.
    fn was_told(&self, told: bool) -> Result<()> {
        let Self {
            name,
            pulses,
            events,
            ..
        } = self;
        ensure!(
            (*pulses > 0, *events > 0) == (told, told),
            "{name}: {pulses} interrupts and {events} events"
        );
        Ok(())
    }
}

/// Nonsense changes nothing; then the monitor goes, and another comes, which shows the console.
///
/// # Errors
///
/// Tells what the guest sees instead.
pub fn check(shell: &Shell) -> Result<Count> {
    let step = |name| Step::read(shell, name);
    let before = step("before")?;
    before.is("connected")?;
    ensure!(
        before.modes.iter().all(|mode| mode != OTHER),
        "the first monitor has {OTHER} too"
    );
    let nonsense = step("nonsense")?;
    nonsense.is("connected")?;
    nonsense.was_told(false)?;
    ensure!(nonsense.modes == before.modes, "nonsense changes the modes");
    let gone = step("gone")?;
    gone.is("disconnected")?;
    gone.was_told(true)?;
    ensure!(gone.modes.is_empty(), "no monitor has {:?}", gone.modes);
    let other = step("other")?;
    other.is("connected")?;
    other.was_told(true)?;
    let first = other.modes.first().context("the other has modes")?;
    ensure!(first == OTHER, "the other monitor prefers {first}");
    let shown = shell.picture("other")?.size();
    ensure!(shown == OTHER, "the other monitor shows {shown}");
    Ok(Count::ONE)
}
