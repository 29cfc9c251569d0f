// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Interrupts, from the registers to the message.

use anyhow::{ensure, Result};
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_DATA_BOOL, VFIO_PCI_MSI_IRQ_INDEX,
};

use super::{buses, equal};
use crate::event::Event;
use crate::guest::Guest;
use crate::registers::*;
use crate::transport::{IrqData, IrqRequest};

/// Acknowledges bits of a group, and what came meanwhile: the register keeps a second event of each.
fn clear(guest: &mut Guest<'_>, group: u64, bits: u32) -> Result<()> {
    guest.write32(group + IIR, bits)?;
    guest.write32(group + IIR, bits)
}

/// Turns on one bit of a group, and the master.
pub(super) fn enable(guest: &mut Guest<'_>, group: u64, bit: u32) -> Result<()> {
    clear(guest, group, u32::MAX)?;
    guest.write32(group + IMR, !bit)?;
    guest.write32(group + IER, bit)?;
    guest.write32(MASTER, MASTER_ENABLE)
}

pub(super) fn hierarchy(guest: &mut Guest<'_>) -> Result<()> {
    for group in [GT0, DE_PORT, PCH] {
        let what = format!("of the group at {group:#x}");
        for value in [u32::MAX, 0, 0x1020] {
            guest.write32(group + IMR, value)?;
            equal(
                &format!("the mask {what}"),
                guest.read32(group + IMR)?,
                value,
            )?;
        }
        guest.write32(group + IER, 0x1)?;
        equal(&format!("the enable {what}"), guest.read32(group + IER)?, 1)?;
        // An identity is set by events alone.
        clear(guest, group, u32::MAX)?;
        equal(
            &format!("the identity {what}"),
            guest.read32(group + IIR)?,
            0,
        )?;
    }
    guest.write32(MASTER, u32::MAX)?;
    equal("the master", guest.read32(MASTER)?, MASTER_ENABLE)?;
    guest.write32(MASTER, 0)?;
    equal("the master", guest.read32(MASTER)?, 0)?;

    // An event with its mask set leaves nothing behind; one without sets identity and master.
    enable(guest, DE_PORT, DE_PORT_AUX_A)?;
    guest.write32(DE_PORT + IMR, u32::MAX)?;
    buses::aux_read(guest, AUX_INTERRUPT)?;
    equal("a masked identity", guest.read32(DE_PORT + IIR)?, 0)?;
    guest.write32(DE_PORT + IMR, !DE_PORT_AUX_A)?;
    buses::aux_read(guest, AUX_INTERRUPT)?;
    let identity = guest.read32(DE_PORT + IIR)?;
    equal("the identity", identity & DE_PORT_AUX_A, DE_PORT_AUX_A)?;
    let master = guest.read32(MASTER)? & MASTER_PORT;
    equal("the master's bit", master, MASTER_PORT)?;
    clear(guest, DE_PORT, DE_PORT_AUX_A)?;
    let identity = guest.read32(DE_PORT + IIR)? & DE_PORT_AUX_A;
    equal("the cleared identity", identity, 0)?;
    let master = guest.read32(MASTER)? & MASTER_PORT;
    equal("the master's cleared bit", master, 0)
}

pub(super) fn loop_back(guest: &mut Guest<'_>) -> Result<()> {
    let event = Event::new()?;
    guest.connect_msi(&event)?;
    guest.fire_msi()?;
    equal("the number of messages", event.wait()?, 1)?;
    let mut chosen = |byte: u8| {
        guest.transport().set_irqs(&IrqRequest {
            flags: VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER,
            index: VFIO_PCI_MSI_IRQ_INDEX,
            start: 0,
            count: 1,
            data: IrqData::Bytes(&[byte]),
        })
    };
    chosen(0)?;
    equal(
        "the number of messages that were not chosen",
        event.count()?,
        0,
    )?;
    chosen(1)?;
    equal("the number of messages that were chosen", event.wait()?, 1)?;
    guest.disconnect_msi()?;
    // Nobody hears it; that may be an error.
    let _ = guest.fire_msi();
    equal("the number of messages after that", event.count()?, 0)
}

/// Waits for the message of a bit, and acknowledges it as a driver does.
pub(super) fn arrives(
    guest: &mut Guest<'_>,
    event: &Event,
    group: u64,
    bit: u32,
    master: u32,
) -> Result<()> {
    ensure!(event.wait()? >= 1, "no message came");
    guest.write32(MASTER, 0)?;
    let found = guest.read32(MASTER)?;
    equal("the master's bit", found & master, master)?;
    let identity = guest.read32(group + IIR)?;
    equal("the identity", identity & bit, bit)?;
    clear(guest, group, identity)?;
    equal("the cleared identity", guest.read32(group + IIR)?, 0)?;
    guest.write32(MASTER, MASTER_ENABLE)?;
    equal("the number of further messages", event.count()?, 0)
}

pub(super) fn gmbus(guest: &mut Guest<'_>) -> Result<()> {
    let event = Event::new()?;
    guest.connect_msi(&event)?;
    guest.enable_msi()?;
    enable(guest, PCH, PCH_GMBUS)?;
    guest.write32(GMBUS4, GMBUS4_ALL)?;
    for _ in 0..2 {
        buses::gmbus_read(guest)?;
        arrives(guest, &event, PCH, PCH_GMBUS, MASTER_PCH)?;
        guest.write32(GMBUS1, GMBUS1_CLEAR)?;
        guest.write32(GMBUS1, 0)?;
        let _ = event.count()?;
        clear(guest, PCH, PCH_GMBUS)?;
    }
    Ok(())
}

pub(super) fn aux(guest: &mut Guest<'_>) -> Result<()> {
    let event = Event::new()?;
    guest.connect_msi(&event)?;
    guest.enable_msi()?;
    enable(guest, DE_PORT, DE_PORT_AUX_A)?;
    for _ in 0..2 {
        buses::aux_read(guest, AUX_INTERRUPT)?;
        arrives(guest, &event, DE_PORT, DE_PORT_AUX_A, MASTER_PORT)?;
    }
    // Without its own bit a message on the bus does not interrupt.
    buses::aux_read(guest, 0)?;
    equal("the number of messages", event.count()?, 0)
}

pub(super) fn off(guest: &mut Guest<'_>) -> Result<()> {
    let event = Event::new()?;
    guest.connect_msi(&event)?;
    enable(guest, DE_PORT, DE_PORT_AUX_A)?;
    buses::aux_read(guest, AUX_INTERRUPT)?;
    let identity = guest.read32(DE_PORT + IIR)? & DE_PORT_AUX_A;
    equal("the identity", identity, DE_PORT_AUX_A)?;
    equal("the number of messages without MSI", event.count()?, 0)?;
    guest.enable_msi()?;
    clear(guest, DE_PORT, u32::MAX)?;
    guest.write32(MASTER, 0)?;
    buses::aux_read(guest, AUX_INTERRUPT)?;
    equal("the number of messages without master", event.count()?, 0)?;
    guest.write32(MASTER, MASTER_ENABLE)?;
    ensure!(event.wait()? >= 1, "no message came with the master");
    Ok(())
}
