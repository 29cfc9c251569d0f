// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The fence registers of a vGPU, which detile what the CPU sees of the aperture.

use crate::guest::World;
use crate::host::Host;
use kernel::prelude::*;

/// Fence registers of the host that a vGPU has.
pub struct Fences {
    handle: u64,
    count: u32,
}

impl Fences {
    /// Takes `count` fence registers, all disabled.
    ///
    /// # Errors
    ///
    /// `ENOSPC` not so many are free; what else the host half said.
    pub fn new(host: &dyn Host, count: u32) -> Result<Self> {
        let handle = host.fences_reserve(count)?;
        Ok(Self { handle, count })
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Writes one.
    ///
    /// # Errors
    ///
    /// What the host half said.
    pub fn write(&mut self, world: &World<'_>, index: u32, value: u64, range: u64) -> Result {
        world.host.fence_write(self.handle, index, value, range)
    }

    /// Disables all.
    pub fn clear(&mut self, world: &World<'_>) {
        for index in 0..self.count {
            // Without its valid bit a fence is always accepted.
            let _ = world.host.fence_write(self.handle, index, 0, 0);
        }
    }

    /// Gives them back.
    pub fn destroy(self, host: &dyn Host) {
        // It can only fail for a handle that is none.
        let _ = host.fences_release(self.handle);
    }
}
