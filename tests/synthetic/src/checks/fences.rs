// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fence registers.

use anyhow::Result;

use super::equal;
use crate::guest::Guest;
use crate::registers::{pvinfo, FENCE, FENCES, FENCE_PITCH_SHIFT, FENCE_VALID, PAGE};

/// A fence from one address to another, lines of 512 bytes, tiled in X.
fn fence(start: u64, end: u64) -> u64 {
    let last = (end - PAGE) << 32;
    last | start | 3 << FENCE_PITCH_SHIFT & 0x7fe | FENCE_VALID
}

pub(super) fn own(guest: &mut Guest<'_>) -> Result<()> {
    let aperture = guest.aperture()?;
    let count = u64::from(guest.read32(pvinfo::FENCES)?);
    for index in 0..count {
        let at = FENCE + 8 * index;
        let what = format!("fence {index}");
        equal(&format!("{what} after reset"), guest.read64(at)?, 0)?;
        let start = aperture.start + index * 16 * PAGE;
        let value = fence(start, start + 16 * PAGE);
        guest.write64(at, value)?;
        equal(&what, guest.read64(at)?, value)?;
        // As a driver writes it: invalid, upper half, lower half.
        guest.write32(at, 0)?;
        guest.write32(at + 4, (value >> 32) as u32)?;
        guest.write32(at, value as u32)?;
        equal(&what, guest.read64(at)?, value)?;
        equal(
            &format!("half of {what}"),
            guest.read32(at + 4)?,
            (value >> 32) as u32,
        )?;
    }
    guest.restart()?;
    for index in 0..count {
        equal("a fence after reset", guest.read64(FENCE + 8 * index)?, 0)?;
    }
    Ok(())
}

pub(super) fn foreign(guest: &mut Guest<'_>) -> Result<()> {
    let aperture = guest.aperture()?;
    let count = u64::from(guest.read32(pvinfo::FENCES)?);
    for index in count..FENCES {
        let at = FENCE + 8 * index;
        let value = fence(aperture.start, aperture.start + 16 * PAGE);
        // It may be refused; if not, it is nothing.
        let _ = guest.write64(at, value);
        if let Ok(found) = guest.read64(at) {
            equal(&format!("fence {index}, which there is not,"), found, 0)?;
        }
    }
    guest.works()
}

pub(super) fn values(guest: &mut Guest<'_>) -> Result<()> {
    let aperture = guest.aperture()?;
    let size = guest.bar2_size()?;
    let values = [
        u64::MAX,
        FENCE_VALID,
        fence(0, size),
        fence(aperture.start.saturating_sub(PAGE), aperture.end),
        fence(aperture.start, aperture.end + PAGE),
        fence(aperture.end, aperture.end + PAGE),
        // The end before the start.
        aperture.start << 32 | (aperture.end - PAGE) | FENCE_VALID,
    ];
    for value in values {
        let _ = guest.write64(FENCE, value);
        let _ = guest.write32(FENCE + 4, (value >> 32) as u32);
        let _ = guest.write32(FENCE, value as u32);
        // The aperture is not detiled by it.
        let gma = aperture.start;
        guest.map(gma, 0x110)?;
        guest.map(gma + PAGE, 0x111)?;
        guest.ram.write32(0x11_0200, 0x0000_0200)?;
        equal(
            "the aperture under a fence that can't be",
            guest.aperture32(gma + 0x200)?,
            0x200,
        )?;
    }
    guest.write64(FENCE, 0)?;
    guest.works()
}
