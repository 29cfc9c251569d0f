// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fence registers.

use anyhow::{ensure, Result};

use super::equal;
use crate::guest::Guest;
use crate::registers::{
    pvinfo, FENCE, FENCES, FENCES_TRACKED, FENCE_PITCH_SHIFT, FENCE_PITCH_UNIT, FENCE_VALID, PAGE,
    PAGE_SHIFT,
};

/// Bytes of a line under the fences: two tiles in X, each of which is 512 bytes wide and a page.
const LINE: u64 = 1024;
/// So the second half of the first line is the first line of the second page.
const SECOND_TILE: u64 = LINE / 2;
/// Two pages of memory.
const PAGES: [u64; 2] = [0x110, 0x111];

/// A fence from one address to another, tiled in X.
fn fence(start: u64, end: u64) -> u64 {
    let pitch = LINE / FENCE_PITCH_UNIT - 1;
    (end - PAGE) << 32 | pitch << FENCE_PITCH_SHIFT | start | FENCE_VALID
}

/// Whether the aperture shows memory as it is, or detiled, from an address on where nothing is
/// mapped yet.
fn is_detiled(guest: &mut Guest<'_>, gma: u64) -> Result<bool> {
    let (linear, tiled) = (0x11ea_0000, 0x711e_d000);
    for (at, page) in (gma..).step_by(PAGE as usize).zip(PAGES) {
        guest.map(at, page)?;
    }
    let first = (PAGES[0] << PAGE_SHIFT) + SECOND_TILE;
    guest.ram.write32(first, linear)?;
    guest.ram.write32(PAGES[1] << PAGE_SHIFT, tiled)?;
    let found = guest.aperture32(gma + SECOND_TILE)?;
    ensure!(
        [linear, tiled].contains(&found),
        "the aperture shows {found:#x}"
    );
    Ok(found == tiled)
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
        ensure!(!is_detiled(guest, start)?, "without a fence it is detiled");
        guest.write64(at, value)?;
        equal(&what, guest.read64(at)?, value)?;
        ensure!(is_detiled(guest, start)?, "{what} does not detile");
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
        let start = aperture.start + index * 16 * PAGE;
        ensure!(!is_detiled(guest, start)?, "after a reset it is detiled");
    }
    Ok(())
}

pub(super) fn foreign(guest: &mut Guest<'_>) -> Result<()> {
    let aperture = guest.aperture()?;
    let count = u64::from(guest.read32(pvinfo::FENCES)?);
    for index in count..FENCES {
        let at = FENCE + 8 * index;
        // It may be refused; if not, it is nothing.
        let _ = guest.write64(at, fence(aperture.start, aperture.start + 16 * PAGE));
        ensure!(
            !is_detiled(guest, aperture.start)?,
            "fence {index}, which there is not, detiles"
        );
        // Behind those that are known to be fences is memory.
        if let (true, Ok(found)) = (index < FENCES_TRACKED, guest.read64(at)) {
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
        ensure!(
            !is_detiled(guest, aperture.start)?,
            "a fence of {value:#x} detiles"
        );
    }
    guest.write64(FENCE, 0)?;
    guest.works()
}
