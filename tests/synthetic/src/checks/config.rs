// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Configuration space.

use anyhow::{ensure, Result};
use vfio_bindings::bindings::vfio::VFIO_PCI_BAR2_REGION_INDEX;

use super::equal;
use crate::guest::Guest;
use crate::registers::{config, GGTT, GGTT_SIZE};

/// Intel.
const VENDOR: u16 = 0x8086;
/// An address of a message.
const MESSAGE: u32 = config::MSI_TARGET | 1 << 12;

pub(super) fn ids(guest: &mut Guest<'_>) -> Result<()> {
    equal("the vendor", guest.config16(config::VENDOR)?, VENDOR)?;
    let device = guest.config16(config::DEVICE)?;
    ensure!(device != 0 && device != 0xffff, "the device is {device:#x}");
    equal(
        "the class",
        guest.config16(config::SUBCLASS)?,
        config::CLASS_DISPLAY,
    )?;
    let [header] = guest.config(config::HEADER_TYPE)?;
    equal("the header's type", header & 0x7f, 0)
}

pub(super) fn bars(guest: &mut Guest<'_>) -> Result<()> {
    let aperture = guest.transport().region(VFIO_PCI_BAR2_REGION_INDEX)?.size;
    bar(guest, config::BAR0, config::BAR_64, GGTT + GGTT_SIZE)?;
    bar(guest, config::BAR2, config::BAR_64_PREFETCHABLE, aperture)?;
    for offset in [config::BAR4, config::BAR4 + 4] {
        guest.set_config(offset, &u32::MAX.to_le_bytes())?;
        let found = guest.config32(offset)?;
        equal(&format!("the BAR at {offset:#x}"), found, 0)?;
    }
    Ok(())
}

/// A memory BAR of 64 bits.
fn bar(guest: &mut Guest<'_>, offset: u64, kind: u64, size: u64) -> Result<()> {
    let what = format!("the BAR at {offset:#x}");
    let value = |guest: &mut Guest<'_>| -> Result<u64> {
        Ok(u64::from(guest.config32(offset)?) | u64::from(guest.config32(offset + 4)?) << 32)
    };
    equal(&format!("{what} after reset"), value(guest)?, kind)?;
    for half in [offset, offset + 4] {
        guest.set_config(half, &u32::MAX.to_le_bytes())?;
    }
    equal(&what, value(guest)?, !(size - 1) | kind)?;
    let address: u64 = 0x12_4000_0000;
    for (half, part) in [(offset, address), (offset + 4, address >> 32)] {
        guest.set_config(half, &(part as u32).to_le_bytes())?;
    }
    equal(&what, value(guest)?, address | kind)?;
    equal(&what, value(guest)? & config::BAR_KIND, kind)
}

pub(super) fn command(guest: &mut Guest<'_>) -> Result<()> {
    let memory_master = config::COMMAND_MEMORY_MASTER;
    let command = guest.config16(config::COMMAND)?;
    equal("the command after reset", command & memory_master, 0)?;
    guest.set_config(config::COMMAND, &memory_master.to_le_bytes())?;
    equal(
        "the command",
        guest.config16(config::COMMAND)?,
        memory_master,
    )?;
    guest.set_config(config::COMMAND, &[0, 0])?;
    equal("the command", guest.config16(config::COMMAND)?, 0)
}

pub(super) fn capabilities(guest: &mut Guest<'_>) -> Result<()> {
    let list = guest.capabilities()?;
    let count = |id| list.iter().filter(|(found, _)| *found == id).count();
    equal("the number of MSI capabilities", count(config::CAP_MSI), 1)?;
    equal("that of power management", count(config::CAP_POWER), 1)?;
    // With one, VMMs expect 4 KiB of configuration space.
    equal("that of PCI Express", count(config::CAP_EXPRESS), 0)
}

pub(super) fn msi(guest: &mut Guest<'_>) -> Result<()> {
    let at = guest.capability(config::CAP_MSI)?;
    let control = guest.config16(at + config::MSI_CONTROL)?;
    equal("MSI after reset", control & config::MSI_ENABLE, 0)?;
    equal(
        "the number of messages, as a power of two",
        control & config::MSI_MULTIPLE,
        0,
    )?;
    guest.set_config(at + config::MSI_ADDRESS, &MESSAGE.to_le_bytes())?;
    let wide = control & config::MSI_64 != 0;
    let data = at + config::MSI_ADDRESS + if wide { 8 } else { 4 };
    guest.set_config(data, &0x4041_u16.to_le_bytes())?;
    equal(
        "the message's address",
        guest.config32(at + config::MSI_ADDRESS)?,
        MESSAGE,
    )?;
    equal("its data", guest.config16(data)?, 0x4041)?;
    guest.enable_msi()
}

pub(super) fn stolen(guest: &mut Guest<'_>) -> Result<()> {
    let ggc = guest.config16(config::GGC)?;
    equal("GGC's size of stolen memory", ggc & config::GGC_GMS, 0)
}

pub(super) fn widths(guest: &mut Guest<'_>) -> Result<()> {
    let whole: [u8; config::SIZE as usize] = guest.config(0)?;
    for (offset, byte) in (0_u64..).zip(whole) {
        let [found] = guest.config(offset)?;
        equal(&format!("byte {offset:#x}"), found, byte)?;
    }
    for (offset, bytes) in (0_u64..).step_by(2).zip(whole.chunks_exact(2)) {
        let found: [u8; 2] = guest.config(offset)?;
        ensure!(
            found == bytes,
            "word {offset:#x} is {found:?}, not {bytes:?}"
        );
    }
    for (offset, bytes) in (0_u64..).step_by(4).zip(whole.chunks_exact(4)) {
        let found: [u8; 4] = guest.config(offset)?;
        ensure!(
            found == bytes,
            "dword {offset:#x} is {found:?}, not {bytes:?}"
        );
    }
    // A BAR in bytes is the BAR.
    for (offset, byte) in (config::BAR2..).zip([0, 0, 0, 0x40, 0x12, 0, 0, 0]) {
        guest.set_config(offset, &[byte])?;
    }
    let found = guest.config32(config::BAR2)?;
    equal(
        "the BAR written in bytes",
        found,
        0x4000_0000 | config::BAR_64_PREFETCHABLE as u32,
    )?;
    equal("its upper half", guest.config32(config::BAR2 + 4)?, 0x12)
}

pub(super) fn read_only(guest: &mut Guest<'_>) -> Result<()> {
    let before = guest.capabilities()?;
    let msi = guest.capability(config::CAP_MSI)?;
    let control = guest.config16(msi + config::MSI_CONTROL)? & config::MSI_FIXED;
    for byte in [0, 0xff, 0x55] {
        for offset in 0..config::SIZE {
            guest.set_config(offset, &[byte])?;
        }
        let after = guest.capabilities()?;
        ensure!(after == before, "the capabilities became {after:x?}");
        let fixed = guest.config16(msi + config::MSI_CONTROL)? & config::MSI_FIXED;
        equal("what MSI says of itself", fixed, control)?;
        ids(guest)?;
        stolen(guest)?;
    }
    Ok(())
}
