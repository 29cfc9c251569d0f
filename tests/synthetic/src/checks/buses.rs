// SPDX-License-Identifier: GPL-2.0 OR MIT
//! GMBUS and AUX, on which nobody answers as long as there is no monitor.

use anyhow::Result;

use super::equal;
use crate::guest::Guest;
use crate::registers::*;

/// Reads a byte of an EDID.
pub(super) fn gmbus_read(guest: &mut Guest<'_>) -> Result<()> {
    guest.write32(GMBUS0, GMBUS_PORT)?;
    guest.write32(GMBUS1, GMBUS1_READ)
}

pub(super) fn gmbus(guest: &mut Guest<'_>) -> Result<()> {
    // Twice: it must be the same after a failure.
    for _ in 0..2 {
        gmbus_read(guest)?;
        let status = guest.read32(GMBUS2)?;
        equal("that nobody acknowledged", status & GMBUS2_NAK, GMBUS2_NAK)?;
        equal("that a cycle is under way", status & GMBUS2_ACTIVE, 0)?;
        // What a driver does then.
        guest.write32(GMBUS1, GMBUS1_CLEAR)?;
        guest.write32(GMBUS1, 0)?;
        guest.write32(GMBUS0, 0)?;
    }
    Ok(())
}

/// Asks for a byte of the DPCD on channel A, with more bits of the control register.
pub(super) fn aux_read(guest: &mut Guest<'_>, more: u32) -> Result<()> {
    // Four bytes to send.
    guest.write32(AUX_A + 4, AUX_READ)?;
    let clear = AUX_DONE | AUX_TIMEOUT | AUX_RECEIVE_ERROR;
    guest.write32(AUX_A, AUX_BUSY | clear | 4 << AUX_SIZE_SHIFT | more)
}

pub(super) fn aux(guest: &mut Guest<'_>) -> Result<()> {
    for _ in 0..2 {
        aux_read(guest, 0)?;
        let control = guest.read32(AUX_A)?;
        equal("that a message is under way", control & AUX_BUSY, 0)?;
        equal("that it is done", control & AUX_DONE, AUX_DONE)?;
        equal("that nobody answered", control & AUX_TIMEOUT, AUX_TIMEOUT)?;
        let clear = AUX_DONE | AUX_TIMEOUT | AUX_RECEIVE_ERROR;
        guest.write32(AUX_A, clear)?;
        equal("the cleared status", guest.read32(AUX_A)? & clear, 0)?;
    }
    Ok(())
}
