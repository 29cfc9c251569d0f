// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The register gate: what a client may do to the GPU's registers, and doing it.

use crate::world::{Registers, World};
use iface::registers::{find, Platform, DWORD, MMIO_SIZE};
use iface::types::mmio::{MAX_POLL_US, POLL, POSTING, READ, UPDATE, WRITE};
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
pub fn check(variant: Variant, ops: &[MmioOp], flags: u32) -> Result {
    if flags & !POSTING != 0 {
        return Err(EINVAL);
    }
    let mut polls: u32 = 0;
    for op in ops {
        if op.offset % DWORD != 0 || op.offset >= MMIO_SIZE || op.reserved != 0 {
            return Err(EINVAL);
        }
        match op.kind {
            READ => {}
            WRITE | UPDATE if is_writable(variant, op.offset) => {}
            WRITE | UPDATE => return Err(EPERM),
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

/// Executes a batch that was found good. Any context.
///
/// # Errors
///
/// `EAGAIN`: the GPU sleeps. `ETIMEDOUT`: a poll ran out of time.
pub fn execute<W: World>(world: &W, ops: &mut [MmioOp], flags: u32) -> Result {
    world.with_registers(|registers| {
        let mut written = None;
        for op in ops.iter_mut() {
            match op.kind {
                READ => op.value = registers.read(op.offset),
                WRITE => registers.write(op.offset, op.value),
                UPDATE => {
                    let old = registers.read(op.offset);
                    registers.write(op.offset, old & !op.mask | op.value & op.mask);
                }
                _ => poll(registers, op)?,
            }
            if op.kind == WRITE || op.kind == UPDATE {
                written = Some(op.offset);
            }
        }
        if let (Some(offset), true) = (written, flags & POSTING != 0) {
            registers.read(offset);
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
