// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Accesses and requests that no honest client makes.

use anyhow::{ensure, Context, Result};
use rustix::io::Errno;
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_ACTION_UNMASK,
    VFIO_IRQ_SET_DATA_BOOL, VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_DATA_NONE,
    VFIO_PCI_BAR0_REGION_INDEX as BAR0, VFIO_PCI_BAR2_REGION_INDEX as BAR2,
    VFIO_PCI_CONFIG_REGION_INDEX as CONFIG, VFIO_PCI_MSI_IRQ_INDEX as MSI,
    VFIO_PCI_ROM_REGION_INDEX as ROM, VFIO_PCI_VGA_REGION_INDEX as VGA,
};

use super::equal;
use crate::event::Event;
use crate::guest::{Family, Guest};
use crate::registers::*;
use crate::transport::{IrqData, IrqRequest, Sharing};

/// Sizes of accesses, even and odd, up to more than a page.
const SIZES: [usize; 12] = [1, 2, 3, 4, 5, 7, 8, 9, 16, 4095, 4096, 4097];
/// Where the file of a device puts regions apart; offsets above are in another.
const REGION_LIMIT: u64 = 1 << 40;

/// A read and a write of so many bytes fail.
fn refused(guest: &mut Guest<'_>, region: u32, offset: u64, size: usize) -> Result<()> {
    let mut data = vec![0; size];
    let read = guest.transport().read(region, offset, &mut data);
    ensure!(
        read.is_err(),
        "a read of {size} bytes at {offset:#x} of region {region} is no error"
    );
    let write = guest.transport().write(region, offset, &data);
    ensure!(
        write.is_err(),
        "a write of {size} bytes at {offset:#x} of region {region} is no error"
    );
    Ok(())
}

pub(super) fn config_bounds(guest: &mut Guest<'_>) -> Result<()> {
    let wrap = u64::from(u32::MAX);
    for (offset, size) in [
        (wrap - 3, 4),
        (wrap, 1),
        (wrap, 4),
        (wrap + 1, 4),
        (config::SIZE, 1),
        (config::SIZE - 1, 2),
        (config::SIZE - 2, 4),
        (4095, 2),
        (4096, 1),
        (0, config::SIZE as usize + 1),
        (0, 8192),
        (REGION_LIMIT - 4, 4),
    ] {
        refused(guest, CONFIG, offset, size)?;
    }
    guest.works()
}

pub(super) fn region_indexes(guest: &mut Guest<'_>) -> Result<()> {
    let regions = guest.transport().info()?.regions;
    for index in [regions, regions + 1, regions + 64, 0xffff, u32::MAX] {
        let found = guest.transport().region(index);
        ensure!(found.is_err(), "there is a region {index}: {found:?}");
    }
    for index in [regions, regions + 1, regions + 64, 0xffff] {
        refused(guest, index, 0, 4)?;
    }
    // Those that the device has not.
    for index in [BAR0 + 1, BAR2 + 1, BAR2 + 2, BAR2 + 3, ROM, VGA] {
        refused(guest, index, 0, 4)?;
    }
    let irqs = guest.transport().info()?.irqs;
    for index in [irqs, irqs + 1, 0xffff, u32::MAX] {
        let found = guest.transport().irq(index);
        ensure!(
            found.is_err(),
            "there is an interrupt index {index}: {found:?}"
        );
    }
    guest.works()
}

pub(super) fn edges(guest: &mut Guest<'_>) -> Result<()> {
    let wrap = u64::from(u32::MAX);
    let aperture = guest.aperture()?;
    for region in [CONFIG, BAR0, BAR2] {
        let end = guest.transport().region(region)?.size;
        let edges = [
            0,
            1,
            REGISTERS_END,
            GGTT,
            aperture.start,
            aperture.end,
            end,
            wrap,
            wrap + 1,
        ];
        for edge in edges {
            for size in SIZES {
                for offset in [
                    edge.saturating_sub(size as u64),
                    edge.saturating_sub(1),
                    edge,
                ] {
                    edge_access(guest, region, offset, size, end)?;
                }
            }
        }
    }
    guest.restart()?;
    guest.works()
}

/// An access that must fail if it is not inside; if it is, it may do so.
fn edge_access(
    guest: &mut Guest<'_>,
    region: u32,
    offset: u64,
    size: usize,
    end: u64,
) -> Result<()> {
    if offset + size as u64 > end {
        return refused(guest, region, offset, size);
    }
    let mut data = vec![0; size];
    let read = guest.transport().read(region, offset, &mut data);
    ensure!(
        read != Err(Errno::PIPE),
        "a read of {size} bytes at {offset:#x} of region {region} ended the connection"
    );
    // What was read is written, so that little changes.
    if read.is_ok() {
        let write = guest.transport().write(region, offset, &data);
        ensure!(
            write != Err(Errno::PIPE),
            "a write of {size} bytes at {offset:#x} of region {region} ended the connection"
        );
    }
    Ok(())
}

pub(super) fn aperture_mappings(guest: &mut Guest<'_>) -> Result<()> {
    let aperture = guest.aperture()?;
    let size = guest.bar2_size()?;
    let page = PAGE as usize;
    let length = usize::try_from(aperture.end - aperture.start)?;
    let shared = Sharing::Shared;
    let mut refused = |region, offset, length, sharing| -> Result<()> {
        let mapped = guest
            .transport()
            .map_region(region, offset, length, sharing);
        ensure!(
            mapped.is_err(),
            "{length:#x} bytes at {offset:#x} of region {region} can be mapped"
        );
        Ok(())
    };
    for below in [0, aperture.start.saturating_sub(PAGE)] {
        if below < aperture.start {
            refused(BAR2, below, page, shared)?;
        }
    }
    if aperture.start > 0 {
        refused(BAR2, aperture.start - PAGE, 2 * page, shared)?;
    }
    refused(BAR2, aperture.end - PAGE, 2 * page, shared)?;
    refused(BAR2, aperture.end, page, shared)?;
    refused(BAR2, aperture.start, length + page, shared)?;
    refused(BAR2, size, page, shared)?;
    refused(BAR2, size - PAGE, 2 * page, shared)?;
    refused(BAR2, aperture.start, 0, shared)?;
    refused(BAR2, aperture.start, page, Sharing::Private)?;
    refused(BAR2, REGION_LIMIT - PAGE, page, shared)?;
    for region in [BAR0, CONFIG, ROM] {
        refused(region, 0, page, shared)?;
    }
    // What was mapped can't grow over the end.
    let last = guest
        .transport()
        .map_region(BAR2, aperture.end - PAGE, page, shared);
    let mut last = last.context("the last page can't be mapped")?;
    ensure!(last.grow(2 * page).is_err(), "a mapping grew over the end");
    let _ = last.read32(0);
    // A mapping outlives a reset, and shows nothing of before.
    guest.map(aperture.end - PAGE, 0x130)?;
    guest.ram.fill(0x130, 0x66)?;
    equal("the page", last.read32(0), 0x6666_6666)?;
    guest.transport().reset()?;
    ensure!(
        last.read32(0) != 0x6666_6666,
        "after a reset the page still shows"
    );
    guest.works()
}

pub(super) fn interrupt_storm(guest: &mut Guest<'_>) -> Result<()> {
    let events = [Event::new()?, Event::new()?];
    for round in 0..2000 {
        let [event, other] = match round % 2 {
            0 => [&events[0], &events[1]],
            _ => [&events[1], &events[0]],
        };
        guest.connect_msi(event)?;
        guest.fire_msi()?;
        equal("the messages of the new eventfd", event.count()?, 1)?;
        equal("the messages of the old one", other.count()?, 0)?;
        if round % 16 == 0 {
            guest.disconnect_msi()?;
        }
    }
    guest.works()
}

pub(super) fn interrupt_nonsense(guest: &mut Guest<'_>) -> Result<()> {
    let event = Event::new()?;
    guest.connect_msi(&event)?;
    let irqs = guest.transport().info()?.irqs;
    let none = IrqData::Bytes(&[]);
    let (trigger, files) = (VFIO_IRQ_SET_ACTION_TRIGGER, [event.fd(); 2]);
    let ram = crate::ram::Ram::new(PAGE)?;
    let no_event = [ram.file()];
    let fire = |index, start, count| IrqRequest {
        flags: VFIO_IRQ_SET_DATA_NONE | trigger,
        index,
        start,
        count,
        data: none,
    };
    let msi = |flags, data| IrqRequest {
        flags,
        index: MSI,
        start: 0,
        count: 1,
        data,
    };
    let nonsense = [
        fire(irqs, 0, 1),
        fire(u32::MAX, 0, 1),
        fire(MSI, 1, 1),
        fire(MSI, 0, 2),
        fire(MSI, u32::MAX, 1),
        fire(MSI, 1, u32::MAX),
        fire(MSI, u32::MAX, u32::MAX),
        msi(0, none),
        msi(u32::MAX, none),
        msi(trigger, none),
        msi(VFIO_IRQ_SET_DATA_NONE, none),
        msi(
            VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_DATA_BOOL | trigger,
            none,
        ),
        msi(
            VFIO_IRQ_SET_DATA_NONE | trigger | VFIO_IRQ_SET_ACTION_MASK,
            none,
        ),
        msi(VFIO_IRQ_SET_DATA_BOOL | trigger, none),
        msi(
            VFIO_IRQ_SET_DATA_EVENTFD | trigger,
            IrqData::Files(&no_event),
        ),
        IrqRequest {
            count: 2,
            ..msi(VFIO_IRQ_SET_DATA_EVENTFD | trigger, IrqData::Files(&files))
        },
    ];
    for request in &nonsense {
        let result = guest.transport().set_irqs(request);
        ensure!(result.is_err(), "{request:x?} is no error");
        ensure!(
            result != Err(Errno::PIPE),
            "{request:x?} ended the connection"
        );
    }
    // A message can't be masked: that is refused, or does nothing.
    for action in [VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_UNMASK] {
        let request = msi(VFIO_IRQ_SET_DATA_NONE | action, none);
        let _ = guest.transport().set_irqs(&request);
    }
    equal("the messages that nonsense sent", event.count()?, 0)?;
    guest.fire_msi()?;
    equal("the messages after it", event.wait()?, 1)
}

pub(super) fn narrow_writes(guest: &mut Guest<'_>) -> Result<()> {
    // All but plain memory: registers with a behaviour that keep what is written.
    let mut registers = vec![
        GT0 + IMR,
        GT0 + IER,
        PCH + IMR,
        PCODE_DATA,
        pvinfo::PDP0,
        pvinfo::CURSOR_X_HOT,
        AUX_A + 4,
        SCRATCH,
    ];
    if guest.family()? != Family::Bdw {
        // Read as special, written as memory.
        registers.push(WRPLLS[0]);
    }
    for at in registers {
        for (size, offset) in [(1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 2)] {
            for (before, written) in [(u32::MAX, 0_u8), (0, u8::MAX), (0x1234_5678, 0xa5)] {
                guest.write32(at, before)?;
                let mut wanted = before.to_le_bytes();
                wanted[offset..offset + size].fill(written);
                guest.set_bar0(at + offset as u64, &vec![written; size])?;
                let found = guest.read32(at)?;
                equal(
                    &format!("{at:#x} after {size} bytes of {written:#x} at {offset}"),
                    found,
                    u32::from_le_bytes(wanted),
                )?;
            }
        }
    }
    Ok(())
}

pub(super) fn straddling(guest: &mut Guest<'_>) -> Result<()> {
    let gma = guest.aperture()?.start;
    let end = REGISTERS_END;
    let before = guest.entry(gma)?;
    for (offset, size) in [
        (end - 1, 1),
        (end - 1, 2),
        (end - 2, 4),
        (end - 4, 8),
        (end - 3, 4),
        (end - 4, 16),
        (SCRATCH + 1, 4),
        (SCRATCH + 3, 2),
        (SCRATCH + 5, 8),
        (GGTT - 4, 8),
        (GGTT - 1, 2),
    ] {
        let mut data = vec![0; size];
        // Refused or not, it does what its bytes do and nothing else.
        let _ = guest.transport().read(BAR0, offset, &mut data);
        let _ = guest.transport().write(BAR0, offset, &vec![0x5a; size]);
    }
    let bar0 = guest.transport().region(BAR0)?.size;
    for (offset, size) in [(bar0 - 4, 8), (bar0 - 1, 2), (bar0, 1), (bar0, 8)] {
        refused(guest, BAR0, offset, size)?;
    }
    equal("an entry of the GGTT", guest.entry(gma)?, before)?;
    let [hole] = guest.bar0(end)?;
    equal("the hole", hole, u8::MAX)?;
    // An unaligned write of a plain register, where it is taken, is its bytes.
    guest.write64(SCRATCH, 0)?;
    if guest.set_bar0(SCRATCH + 1, &[1, 2, 3, 4]).is_ok() {
        equal("two registers", guest.read64(SCRATCH)?, 0x04_0302_0100)?;
    }
    guest.works()
}

pub(super) fn hole(guest: &mut Guest<'_>) -> Result<()> {
    // Where the C driver would go: memory at the BAR's address.
    guest.set_config(config::BAR0, &0_u32.to_le_bytes())?;
    for offset in [REGISTERS_END, REGISTERS_END + 0x1000, GGTT / 2, GGTT - 8] {
        let in_ram = offset % guest.ram.size();
        guest.ram.write(in_ram, &[0x77; 8])?;
        equal("the hole", guest.read64(offset)?, u64::MAX)?;
        equal("the hole", guest.read32(offset)?, u32::MAX)?;
        let [byte] = guest.bar0(offset + 1)?;
        equal("the hole", byte, u8::MAX)?;
        guest.write64(offset, 0)?;
        guest.write32(offset, 0)?;
        guest.set_bar0(offset, &[0])?;
        equal("the hole, written,", guest.read64(offset)?, u64::MAX)?;
        let mut found = [0; 8];
        guest.ram.read(in_ram, &mut found)?;
        ensure!(found == [0x77; 8], "a write to the hole reached memory");
    }
    guest.works()
}

pub(super) fn provocations(guest: &mut Guest<'_>) -> Result<()> {
    /// GMBUS3, the data; DMA_CTRL of the GuC, and its start bit.
    const GMBUS3: u64 = GMBUS0 + 0xc;
    const DMA_CTRL: u64 = 0xc314;
    const DMA_START: u32 = 1;
    // Larger than a dword.
    let _ = guest.config::<8>(0);
    let _ = guest.set_config(config::BAR0, &[0; 8]);
    let _ = guest.set_config(config::COMMAND, &[0; 4]);
    let _ = guest.set_config(config::BAR0 + 1, &[0xff; 4]);
    let msi = guest.capability(config::CAP_MSI)?;
    for control in [0xffff_u16, 0x00ff, 0x0070, 0x0001] {
        guest.set_config(msi + config::MSI_CONTROL, &control.to_le_bytes())?;
    }
    let _ = guest.write32(GMBUS3, u32::MAX);
    let _ = guest.write32(DMA_CTRL, DMA_START);
    // Engines that this GPU may not have.
    for base in [0x1_c000, 0x1c_0000] {
        let _ = guest.write32(base + RESET_CTL, u32::MAX);
    }
    // Every register, with nothing and with everything.
    for value in [0, u32::MAX] {
        let piece = value.to_le_bytes().repeat(0x4000);
        let mut offset = 0;
        while offset < REGISTERS_END {
            let _ = guest.set_bar0(offset, &piece);
            offset += piece.len() as u64;
        }
    }
    guest.restart()?;
    guest.works()
}
