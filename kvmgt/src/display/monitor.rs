// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The monitor of a vGPU: a DisplayPort sink on one port, that clients of VFIO can plug, unplug and
//! give an EDID.

use super::edid::Edid;
use super::mode::Mode;
use super::sink::{Reply, Sink};
use super::Resolution;
use crate::device::Device;
use crate::hardware::Port;
use crate::mmio::hotplug;
use crate::mmio::registers::RegisterFile;
use crate::vgpu::kind::Kind;
use iface::registers::Platform;
use kernel::prelude::*;

mod region;

use region::Region;
pub use region::SIZE as REGION_SIZE;

/// The smallest resolution that one prefers: that of each PC, which is in all EDIDs.
pub const SMALLEST: Resolution = Resolution {
    width: 640,
    height: 480,
};

/// Whether a monitor that can show up to `largest` can prefer a resolution.
pub(crate) fn can_prefer(resolution: Resolution, largest: Resolution) -> bool {
    let Resolution { width, height } = resolution;
    let widths = SMALLEST.width..=largest.width;
    let heights = SMALLEST.height..=largest.height;
    widths.contains(&width) && heights.contains(&height) && Mode::new(resolution).is_ok()
}

/// The port that it is on (observed: where the C GVT-g has it; Broxton has no port D).
pub(crate) fn port(platform: Platform) -> Port {
    match platform {
        Platform::Bdw | Platform::Bxt => Port::B,
        Platform::Skl | Platform::Kbl | Platform::Cfl | Platform::Cml => Port::D,
    }
}

/// The virtual monitor.
pub(crate) struct Monitor {
    preferred: Resolution,
    largest: Resolution,
    /// The EDID that it has as long as no client gives it another one.
    generated: Edid,
    /// What clients see of it.
    region: Region,
    /// The EDID that the guest reads, and its size.
    edid: KVec<u8>,
    edid_size: usize,
    is_connected: bool,
    sink: Sink,
}

impl Monitor {
    /// One that can show what a type can, and prefers the largest.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(kind: &Kind) -> Result<Self> {
        let (width, height) = kind.resolution;
        let largest = Resolution { width, height };
        let mut monitor = Self {
            preferred: largest,
            largest,
            generated: Edid::new(largest, largest)?,
            region: Region::new(largest)?,
            edid: KVec::from_elem(0, region::BLOB_SIZE, GFP_KERNEL)?,
            edid_size: 0,
            is_connected: true,
            sink: Sink::new()?,
        };
        monitor.renew();
        Ok(monitor)
    }

    /// The resolution that it prefers, unless a client has given it an EDID.
    pub(crate) fn preferred(&self) -> Resolution {
        self.preferred
    }

    /// Changes that. It is as new.
    ///
    /// # Errors
    ///
    /// `EINVAL` it is too small, or too large.
    pub(crate) fn prefer(&mut self, resolution: Resolution) -> Result {
        if !can_prefer(resolution, self.largest) {
            return Err(EINVAL);
        }
        self.generated = Edid::new(resolution, self.largest)?;
        self.preferred = resolution;
        self.renew();
        Ok(())
    }

    /// Another VM gets it: it is connected, with the EDID that it has by itself.
    pub(crate) fn renew(&mut self) {
        self.region.hold(&self.generated);
        self.take_edid();
        self.is_connected = true;
    }

    /// Its share in the state of reset. Whether it is there stays as it is, and so does its EDID.
    pub(crate) fn reset(&mut self, device: &Device, registers: &mut RegisterFile) {
        self.sink.reset();
        hotplug::reset(registers, device.model().platform, self.is_connected);
    }

    /// Answers a request on the AUX channel of its port; `None` if it does not.
    pub(crate) fn answer(&mut self, request: &[u8]) -> Option<Reply> {
        if !self.is_connected {
            return None;
        }
        let edid = self.edid.get(..self.edid_size).unwrap_or_default();
        self.sink.answer(edid, request)
    }

    /// The guest sends no signal any more.
    pub(crate) fn link_lost(&mut self) {
        self.sink.link_lost();
    }

    /// Reads the region of its EDID.
    ///
    /// # Errors
    ///
    /// `EINVAL` not inside of it.
    pub(crate) fn read_region(&self, offset: u64, data: &mut [u8]) -> Result {
        self.region.read(self.is_connected, offset, data)
    }

    /// Writes the region of its EDID. Returns whether it has been plugged in, or unplugged, which
    /// the guest has to be told of.
    ///
    /// # Errors
    ///
    /// `EINVAL` not inside of it, no such state of the link, or no EDID. The monitor is as before.
    pub(crate) fn write_region(&mut self, offset: u64, data: &[u8]) -> Result<Option<bool>> {
        let link = self.region.write(offset, data)?;
        if link == Some(true) {
            self.take_edid();
        }
        if let Some(is_connected) = link {
            self.is_connected = is_connected;
            self.sink.reset();
        }
        Ok(link)
    }

    /// The EDID in the region is that of the monitor from now on.
    fn take_edid(&mut self) {
        let edid = self.region.edid();
        self.edid
            .iter_mut()
            .zip(edid)
            .for_each(|(to, from)| *to = *from);
        self.edid_size = edid.len();
    }
}

#[cfg(test)]
mod tests;
