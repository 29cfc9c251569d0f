// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The GGTT as a guest writes it.

use anyhow::Result;

use super::equal;
use crate::guest::Guest;
use crate::registers::{GGTT, GGTT_SIZE, PAGE, PAGE_SHIFT, PTE_PRESENT};

/// An entry for a page of memory.
fn entry(page: u64) -> u64 {
    page << PAGE_SHIFT | PTE_PRESENT
}

/// Addresses at the ends of both ranges.
fn ends(guest: &mut Guest<'_>) -> Result<[u64; 4]> {
    let (aperture, high) = (guest.aperture()?, guest.high()?);
    Ok([
        aperture.start,
        aperture.end - PAGE,
        high.start,
        high.end - PAGE,
    ])
}

pub(super) fn entries(guest: &mut Guest<'_>) -> Result<()> {
    for (page, gma) in (0x10_u64..).zip(ends(guest)?) {
        let at = Guest::entry_of(gma);
        let what = format!("the entry of {gma:#x}");
        equal(&format!("{what} after reset"), guest.entry(gma)?, 0)?;
        guest.set_entry(gma, entry(page))?;
        equal(&what, guest.entry(gma)?, entry(page))?;
        equal(
            &format!("the lower half of {what}"),
            guest.read32(at)?,
            entry(page) as u32,
        )?;
        equal(
            &format!("the upper half of {what}"),
            guest.read32(at + 4)?,
            0,
        )?;
        // In halves, in both orders.
        guest.write32(at, entry(page + 1) as u32)?;
        guest.write32(at + 4, 0)?;
        equal(&what, guest.entry(gma)?, entry(page + 1))?;
        guest.write32(at + 4, 0)?;
        guest.write32(at, entry(page + 2) as u32)?;
        equal(&what, guest.entry(gma)?, entry(page + 2))?;
        guest.set_entry(gma, 0)?;
        equal(&what, guest.entry(gma)?, 0)?;
    }
    Ok(())
}

pub(super) fn bytes(guest: &mut Guest<'_>) -> Result<()> {
    let gma = guest.aperture()?.start;
    let at = Guest::entry_of(gma);
    let wanted = entry(0x21);
    for (offset, byte) in (at..).zip(wanted.to_le_bytes()) {
        guest.set_bar0(offset, &[byte])?;
    }
    equal("the entry", guest.entry(gma)?, wanted)?;
    for (offset, byte) in (at..).zip(wanted.to_le_bytes()) {
        let [found] = guest.bar0(offset)?;
        equal("a byte of it", found, byte)?;
    }
    Ok(())
}

pub(super) fn foreign(guest: &mut Guest<'_>) -> Result<()> {
    let (aperture, high) = (guest.aperture()?, guest.high()?);
    let end = GGTT_SIZE / 8 * PAGE;
    let around = [
        Some(0),
        aperture.start.checked_sub(PAGE),
        Some(aperture.end),
        high.start.checked_sub(PAGE),
        Some(high.end),
        Some(end - PAGE),
    ];
    let is_own = |gma: &u64| aperture.contains(gma) || high.contains(gma);
    for gma in around.into_iter().flatten() {
        if is_own(&gma) || gma >= end {
            continue;
        }
        let what = format!("the entry of {gma:#x}, which is another's,");
        equal(&what, guest.entry(gma)?, 0)?;
        guest.set_entry(gma, entry(0x30))?;
        equal(&what, guest.entry(gma)?, 0)?;
        guest.write32(Guest::entry_of(gma), entry(0x30) as u32)?;
        equal(&what, guest.entry(gma)?, 0)?;
    }
    // The entries beside them are as they were.
    for gma in ends(guest)? {
        equal(&format!("the entry of {gma:#x}"), guest.entry(gma)?, 0)?;
    }
    Ok(())
}

pub(super) fn fill(guest: &mut Guest<'_>) -> Result<()> {
    // What a guest's driver does first, in larger pieces than it would.
    let piece = entry(0x40).to_le_bytes().repeat(0x2000);
    let mut offset = GGTT;
    while offset < GGTT + GGTT_SIZE {
        guest.set_bar0(offset, &piece)?;
        offset += piece.len() as u64;
    }
    for gma in ends(guest)? {
        equal(
            &format!("the entry of {gma:#x}"),
            guest.entry(gma)?,
            entry(0x40),
        )?;
    }
    guest.ram.write32(0x40 << PAGE_SHIFT, 0xf111_ed00)?;
    let aperture = guest.aperture()?;
    for gma in [aperture.start, aperture.end - PAGE] {
        equal(
            "the page seen through it",
            guest.aperture32(gma)?,
            0xf111_ed00,
        )?;
    }
    Ok(())
}
