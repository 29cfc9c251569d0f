// SPDX-License-Identifier: GPL-2.0 OR MIT
//! BAR 0: registers, and the GGTT behind them.

use crate::device::Device;
use crate::fences::Fences;
use crate::gtt::ggtt::Ggtt;
use crate::guest::World;
use crate::vgpu::kind::Kind;
use crate::vgpu::shares::VgpuId;
use kernel::prelude::*;

/// What of its vGPU a register reaches beyond the registers.
pub struct Reach<'a> {
    /// The GGTT.
    pub ggtt: &'a mut Ggtt,
    /// The fences.
    pub fences: &'a mut Fences,
}

/// The registers of a vGPU.
pub struct Mmio {
    id: VgpuId,
    interrupt: bool,
}

impl Mmio {
    /// Registers that still have to be reset.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(device: &Device, id: VgpuId) -> Result<Self> {
        let _ = device;
        Ok(Self {
            id,
            interrupt: false,
        })
    }

    /// The state of reset: all registers are golden.
    pub fn reset(&mut self, device: &Device, kind: &Kind, ggtt: &Ggtt) {
        let _ = (device, kind, ggtt, self.id);
    }

    /// Whether an access since this was last asked wants a message to be sent.
    pub fn take_interrupt(&mut self) -> bool {
        core::mem::take(&mut self.interrupt)
    }

    /// Reads BAR 0.
    ///
    /// # Errors
    ///
    /// `EINVAL` not 1, 2, 4 or 8 bytes, not at a multiple of that, or not inside of BAR 0.
    pub fn read(
        &mut self,
        world: &mut World<'_>,
        reach: &mut Reach<'_>,
        offset: u64,
        data: &mut [u8],
    ) -> Result {
        let _ = (world, reach, offset, data);
        Err(EINVAL)
    }

    /// Writes BAR 0.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn write(
        &mut self,
        world: &mut World<'_>,
        reach: &mut Reach<'_>,
        offset: u64,
        data: &[u8],
    ) -> Result {
        let _ = (world, reach, offset, data);
        Err(EINVAL)
    }
}
