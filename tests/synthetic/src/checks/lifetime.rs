// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Reset, closing, and memory that goes away.

use anyhow::{ensure, Result};

use super::equal;
use crate::event::Event;
use crate::guest::Guest;
use crate::registers::*;

/// A page of memory, and what is in it.
const PAGE_OF_RAM: u64 = 0x120;
const SECRET: u32 = 0x5ec2_e700;

/// Leaves traces everywhere.
fn use_it(guest: &mut Guest<'_>) -> Result<()> {
    let (aperture, high) = (guest.aperture()?, guest.high()?);
    guest.ram.write32(PAGE_OF_RAM << PAGE_SHIFT, SECRET)?;
    guest.set_config(
        config::COMMAND,
        &config::COMMAND_MEMORY_MASTER.to_le_bytes(),
    )?;
    guest.enable_msi()?;
    guest.map(aperture.start, PAGE_OF_RAM)?;
    guest.map(high.start, PAGE_OF_RAM)?;
    equal("the page", guest.aperture32(aperture.start)?, SECRET)?;
    let last = aperture.start + PAGE;
    guest.write64(FENCE, last << 32 | aperture.start | FENCE_VALID)?;
    guest.write32(SCRATCH, SECRET)?;
    guest.write32(GT0 + IMR, 0)?;
    guest.write32(GT0 + IER, SECRET)?;
    guest.write32(pvinfo::CURSOR_X_HOT, SECRET)?;
    guest.write32(MASTER, MASTER_ENABLE)
}

/// There are no traces.
fn fresh(guest: &mut Guest<'_>, scratch: u32, mask: u32) -> Result<()> {
    let (aperture, high) = (guest.aperture()?, guest.high()?);
    let command = guest.config16(config::COMMAND)?;
    equal("the command", command & config::COMMAND_MEMORY_MASTER, 0)?;
    let msi = guest.capability(config::CAP_MSI)?;
    let control = guest.config16(msi + config::MSI_CONTROL)?;
    equal("MSI", control & config::MSI_ENABLE, 0)?;
    for gma in [aperture.start, high.start] {
        equal("an entry of the GGTT", guest.entry(gma)?, 0)?;
    }
    equal("a fence", guest.read64(FENCE)?, 0)?;
    equal("a register", guest.read32(SCRATCH)?, scratch)?;
    equal("a mask", guest.read32(GT0 + IMR)?, mask)?;
    equal("an enable", guest.read32(GT0 + IER)?, 0)?;
    equal("the master", guest.read32(MASTER)?, 0)?;
    equal(
        "the cursor's hot spot",
        guest.read32(pvinfo::CURSOR_X_HOT)?,
        u32::MAX,
    )?;
    let guc = guest.read32(GUC_STATUS)? & GUC_IN_RESET;
    equal("that the GuC is in reset", guc, GUC_IN_RESET)?;
    if let Ok(found) = guest.aperture32(aperture.start) {
        ensure!(found != SECRET, "the aperture shows the page");
    }
    let _ = guest.set_aperture32(aperture.start, 0xbad0_bad1);
    Ok(())
}

pub(super) fn reset(guest: &mut Guest<'_>) -> Result<()> {
    let (scratch, mask) = (guest.read32(SCRATCH)?, guest.read32(GT0 + IMR)?);
    use_it(guest)?;
    guest.transport().reset()?;
    fresh(guest, scratch, mask)?;
    let found = guest.ram.read32(PAGE_OF_RAM << PAGE_SHIFT)?;
    equal("the memory", found, SECRET)?;
    // The memory is still there for the device.
    let gma = guest.aperture()?.start;
    guest.map(gma, PAGE_OF_RAM)?;
    equal("the page", guest.aperture32(gma)?, SECRET)
}

pub(super) fn second_owner(guest: &mut Guest<'_>) -> Result<()> {
    let (scratch, mask) = (guest.read32(SCRATCH)?, guest.read32(GT0 + IMR)?);
    let event = Event::new()?;
    for _ in 0..3 {
        use_it(guest)?;
        guest.connect_msi(&event)?;
        guest.reopen()?;
        fresh(guest, scratch, mask)?;
        let found = guest.ram.read32(PAGE_OF_RAM << PAGE_SHIFT)?;
        equal("the first owner's memory", found, SECRET)?;
        // Nobody is connected; that may be an error.
        let _ = guest.fire_msi();
        equal("the first owner's messages", event.count()?, 0)?;
    }
    guest.works()
}

pub(super) fn memory_taken_back(guest: &mut Guest<'_>) -> Result<()> {
    let aperture = guest.aperture()?;
    let (gma, beside) = (aperture.start, aperture.start + PAGE);
    let all = 0..guest.ram.size();
    // In two parts, of which one is taken back while an entry leads there.
    let middle = guest.ram.size() / 2;
    let (low, high) = (0..middle, middle..all.end);
    guest.transport().unmap_memory(all.clone())?;
    let (ram, transport) = guest.ram_and_transport();
    transport.map_memory(ram, low.clone())?;
    transport.map_memory(ram, high.clone())?;
    let page = (middle >> PAGE_SHIFT) + 3;
    guest.ram.write32(page << PAGE_SHIFT, SECRET)?;
    guest.ram.write32(PAGE_OF_RAM << PAGE_SHIFT, !SECRET)?;
    guest.map(gma, page)?;
    guest.map(beside, PAGE_OF_RAM)?;
    equal("the page", guest.aperture32(gma)?, SECRET)?;
    guest.transport().unmap_memory(high.clone())?;
    if let Ok(found) = guest.aperture32(gma) {
        ensure!(found != SECRET, "the aperture shows the page");
    }
    let _ = guest.set_aperture32(gma, 0xbad0_bad2);
    let found = guest.ram.read32(page << PAGE_SHIFT)?;
    equal("the memory that was taken back", found, SECRET)?;
    equal("the page beside it", guest.aperture32(beside)?, !SECRET)?;
    guest.transport().unmap_memory(low)?;
    let (ram, transport) = guest.ram_and_transport();
    transport.map_memory(ram, all)?;
    guest.map(gma, page)?;
    equal("the page again", guest.aperture32(gma)?, SECRET)
}
