// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The fence registers of a vGPU, which detile what the CPU sees of the aperture.

use crate::guest::World;
use crate::host::Host;
use crate::mmio::context::Share;
use core::ops::Range;
use iface::fence::{reach, VALID};
use kernel::prelude::*;

/// What a fence register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fence(pub(crate) u64);

impl Fence {
    /// A fence that does nothing.
    const OFF: Self = Self(0);

    /// Whether it is in use.
    fn is_valid(self) -> bool {
        self.0 & VALID != 0
    }

    /// Whether all that it reaches is in a range, and that is something.
    fn is_inside(self, range: &Range<u64>) -> bool {
        let reach = reach(self.0);
        range.start <= reach.start && !reach.is_empty() && reach.end <= range.end
    }
}

/// Why a fence is off although it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It would reach what is not the vGPU's.
    Range,
    /// What the host half said.
    Host(Error),
}

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

    /// Writes one: only inside the vGPU's own aperture, which the host half checks again.
    ///
    /// # Errors
    ///
    /// It is not accepted, and off.
    pub(crate) fn write(
        &mut self,
        host: &dyn Host,
        share: &Share,
        index: u32,
        fence: Fence,
    ) -> Result<(), Refusal> {
        let own = fence.is_inside(&share.aperture);
        let accepted = if fence.is_valid() && own {
            host.fence_write(self.handle, index, fence.0, share.aperture_handle)
        } else {
            host.fence_write(self.handle, index, Fence::OFF.0, share.aperture_handle)
        };
        if let Err(error) = accepted {
            // Without its valid bit a fence is always accepted.
            let _ = host.fence_write(self.handle, index, Fence::OFF.0, share.aperture_handle);
            return Err(Refusal::Host(error));
        }
        if fence.is_valid() && !own {
            return Err(Refusal::Range);
        }
        Ok(())
    }

    /// Disables all.
    pub fn clear(&mut self, world: &World<'_>) {
        for index in 0..self.count {
            // Without its valid bit a fence is always accepted.
            let _ = world.host.fence_write(self.handle, index, Fence::OFF.0, 0);
        }
    }

    /// Gives them back.
    pub fn destroy(self, host: &dyn Host) {
        // It can only fail for a handle that is none.
        let _ = host.fences_release(self.handle);
    }
}

#[cfg(test)]
mod tests;
