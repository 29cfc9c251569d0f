// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The region of a vGPU's monitor as a device of its own.
//!
//! Through VFIO a VMM gives the monitor an EDID by the file that it has the vGPU open with. QEMU does
//! not do that over vfio-user, and a server has one client: whoever is to plug a monitor while a VM
//! runs is a client of this device.

use std::sync::Arc;

use vfio_user_server::{Bus, Device, Errno, Region};

use super::locked::Locked;
use super::{edid_region, read, write, EDID_REGION};

/// The region of the EDID, and nothing else, of a vGPU that a client has open.
pub struct MonitorDevice<'a> {
    locked: Arc<Locked<'a>>,
    bus: Bus,
    regions: Vec<Region>,
}

impl<'a> MonitorDevice<'a> {
    pub(super) fn new(locked: Arc<Locked<'a>>) -> Self {
        let mut regions: Vec<_> = (0..EDID_REGION).map(|_| Region::default()).collect();
        regions.push(edid_region());
        Self {
            locked,
            bus: Bus::new(&[]),
            regions,
        }
    }

    /// What it is served with.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }
}

impl Device for MonitorDevice<'_> {
    fn regions(&self) -> &[Region] {
        &self.regions
    }

    fn read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> Result<(), Errno> {
        read(&self.locked, region, offset, data)
    }

    fn write(&mut self, region: u32, offset: u64, data: &[u8]) -> Result<(), Errno> {
        write(&self.locked, region, offset, data)
    }

    /// The vGPU is another's.
    fn reset(&mut self) -> Result<(), Errno> {
        Err(Errno::ACCESS)
    }
}
