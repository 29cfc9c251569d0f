// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Work for the engines, round by round: what a driver does by hand, and what came of it compared.
//!
//! Each engine has a context with a ring that goes on and page tables of its own. In each round a
//! batch of the PPGTT stores a value that no other round, engine or vGPU has; behind it the ring stores
//! the same by the GGTT. When the status page says that the context is complete, both are compared, and
//! all else of the page that the batch has written.

use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};

use crate::registers::{pvinfo, ENGINES, PAGE, PAGE_SHIFT};
use crate::Guest;
use tables::Tables;
use unit::Unit;

mod commands;
mod tables;
mod unit;

pub use commands::Flip;

/// Pages of the aperture that engines use, from its begin on.
pub const GGTT_PAGES: u64 = ENGINES.len() as u64 * unit::PAGES;

/// How long a context may take, which takes some milliseconds when nobody else has work.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often the status page is looked at meanwhile.
const POLL: Duration = Duration::from_micros(200);

/// How an engine's page tables are, in the order of [`ENGINES`].
const TABLES: [Tables; ENGINES.len()] = [
    Tables::told(tables::Levels::Four),
    Tables::found(tables::Levels::Three),
    Tables::found(tables::Levels::Four),
    Tables::told(tables::Levels::Three),
];

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Contexts that were submitted, and have completed.
    pub submissions: u64,
    /// Values that were stored and compared.
    pub values: u64,
}

/// Gives all engines work, so many rounds, each when the one before is done on all of them.
///
/// # Errors
///
/// A context does not complete, or a page is not what it should be; or what the device said.
pub fn run(guest: &mut Guest<'_>, rounds: u32) -> Result<Done> {
    guest.restart()?;
    let vgpu = guest.read32(pvinfo::ID)?;
    let aperture = guest.aperture()?.start;
    let mut units = Vec::new();
    for (number, (base, tables)) in (0..).zip(ENGINES.into_iter().zip(TABLES)) {
        units.push(Unit::start(guest, number, base, aperture, tables)?);
    }
    let mut done = Done {
        submissions: 0,
        values: 0,
    };
    for round in 0..rounds {
        for unit in &mut units {
            let value = value(vgpu, unit.number(), round);
            let submitted = unit.submit(guest, round, value);
            submitted.with_context(|| place(round, unit))?;
        }
        for unit in &mut units {
            let compared = wait(guest, unit).and_then(|()| unit.compare(guest));
            done.values += compared.with_context(|| place(round, unit))?;
            done.submissions += 1;
        }
    }
    for unit in &units {
        unit.compare_all(guest)
            .with_context(|| place(rounds, unit))?;
    }
    Ok(done)
}

/// The render engine, for flips.
pub struct Flipper {
    unit: Unit,
    round: u32,
}

impl Flipper {
    /// Starts it; all that it needs of the vGPU's state is that of reset.
    ///
    /// # Errors
    /// What the device said.
    pub fn start(guest: &mut Guest<'_>) -> Result<Self> {
        let aperture = guest.aperture()?.start;
        let tables = Tables::found(tables::Levels::Four);
        let unit = Unit::start(guest, 0, ENGINES[0], aperture, tables)?;
        Ok(Self { unit, round: 0 })
    }

    /// Flips by a command, and waits until that is executed.
    ///
    /// # Errors
    /// The context does not complete; or what the device said.
    pub fn flip(&mut self, guest: &mut Guest<'_>, flip: Flip) -> Result<()> {
        self.unit.execute(guest, self.round, &flip.ring())?;
        self.round += 1;
        wait(guest, &mut self.unit)
    }
}

fn place(round: u32, unit: &Unit) -> String {
    format!("round {round} on the engine at {:#x}", unit.base())
}

/// A value that differs from all others of the first 2²⁴ rounds.
fn value(vgpu: u32, engine: u32, round: u32) -> u32 {
    vgpu << 28 | engine << 24 | (round + 1)
}

/// Waits until a unit's context is complete.
fn wait(guest: &Guest<'_>, unit: &mut Unit) -> Result<()> {
    let begun = Instant::now();
    while !unit.is_complete(guest)? {
        ensure!(begun.elapsed() < PATIENCE, "the context does not complete");
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// The address of a page of the guest's memory.
fn address(page: u64) -> u64 {
    page << PAGE_SHIFT
}

/// Writes dwords to the guest's memory.
fn put(guest: &Guest<'_>, address: u64, dwords: &[u32]) -> Result<()> {
    let bytes: Vec<u8> = dwords
        .iter()
        .flat_map(|dword| dword.to_le_bytes())
        .collect();
    ensure!(bytes.len() as u64 <= PAGE, "that is more than a page");
    guest.ram.write(address, &bytes)
}
