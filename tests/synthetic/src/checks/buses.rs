// SPDX-License-Identifier: GPL-2.0 OR MIT
//! GMBUS and AUX: nobody answers on ports without a monitor, and that is DisplayPort's alone.

use anyhow::{ensure, Result};

use super::equal;
use crate::aux::{message, request, Channel, Outcome};
use crate::guest::Guest;
use crate::registers::display::dpcd;
use crate::registers::*;
use crate::screen;

/// Reads a byte of an EDID at some pins.
fn gmbus_read_at(guest: &mut Guest<'_>, pins: u32) -> Result<()> {
    guest.write32(GMBUS0, pins)?;
    guest.write32(GMBUS1, GMBUS1_READ)
}

/// Reads a byte of an EDID.
pub(super) fn gmbus_read(guest: &mut Guest<'_>) -> Result<()> {
    gmbus_read_at(guest, GMBUS_PORT)
}

pub(super) fn gmbus(guest: &mut Guest<'_>) -> Result<()> {
    let pins = screen::pins(guest.family()?);
    // Twice: it must be the same after a failure.
    for pins in pins.iter().chain(pins) {
        gmbus_read_at(guest, *pins)?;
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
    let monitor = Channel::of_monitor(guest)?;
    for channel in Channel::all(guest.family()?) {
        let read = message(request::READ, dpcd::REVISION, 1, &[]);
        let found = channel.exchange(guest, &read)?;
        ensure!(
            (found == Outcome::Nobody) == (channel != monitor),
            "on the channel at {:#x}: {found:x?}",
            channel.control()
        );
    }
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
