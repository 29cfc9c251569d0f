// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The register gate: what a client may do to the GPU's registers, and doing it.

use crate::world::{Registers, World};
use iface::registers::{find, Platform, DWORD, MMIO_SIZE};
use iface::types::mmio::{MAX_POLL_US, POLL, READ, WRITE};
use iface::types::MmioOp;
use kernel::prelude::*;

/// Which registers a GPU has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its platform.
    pub platform: Platform,
    /// Whether it has a second video engine.
    pub vcs1: bool,
}

/// Whether a client may write the register.
fn is_writable(variant: Variant, offset: u32) -> bool {
    find(variant.platform, variant.vcs1, offset).is_some_and(|row| row.is_client_writable())
}

/// Checks a batch, all of it.
///
/// # Errors
///
/// As `mmio_exec` of the contract.
pub fn check(variant: Variant, ops: &[MmioOp]) -> Result {
    let mut polls: u32 = 0;
    for op in ops {
        if op.offset % DWORD != 0 || op.offset >= MMIO_SIZE || op.reserved != 0 {
            return Err(EINVAL);
        }
        match op.kind {
            READ => {}
            WRITE if is_writable(variant, op.offset) => {}
            WRITE => return Err(EPERM),
            POLL => {
                polls = polls.checked_add(op.timeout_us).ok_or(EINVAL)?;
                if polls > MAX_POLL_US {
                    return Err(EINVAL);
                }
            }
            _ => return Err(EINVAL),
        }
    }
    Ok(())
}

/// Executes a batch that was found good.
///
/// # Errors
///
/// `EAGAIN`: the GPU sleeps. `ETIMEDOUT`: a poll ran out of time.
pub fn execute<W: World>(world: &W, ops: &mut [MmioOp]) -> Result {
    world.with_registers(|registers| {
        for op in ops.iter_mut() {
            match op.kind {
                READ => op.value = registers.read(op.offset),
                WRITE => registers.write(op.offset, op.value),
                _ => poll(registers, op)?,
            }
        }
        Ok(())
    })?
}

/// Reads until the bits agree; the time is counted in microsecond waits, so it is bounded whatever
/// the clocks do.
fn poll(registers: &mut dyn Registers, op: &mut MmioOp) -> Result {
    let wanted = op.value & op.mask;
    let mut left = op.timeout_us;
    loop {
        op.value = registers.read(op.offset);
        if op.value & op.mask == wanted {
            return Ok(());
        }
        left = left.checked_sub(1).ok_or(ETIMEDOUT)?;
        registers.delay_us(1);
    }
}

#[cfg(test)]
mod tests;
