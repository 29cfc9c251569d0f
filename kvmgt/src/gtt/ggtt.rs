// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The GGTT as a guest sees it.

use crate::address::Gfn;
use crate::device::Device;
use crate::guest::World;
use crate::host::Host;
use crate::vgpu::kind::Kind;
use core::ops::Range;
use kernel::prelude::*;

/// A vGPU's part of the GGTT.
pub struct Ggtt {}

impl Ggtt {
    /// Takes the ranges that a type needs.
    ///
    /// # Errors
    ///
    /// `ENOSPC` there are no such ranges; `ENOMEM`; what else the host half said.
    pub fn new(device: &Device, host: &dyn Host, kind: &Kind) -> Result<Self> {
        let _ = (device, host, kind);
        Err(ENOMEM)
    }

    /// Gives the ranges back.
    pub fn destroy(self, host: &dyn Host) {
        let _ = host;
    }

    /// Its part of the aperture, in bytes from GGTT address 0.
    pub fn aperture(&self) -> Range<u64> {
        0..0
    }

    /// Its part behind the aperture, in bytes from GGTT address 0.
    pub fn high(&self) -> Range<u64> {
        0..0
    }

    /// The host's handle of its part of the aperture.
    pub fn aperture_handle(&self) -> u64 {
        0
    }

    /// Reads the table, from byte `offset` of it on. What is not the vGPU's reads as zero.
    ///
    /// # Errors
    ///
    /// `EINVAL` not 1, 2, 4 or 8 bytes at a multiple of that, or not inside the table.
    pub fn read(&self, offset: u64, data: &mut [u8]) -> Result {
        let _ = (offset, data);
        Err(EINVAL)
    }

    /// Writes the table. What is not the vGPU's ignores it.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn write(&mut self, world: &mut World<'_>, offset: u64, data: &[u8]) -> Result {
        let _ = (world, offset, data);
        Err(EINVAL)
    }

    /// Makes all entries lead nowhere, and unpins everything.
    pub fn clear(&mut self, world: &mut World<'_>) {
        let _ = world;
    }

    /// The guest's memory goes away from page `first` on, `count` pages of it.
    pub fn forget_memory(&mut self, world: &mut World<'_>, first: Gfn, count: u64) {
        let _ = (world, first, count);
    }
}
