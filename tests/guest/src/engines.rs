// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Each engine stores a value.

use anyhow::{ensure, Result};

use crate::command;
use crate::device::{Device, Engine, PAGE, PATIENCE};

/// Where the batch lies.
const BATCH: u64 = 1 << 20;
/// Where the value goes: above 4 GiB, so that both halves of the address count.
const TARGET: u64 = (1 << 32) + (1 << 20);
/// What is stored, with the engine's number in its low bits.
const VALUE: u32 = 0x600d_0000;
/// What is there before.
const BEFORE: u32 = 0xbad0_bad0;

/// Lets every engine store its value.
pub fn run(device: &Device) -> Result<()> {
    for engine in device.engines()? {
        let context = device.context()?;
        store(device, engine, context)?;
        println!("{}: stored a value: ok", engine.name());
    }
    Ok(())
}

/// Lets an engine store a value, and reads it back.
pub fn store(device: &Device, engine: Engine, context: u32) -> Result<()> {
    let value = VALUE | engine as u32;
    let batch = device.buffer(PAGE, BATCH)?;
    let target = device.buffer(PAGE, TARGET)?;
    target.write(&BEFORE.to_le_bytes())?;
    let commands = command::store(TARGET, value);
    device.start(engine, context, &batch, &commands, &[&target])?;
    target.wait(PATIENCE)?;
    let read = target.read(1)?;
    ensure!(
        read == [value],
        "{} stored {read:#x?}, not {value:#x}",
        engine.name()
    );
    Ok(())
}
