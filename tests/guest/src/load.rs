// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Engines that are busy for a while, each with values that are read back.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::device::Device;
use crate::engines;

/// Lets the engines store values in turn, until the time is over; each stores one at least.
pub fn run(device: &Device, time: Duration) -> Result<()> {
    let engines = device.engines()?;
    let context = device.context()?;
    let begun = Instant::now();
    let mut stored = 0;
    loop {
        for engine in &engines {
            engines::store(device, *engine, context)?;
            stored += 1;
        }
        if begun.elapsed() >= time {
            break;
        }
    }
    let names: Vec<_> = engines.iter().map(|engine| engine.name()).collect();
    let rate = f64::from(stored) / begun.elapsed().as_secs_f64();
    println!("load: {stored} batches, {rate:.1} a second: ok");
    println!("engines={}", names.join(" "));
    println!("rate={rate:.1}");
    Ok(())
}
