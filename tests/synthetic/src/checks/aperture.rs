// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The aperture, through which a guest sees what its GGTT leads to.

use anyhow::{ensure, Context, Result};
use vfio_bindings::bindings::vfio::VFIO_PCI_BAR2_REGION_INDEX as BAR2;

use super::equal;
use crate::guest::Guest;
use crate::registers::{PAGE, PAGE_SHIFT, PTE_PRESENT};
use crate::transport::Sharing;

/// Pages of memory that the checks use.
const FIRST: u64 = 0x100;
const SECOND: u64 = 0x101;

/// A guest-physical address.
fn address(page: u64, offset: u64) -> u64 {
    page << PAGE_SHIFT | offset
}

pub(super) fn reaches_memory(guest: &mut Guest<'_>) -> Result<()> {
    let aperture = guest.aperture()?;
    for (page, gma) in (FIRST..).zip([aperture.start, aperture.end - PAGE]) {
        guest.map(gma, page)?;
        for (value, offset) in (0xa9e7_0000_u32..).zip([0, 4, 0x7fc, PAGE - 4]) {
            guest.ram.write32(address(page, offset), value)?;
            let found = guest.aperture32(gma + offset)?;
            equal("the memory seen through the aperture", found, value)?;
            guest.set_aperture32(gma + offset, !value)?;
            let found = guest.ram.read32(address(page, offset))?;
            equal("the memory written through the aperture", found, !value)?;
        }
    }
    Ok(())
}

pub(super) fn follows_entry(guest: &mut Guest<'_>) -> Result<()> {
    let gma = guest.aperture()?.start;
    guest.ram.fill(FIRST, 0x11)?;
    guest.ram.fill(SECOND, 0x22)?;
    guest.map(gma, FIRST)?;
    equal("the first page", guest.aperture32(gma)?, 0x1111_1111)?;
    guest.map(gma, SECOND)?;
    equal("the second page", guest.aperture32(gma)?, 0x2222_2222)?;
    guest.set_aperture32(gma, 0x3333_3333)?;
    equal(
        "the first page, which is not mapped any more,",
        guest.ram.read32(address(FIRST, 0))?,
        0x1111_1111,
    )?;
    guest.set_entry(gma, 0)?;
    nothing_of(guest, gma, &[FIRST, SECOND])
}

/// An address of the aperture leads to none of these pages.
fn nothing_of(guest: &mut Guest<'_>, gma: u64, pages: &[u64]) -> Result<()> {
    let mut before = Vec::new();
    for page in pages {
        let value = 0x5eed_0000 | *page as u32;
        guest.ram.write32(address(*page, 8), value)?;
        before.push(value);
    }
    // A real GPU shows a scratch page; nothing at all is as good.
    if let Ok(found) = guest.aperture32(gma + 8) {
        ensure!(
            !before.contains(&found),
            "{gma:#x} shows a page that its entry does not name"
        );
    }
    let _ = guest.set_aperture32(gma + 8, 0xbad0_bad0);
    for (page, value) in pages.iter().zip(before) {
        let found = guest.ram.read32(address(*page, 8))?;
        equal("a page that no entry names", found, value)?;
    }
    Ok(())
}

pub(super) fn halves(guest: &mut Guest<'_>) -> Result<()> {
    let gma = guest.aperture()?.start;
    let at = Guest::entry_of(gma);
    guest.map(gma, FIRST)?;
    let lower = (SECOND << PAGE_SHIFT | PTE_PRESENT) as u32;
    guest.write32(at, lower)?;
    nothing_of(guest, gma, &[FIRST])?;
    guest.write32(at + 4, 0)?;
    guest.ram.write32(address(SECOND, 0), 0x0ff1_ce00)?;
    equal("the second page", guest.aperture32(gma)?, 0x0ff1_ce00)?;
    guest.write32(at + 4, 0)?;
    guest.write32(at, (FIRST << PAGE_SHIFT | PTE_PRESENT) as u32)?;
    guest.ram.write32(address(FIRST, 0), 0x0ff1_ce01)?;
    equal("the first page", guest.aperture32(gma)?, 0x0ff1_ce01)
}

pub(super) fn no_memory(guest: &mut Guest<'_>) -> Result<()> {
    let gma = guest.aperture()?.start;
    let behind = guest.ram.size() >> PAGE_SHIFT;
    // The first page without memory, and the highest that an entry can name.
    for page in [behind, (1 << 27) - 1] {
        guest.map(gma, page)?;
        nothing_of(guest, gma, &[0, FIRST])?;
    }
    // Bits above what is an address.
    guest.set_entry(gma, u64::MAX)?;
    nothing_of(guest, gma, &[0, FIRST])?;
    guest.map(gma, FIRST)?;
    guest.ram.write32(address(FIRST, 0), 0x0ff1_ce02)?;
    equal("a page again", guest.aperture32(gma)?, 0x0ff1_ce02)
}

pub(super) fn foreign(guest: &mut Guest<'_>) -> Result<()> {
    let aperture = guest.aperture()?;
    let size = guest.bar2_size()?;
    let around = [
        Some(0),
        aperture.start.checked_sub(4),
        Some(aperture.end),
        Some(size - 4),
    ];
    for gma in around.into_iter().flatten() {
        if aperture.contains(&gma) || gma >= size {
            continue;
        }
        if let Ok(found) = guest.aperture32(gma) {
            equal("the aperture of another", found, u32::MAX)?;
        }
        let _ = guest.set_aperture32(gma, 0);
    }
    // Half inside, half outside.
    let mut data = [0; 8];
    for gma in [aperture.end - 4, aperture.start.wrapping_sub(4)] {
        if gma < size && gma + 8 <= size {
            let read = guest.transport().read(BAR2, gma, &mut data);
            ensure!(
                read.is_err() || data.contains(&u8::MAX),
                "a read over the end at {gma:#x} gives {data:x?}"
            );
        }
    }
    guest.works()
}

pub(super) fn mapped(guest: &mut Guest<'_>) -> Result<()> {
    let aperture = guest.aperture()?;
    let length = usize::try_from(aperture.end - aperture.start)?;
    let map = guest
        .transport()
        .map_region(BAR2, aperture.start, length, Sharing::Shared);
    let mut map = map.context("the aperture can't be mapped")?;
    guest.ram.fill(FIRST, 0x11)?;
    guest.ram.fill(SECOND, 0x22)?;
    let gma = aperture.end - PAGE;
    let last = length - PAGE as usize;
    guest.map(gma, FIRST)?;
    equal("the first page", map.read32(last), 0x1111_1111)?;
    map.write32(last + 4, 0x4444_4444);
    // A read through the same way, so that the write has arrived.
    equal("what was written", map.read32(last + 4), 0x4444_4444)?;
    let found = guest.ram.read32(address(FIRST, 4))?;
    equal("the memory behind it", found, 0x4444_4444)?;
    guest.map(gma, SECOND)?;
    equal("the second page", map.read32(last), 0x2222_2222)?;
    guest.set_entry(gma, 0)?;
    ensure!(
        map.read32(last) != 0x2222_2222,
        "the second page still shows"
    );
    map.write32(last, 0x5555_5555);
    let _ = map.read32(last);
    let found = guest.ram.read32(address(SECOND, 0))?;
    equal("the second page, not mapped any more,", found, 0x2222_2222)
}
