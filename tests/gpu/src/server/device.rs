// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The GPU as a vfio-user device.
//!
//! Every BAR is trapped: with a mapped area anywhere QEMU would make all writes wait for their
//! answer, and a GGTT entry written by a posted message is cheaper than that.

use std::sync::Arc;

use gen9_gpu::config_space::{BAR0_SIZE, BAR4_SIZE, CONFIG_SPACE_SIZE};
use gen9_gpu::Shared;
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_INFO_AUTOMASKED, VFIO_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_MASKABLE,
    VFIO_IRQ_INFO_NORESIZE, VFIO_PCI_BAR0_REGION_INDEX, VFIO_PCI_BAR2_REGION_INDEX,
    VFIO_PCI_BAR4_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_INTX_IRQ_INDEX,
    VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_NUM_IRQS, VFIO_PCI_NUM_REGIONS,
};
use vfio_user_server::{Device, Errno, IrqIndex, Region};

/// The interrupts of the device: the INTA pin and one MSI message.
pub fn irqs() -> [IrqIndex; VFIO_PCI_NUM_IRQS as usize] {
    let mut irqs = [IrqIndex {
        count: 0,
        flags: VFIO_IRQ_INFO_EVENTFD,
    }; 5];
    irqs[VFIO_PCI_INTX_IRQ_INDEX as usize] = IrqIndex {
        count: 1,
        flags: VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED,
    };
    irqs[VFIO_PCI_MSI_IRQ_INDEX as usize] = IrqIndex {
        count: 1,
        flags: VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE,
    };
    irqs
}

/// The GPU, as the session drives it.
pub struct GpuDevice {
    shared: Arc<Shared>,
    regions: Vec<Region>,
}

impl GpuDevice {
    /// A device over a GPU that other threads use too.
    pub fn new(shared: Arc<Shared>) -> Self {
        let aperture = shared.access(|gpu| gpu.options().aperture);
        let regions = (0..VFIO_PCI_NUM_REGIONS)
            .map(|index| match index {
                VFIO_PCI_BAR0_REGION_INDEX => Region::trapped(BAR0_SIZE),
                VFIO_PCI_BAR2_REGION_INDEX => Region::trapped(aperture),
                VFIO_PCI_BAR4_REGION_INDEX => Region::trapped(BAR4_SIZE),
                VFIO_PCI_CONFIG_REGION_INDEX => Region::trapped(CONFIG_SPACE_SIZE as u64),
                _ => Region::default(),
            })
            .collect();
        Self { shared, regions }
    }
}

impl Device for GpuDevice {
    fn regions(&self) -> &[Region] {
        &self.regions
    }

    fn read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> Result<(), Errno> {
        self.shared.access(|gpu| match region {
            VFIO_PCI_BAR0_REGION_INDEX => gpu.bar0_read(offset, data),
            VFIO_PCI_BAR2_REGION_INDEX => gpu.bar2_read(offset, data),
            VFIO_PCI_BAR4_REGION_INDEX => gpu.bar4_read(offset, data),
            VFIO_PCI_CONFIG_REGION_INDEX => gpu.config_read(offset, data),
            // The session lets through only accesses to regions with a size.
            _ => {}
        });
        Ok(())
    }

    fn write(&mut self, region: u32, offset: u64, data: &[u8]) -> Result<(), Errno> {
        match region {
            VFIO_PCI_BAR0_REGION_INDEX => {
                self.shared
                    .access_and_wake(|gpu| gpu.bar0_write(offset, data));
            }
            VFIO_PCI_BAR2_REGION_INDEX => self.shared.access(|gpu| gpu.bar2_write(offset, data)),
            VFIO_PCI_BAR4_REGION_INDEX => {
                self.shared
                    .access_and_wake(|gpu| gpu.bar4_write(offset, data));
            }
            VFIO_PCI_CONFIG_REGION_INDEX => {
                self.shared.access(|gpu| gpu.config_write(offset, data));
            }
            _ => {}
        }
        Ok(())
    }

    fn reset(&mut self) -> Result<(), Errno> {
        self.shared.access_and_wake(|gpu| gpu.reset());
        Ok(())
    }
}
