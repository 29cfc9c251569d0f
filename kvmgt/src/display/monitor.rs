// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The monitor of a vGPU.

use super::Resolution;
use crate::device::Device;
use crate::mmio::registers::RegisterFile;
use crate::vgpu::kind::Kind;
use kernel::prelude::*;

/// Bytes of the region by which clients give it an EDID.
pub const REGION_SIZE: usize = 4096;

/// The virtual monitor.
pub(crate) struct Monitor {
    preferred: Resolution,
}

impl Monitor {
    /// One that can show what a type can.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(kind: &Kind) -> Result<Self> {
        let (width, height) = kind.resolution;
        let preferred = Resolution { width, height };
        Ok(Self { preferred })
    }

    /// The resolution that it prefers.
    pub(crate) fn preferred(&self) -> Resolution {
        self.preferred
    }

    /// Its share in the state of reset.
    pub(crate) fn reset(&mut self, _device: &Device, _registers: &mut RegisterFile) {}
}
