// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vGPU's configuration space.

use crate::device::Device;
use crate::gtt::ggtt::Ggtt;
use kernel::prelude::*;

/// Bytes of it: what a device without the PCI Express capability has.
pub const SIZE: usize = 256;

/// The configuration space of a vGPU.
pub struct ConfigSpace {
    bytes: [u8; SIZE],
    bar0_size: u64,
    bar2_size: u64,
}

impl ConfigSpace {
    /// One that still has to be reset.
    ///
    /// # Errors
    ///
    /// `EINVAL` the host half tells of BARs that can't be.
    pub fn new(device: &Device) -> Result<Self> {
        let _ = device;
        Err(ENOMEM)
    }

    /// The state of reset.
    pub fn reset(&mut self, device: &Device, ggtt: &Ggtt) {
        let _ = (device, ggtt);
    }

    /// Bytes of BAR 0.
    pub fn bar0_size(&self) -> u64 {
        self.bar0_size
    }

    /// Bytes of BAR 2.
    pub fn bar2_size(&self) -> u64 {
        self.bar2_size
    }

    /// Whether the guest wants MSI messages.
    pub fn msi_enabled(&self) -> bool {
        false
    }

    /// Reads.
    ///
    /// # Errors
    ///
    /// `EINVAL` not inside of it.
    pub fn read(&self, offset: u64, data: &mut [u8]) -> Result {
        let _ = (&self.bytes, offset, data);
        Err(EINVAL)
    }

    /// Writes.
    ///
    /// # Errors
    ///
    /// `EINVAL` not inside of it.
    pub fn write(&mut self, offset: u64, data: &[u8]) -> Result {
        let _ = (offset, data);
        Err(EINVAL)
    }
}
