// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Work of one kind, over and over, and how long it took.

use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use clap::ValueEnum;

use crate::command;
use crate::device::{bytes, Device, Engine, PAGE, PATIENCE};

/// Where batches lie.
const BATCHES: u64 = 1 << 20;
/// Where values go.
const TARGET: u64 = 1 << 32;
/// Batches of a round of [`Kind::Store`].
const STORES: u32 = 1000;
/// Bytes of the buffer that moves, and the places that it moves between.
const MOVED: u64 = 64 << 20;
const PLACES: [u64; 2] = [1 << 33, 1 << 34];
/// Dwords from one batch to the next in the same buffer: a cache line.
const STRIDE: usize = 16;

/// What is done in a round.
#[derive(Clone, Copy, ValueEnum)]
pub enum Kind {
    /// A batch that does nothing is waited for.
    Noop,
    /// 1,000 batches store a value each; then they are waited for.
    Store,
    /// A buffer of 64 MiB goes to other addresses, where a batch stores a value.
    Move,
}

/// Does it that many times, and prints what half of the rounds took at most, in nanoseconds.
pub fn run(device: &Device, kind: Kind, count: u32) -> Result<()> {
    let times = match kind {
        Kind::Noop => noop(device, count)?,
        Kind::Store => store(device, count)?,
        Kind::Move => move_buffer(device, count)?,
    };
    let median = median(times).context("no round was asked for")?;
    let kind = kind.to_possible_value().context("a kind has no name")?;
    let name = kind.get_name();
    println!("{name}: {count} rounds: ok");
    println!("{name}={}", median.as_nanos());
    Ok(())
}

fn noop(device: &Device, count: u32) -> Result<Vec<Duration>> {
    let context = device.context()?;
    let batch = device.buffer(PAGE, BATCHES)?;
    let commands = bytes(&command::nothing());
    batch.write(&commands)?;
    let round = |_| {
        let begun = Instant::now();
        device.execute(Engine::Rcs, context, &batch, 0..commands.len(), &[])?;
        batch.wait(PATIENCE)?;
        Ok(begun.elapsed())
    };
    (0..count).map(round).collect()
}

fn store(device: &Device, count: u32) -> Result<Vec<Duration>> {
    let context = device.context()?;
    let target = device.buffer(bytes_of(STORES as usize), TARGET)?;
    let batches = device.buffer(bytes_of(STORES as usize * STRIDE), BATCHES)?;
    let round = |round: u32| {
        let mut commands = Vec::new();
        let mut parts = Vec::new();
        let addresses = (TARGET..).step_by(size_of::<u32>());
        let values: Vec<u32> = (0..STORES).map(|place| round << 16 | place).collect();
        for (address, value) in addresses.zip(&values) {
            let start = commands.len();
            commands.extend(command::store(address, *value));
            parts.push(start * size_of::<u32>()..commands.len() * size_of::<u32>());
            commands.resize(start + STRIDE, 0);
        }
        batches.write(&bytes(&commands))?;
        let begun = Instant::now();
        for part in parts {
            device.execute(Engine::Rcs, context, &batches, part, &[&target])?;
        }
        target.wait(PATIENCE)?;
        let time = begun.elapsed();
        let read = target.read(values.len())?;
        ensure!(read == values, "a batch has not stored its value");
        Ok(time)
    };
    (1..=count).map(round).collect()
}

fn move_buffer(device: &Device, count: u32) -> Result<Vec<Duration>> {
    let context = device.context()?;
    let batch = device.buffer(PAGE, BATCHES)?;
    let mut moved = device.buffer(MOVED, PLACES[0])?;
    let round = |(value, place)| {
        moved.address = place;
        let commands = command::store(place, value);
        let begun = Instant::now();
        device.start(Engine::Rcs, context, &batch, &commands, &[&moved])?;
        moved.wait(PATIENCE)?;
        let time = begun.elapsed();
        let read = moved.read(1)?;
        ensure!(read == [value], "stored {read:x?}, not {value:#x}");
        Ok(time)
    };
    let places = PLACES.into_iter().cycle();
    (1..=count).zip(places).map(round).collect()
}

/// Bytes of that many dwords.
fn bytes_of(dwords: usize) -> u64 {
    (dwords * size_of::<u32>()) as u64
}

fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort();
    times.get(times.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_when_one_round_was_slow_then_it_is_not_seen() {
        let times = [3, 1, 900, 2, 4].map(Duration::from_nanos);
        assert_eq!(median(times.to_vec()), Some(Duration::from_nanos(3)));
    }
}
