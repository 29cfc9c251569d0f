// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the device says of itself to a VMM.

use anyhow::{ensure, Result};
use vfio_bindings::bindings::vfio::{
    VFIO_DEVICE_FLAGS_PCI, VFIO_DEVICE_FLAGS_RESET, VFIO_IRQ_INFO_EVENTFD,
    VFIO_PCI_BAR0_REGION_INDEX, VFIO_PCI_BAR2_REGION_INDEX, VFIO_PCI_BAR4_REGION_INDEX,
    VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_MSIX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX,
    VFIO_PCI_NUM_REGIONS, VFIO_PCI_ROM_REGION_INDEX, VFIO_PCI_VGA_REGION_INDEX,
    VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE,
};

use super::equal;
use crate::guest::Guest;
use crate::registers::{config, GGTT, GGTT_SIZE};

/// The sizes that an aperture can have.
const APERTURES: [u64; 3] = [256 << 20, 512 << 20, 1 << 30];

pub(super) fn device_info(guest: &mut Guest<'_>) -> Result<()> {
    let info = guest.transport().info()?;
    let wanted = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
    equal("the flags' PCI and reset", info.flags & wanted, wanted)?;
    ensure!(
        info.regions >= VFIO_PCI_NUM_REGIONS,
        "there are {} regions",
        info.regions
    );
    ensure!(
        info.irqs > VFIO_PCI_MSI_IRQ_INDEX,
        "there are {} interrupt indexes",
        info.irqs
    );
    let access = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
    let mut size = |index| -> Result<u64> {
        let region = guest.transport().region(index)?;
        if region.size > 0 {
            equal("a region's access", region.flags & access, access)?;
        }
        Ok(region.size)
    };
    // QEMU takes a device with 4 KiB for one with PCI Express, and ends if it is none.
    equal(
        "the size of configuration space",
        size(VFIO_PCI_CONFIG_REGION_INDEX)?,
        config::SIZE,
    )?;
    equal(
        "the size of BAR 0",
        size(VFIO_PCI_BAR0_REGION_INDEX)?,
        GGTT + GGTT_SIZE,
    )?;
    let aperture = size(VFIO_PCI_BAR2_REGION_INDEX)?;
    ensure!(
        APERTURES.contains(&aperture),
        "the size of BAR 2 is {aperture:#x}"
    );
    for index in [
        VFIO_PCI_BAR0_REGION_INDEX + 1,
        VFIO_PCI_BAR2_REGION_INDEX + 1,
        VFIO_PCI_BAR4_REGION_INDEX,
        VFIO_PCI_BAR4_REGION_INDEX + 1,
        VFIO_PCI_ROM_REGION_INDEX,
        VFIO_PCI_VGA_REGION_INDEX,
    ] {
        // A kernel may also say that there is no such region.
        let found = guest.transport().region(index).map_or(0, |info| info.size);
        equal(&format!("the size of region {index}"), found, 0)?;
    }
    let msi = guest.transport().irq(VFIO_PCI_MSI_IRQ_INDEX)?;
    equal("the number of MSI messages", msi.count, 1)?;
    ensure!(
        msi.flags & VFIO_IRQ_INFO_EVENTFD != 0,
        "MSI takes no eventfd"
    );
    let msix = guest.transport().irq(VFIO_PCI_MSIX_IRQ_INDEX);
    equal(
        "the number of MSI-X messages",
        msix.map_or(0, |info| info.count),
        0,
    )
}
