// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The GGTT as a guest sees it.
//!
//! A guest has two ranges of the host's GGTT, at the same addresses. What it writes into their
//! entries is kept as it is; the host's entries lead to pinned pages of the guest, or to scratch.
//!
//! An entry is written as a whole, or in two halves of 4 bytes in either order: from the first
//! half until the other it leads to scratch, so the GPU never sees half of an address. A write of
//! 1 or 2 bytes, which no GPU takes, is kept too, and makes the entry lead to scratch until it is
//! written as a whole or in both halves.

mod entries;
mod part;

use crate::address::{Gfn, GgttPage, Gma};
use crate::device::Device;
use crate::gtt::entry::{GuestEntry, ENTRY_SIZE};
use crate::gtt::pins::Pins;
use crate::guest::World;
use crate::host::Host;
use crate::vgpu::kind::Kind;
use crate::vgpu::shares::{Refusal, Resource};
use core::ops::Range;
use iface::types::{GGTT_PAGE_SHIFT, REGION_APERTURE, REGION_HIGH};
use kernel::prelude::*;
use part::Part;

/// A vGPU's part of the GGTT.
pub struct Ggtt {
    aperture: Part,
    high: Part,
    /// Bytes of the whole table.
    table_size: u64,
}

impl Ggtt {
    /// Takes the ranges that a type needs.
    ///
    /// # Errors
    ///
    /// `ENOSPC` there are no such ranges; `ENOMEM`; what else the host half said.
    pub fn new(device: &Device, host: &dyn Host, kind: &Kind) -> Result<Self, Refusal> {
        let entries = device.geometry().ggtt_size >> GGTT_PAGE_SHIFT;
        let table_size = entries.checked_mul(ENTRY_SIZE).ok_or(EINVAL)?;
        let aperture = Part::new(host, REGION_APERTURE, kind.aperture)
            .map_err(|error| kind.refused(Resource::Aperture, error))?;
        let high = match Part::new(host, REGION_HIGH, kind.high) {
            Ok(high) => high,
            Err(error) => {
                aperture.destroy(host);
                return Err(kind.refused(Resource::High, error));
            }
        };
        Ok(Self {
            aperture,
            high,
            table_size,
        })
    }

    /// Gives the ranges back. It was cleared since a guest had it.
    pub fn destroy(self, host: &dyn Host) {
        self.high.destroy(host);
        self.aperture.destroy(host);
    }

    /// Its part of the aperture, in bytes from GGTT address 0.
    pub fn aperture(&self) -> Range<u64> {
        self.aperture.addresses()
    }

    /// Its part behind the aperture, in bytes from GGTT address 0.
    pub fn high(&self) -> Range<u64> {
        self.high.addresses()
    }

    /// The host's handle of its part of the aperture.
    pub fn aperture_handle(&self) -> u64 {
        self.aperture.handle()
    }

    /// The page of the guest that an address is mapped to, if it is the vGPU's own and mapped.
    pub fn gfn(&self, address: Gma) -> Option<Gfn> {
        let page = address.page();
        [&self.aperture, &self.high]
            .into_iter()
            .find_map(|part| part.mapped(part.index(page)?))
    }

    /// Reads the table, from byte `offset` of it on. What is not the vGPU's reads as zero.
    ///
    /// # Errors
    ///
    /// `EINVAL` not 1, 2, 4 or 8 bytes at a multiple of that, or not inside the table.
    pub fn read(&self, offset: u64, data: &mut [u8]) -> Result {
        let (page, within) = self.place(offset, data.len())?;
        let entry = [&self.aperture, &self.high]
            .into_iter()
            .find_map(|part| part.index(page).map(|index| part.guest_entry(index)))
            .unwrap_or(GuestEntry::NONE);
        let bytes = entry.0.to_le_bytes();
        for (to, from) in data.iter_mut().zip(bytes.iter().skip(within)) {
            *to = *from;
        }
        Ok(())
    }

    /// Writes the table. What is not the vGPU's ignores it.
    ///
    /// An entry that can't be mapped leads to scratch, and is complained about. An entry that the
    /// host half does not take, or that there is no memory to keep, stays as it was.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn write(
        &mut self,
        world: &mut World<'_>,
        pins: &mut Pins,
        offset: u64,
        data: &[u8],
    ) -> Result {
        let (page, within) = self.place(offset, data.len())?;
        for part in [&mut self.aperture, &mut self.high] {
            if let Some(index) = part.index(page) {
                part.write(world, pins, index, within, data);
                break;
            }
        }
        Ok(())
    }

    /// Makes all entries lead nowhere, and lets go of what they mapped.
    pub fn clear(&mut self, world: &mut World<'_>, pins: &mut Pins) {
        for part in [&mut self.aperture, &mut self.high] {
            part.scratch(world, pins, |_| true);
            part.forget();
        }
    }

    /// The guest's memory goes away between `first` and `last`, both included.
    ///
    /// What the guest wrote stays; entries that led there lead to scratch until they are written
    /// again, and the pages are let go of.
    pub fn forget_memory(&mut self, world: &mut World<'_>, pins: &mut Pins, first: Gfn, last: Gfn) {
        if pins.is_empty(first, last) {
            return;
        }
        for part in [&mut self.aperture, &mut self.high] {
            part.scratch(world, pins, |gfn| (first..=last).contains(&gfn));
        }
    }

    /// The entry that an access is to, and the byte of it where the access begins.
    fn place(&self, offset: u64, len: usize) -> Result<(GgttPage, usize)> {
        let size = match len {
            1 | 2 | 4 | 8 => u64::try_from(len)?,
            _ => return Err(EINVAL),
        };
        let end = offset.checked_add(size).ok_or(EINVAL)?;
        if end > self.table_size || offset.checked_rem(size) != Some(0) {
            return Err(EINVAL);
        }
        let page = offset.checked_div(ENTRY_SIZE).ok_or(EINVAL)?;
        let within = offset.checked_rem(ENTRY_SIZE).ok_or(EINVAL)?;
        Ok((GgttPage(page), usize::try_from(within)?))
    }
}

#[cfg(test)]
mod tests;
