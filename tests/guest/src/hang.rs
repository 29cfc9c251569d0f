// SPDX-License-Identifier: GPL-2.0 OR MIT
//! An engine hangs, i915 resets it, and it works again.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{ensure, Result};

use crate::device::{Device, Engine, PAGE};
use crate::{command, engines, How};

/// Where the batch lies.
const BATCH: u64 = 3 << 20;
/// Longest that i915 may take to see the hang and reset the engine: some heartbeats of 2.5 s.
const RESET: Duration = Duration::from_secs(120);

/// Hangs an engine and waits until it works again.
pub fn run(path: &Path, engine: Engine, how: How) -> Result<()> {
    let name = engine.name();
    let device = Device::open(path)?;
    let context = device.context()?;
    let batch = device.buffer(PAGE, BATCH)?;
    let commands = match how {
        How::Loop => command::jump(BATCH),
        How::Garbage => vec![command::MI_UNKNOWN, command::MI_BATCH_BUFFER_END],
    };
    let start = Instant::now();
    device.start(engine, context, &batch, &commands, &[])?;
    batch.wait(RESET)?;
    ensure!(
        device.batches_lost(context)? == 1,
        "{name}: the batch ended by itself"
    );
    println!(
        "{name}: hung and was reset after {:.1} s: ok",
        start.elapsed().as_secs_f64()
    );

    // Another client, so that nothing of what i915 holds against the first one counts.
    let other = Device::open(path)?;
    for engine in other.engines()? {
        engines::store(&other, engine, other.context()?)?;
    }
    println!("{name}: all engines work after the reset: ok");
    Ok(())
}
