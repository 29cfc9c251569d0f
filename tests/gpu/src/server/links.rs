// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The GPU's ways out, over the vfio-user bus: client memory and interrupts.

use std::sync::Arc;

use gen9_gpu::{DmaAddress, DmaFault, DmaMemory, InterruptSink};
use vfio_bindings::bindings::vfio::{VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX};
use vfio_user_server::{Bus, DmaCause, DmaError, GuestMemory, Interrupts};

/// Memory of the client.
#[derive(Debug)]
pub struct MemoryLink(Arc<GuestMemory>);

impl MemoryLink {
    /// The bus's memory.
    pub fn new(bus: &Bus) -> Self {
        Self(Arc::clone(&bus.memory))
    }
}

fn fault(error: DmaError) -> DmaFault {
    if let DmaCause::Refused(errno) = error.cause {
        tracing::debug!(%errno, address = error.address, "client memory failed");
    }
    DmaFault {
        address: DmaAddress(error.address),
        length: error.length,
    }
}

impl DmaMemory for MemoryLink {
    fn read(&self, address: DmaAddress, data: &mut [u8]) -> Result<(), DmaFault> {
        self.0.read(address.0, data).map_err(fault)
    }

    fn write(&self, address: DmaAddress, data: &[u8]) -> Result<(), DmaFault> {
        self.0.write(address.0, data).map_err(fault)
    }
}

/// Interrupts to the client.
#[derive(Debug)]
pub struct IrqLink(Arc<Interrupts>);

impl IrqLink {
    /// The bus's interrupts.
    pub fn new(bus: &Bus) -> Self {
        Self(Arc::clone(&bus.interrupts))
    }
}

impl InterruptSink for IrqLink {
    fn message(&mut self) {
        self.0.trigger(VFIO_PCI_MSI_IRQ_INDEX, 0);
    }

    fn pin(&mut self, asserted: bool) {
        self.0.set_level(VFIO_PCI_INTX_IRQ_INDEX, 0, asserted);
    }
}
