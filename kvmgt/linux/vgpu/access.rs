// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Reads and writes of a vGPU's file.
//!
//! A position is the index of a region and an offset in it. An access must be inside of its region
//! from end to end, or nothing of it is done. It is taken to pieces of 8, 4, 2 or 1 bytes at
//! multiples of their size; the vGPU's lock is held for a piece at a time, and never while the
//! client's memory is touched, which may take as long as the client likes.

use super::{regions, VgpuDevice};
use crate::{c, uapi};
use core::ops::Range;
use kernel::{
    prelude::*,
    uaccess::{UserPtr, UserSlice},
};
use kvmgt_core::{config_space, display::monitor, opregion, vgpu::Region};

/// Bytes of the largest piece.
const LARGEST: usize = 8;
/// The same in configuration space, whose bus has no larger access.
const LARGEST_OF_CONFIG: usize = 4;

/// What a position leads to.
#[derive(Clone, Copy)]
enum Target {
    Core(Region),
    Aperture,
    Picture,
}

impl Target {
    fn largest(self) -> usize {
        match self {
            Self::Core(Region::Config) => LARGEST_OF_CONFIG,
            _ => LARGEST,
        }
    }
}

/// The size of the next piece of an access that has `left` bytes to go, not 0, from `offset` on.
fn piece(target: Target, offset: u64, left: usize) -> usize {
    let aligned = offset
        .trailing_zeros()
        .min(target.largest().trailing_zeros());
    1 << aligned.min(left.checked_ilog2().unwrap_or(0))
}

impl VgpuDevice<'_> {
    /// Where an access goes: what it is to, and its offset in that.
    fn target(&self, position: i64, count: usize) -> Result<(Target, u64)> {
        let position = u64::try_from(position).map_err(|_| EINVAL)?;
        let index = position >> uapi::OFFSET_SHIFT;
        let index = c::index_below(index, self.region_count()).ok_or(EINVAL)?;
        let (target, range): (_, Range<u64>) = match index {
            uapi::VFIO_PCI_CONFIG_REGION_INDEX => {
                (Target::Core(Region::Config), 0..config_space::SIZE as u64)
            }
            uapi::VFIO_PCI_BAR0_REGION_INDEX => (Target::Core(Region::Bar0), 0..self.bar0_size),
            uapi::VFIO_PCI_BAR2_REGION_INDEX => (Target::Aperture, self.window.range()),
            regions::EDID => (Target::Core(Region::Edid), 0..monitor::REGION_SIZE as u64),
            regions::OPREGION => (Target::Core(Region::OpRegion), 0..opregion::SIZE as u64),
            regions::PICTURE => (Target::Picture, 0..self.screen.picture.size()),
            _ => return Err(EINVAL),
        };
        let offset = position & uapi::OFFSET_MASK;
        let end = offset.checked_add(count as u64).ok_or(EINVAL)?;
        if offset < range.start || end > range.end {
            return Err(EINVAL);
        }
        Ok((target, offset))
    }

    /// Does an access piece by piece: `step` does one of that many bytes at an offset. Returns
    /// how many bytes were done.
    ///
    /// # Errors
    ///
    /// `EINVAL` it is not inside of a region; that of the first piece.
    fn pieces(
        &self,
        position: &mut i64,
        count: usize,
        mut step: impl FnMut(Target, u64, &mut [u8]) -> Result,
    ) -> Result<usize> {
        if count == 0 {
            return Ok(0);
        }
        let (target, start) = self.target(*position, count)?;
        let mut done = 0;
        while done < count {
            let offset = start + done as u64;
            let size = piece(target, offset, count - done);
            let mut data = [0; LARGEST];
            let data = data.get_mut(..size).ok_or(EINVAL)?;
            match step(target, offset, data) {
                Ok(()) => done += size,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
            if done < count && c::must_die() {
                break;
            }
        }
        // It is inside of a region, so that the sum is a position too.
        *position = position.wrapping_add(done as i64);
        Ok(done)
    }

    /// Reads `count` bytes at `position` into the client's memory.
    ///
    /// # Errors
    ///
    /// `EINVAL` it is not inside of a region; `EFAULT`; `ENODEV` the vGPU was taken away.
    pub(super) fn read(&self, to: UserPtr, count: usize, position: &mut i64) -> Result<usize> {
        let mut to = UserSlice::new(to, count).writer();
        self.pieces(position, count, |target, offset, data| {
            match target {
                Target::Core(region) => {
                    self.with(|vgpu, world| vgpu.read(world, region, offset, data))
                }
                Target::Aperture => self.with(|_, _| self.window.read(offset, data)),
                Target::Picture if self.is_leaving() => Err(ENODEV),
                Target::Picture => {
                    self.screen.picture.read(offset, data);
                    Ok(())
                }
            }?;
            to.write_slice(data)
        })
    }

    /// Writes `count` bytes of the client's memory at `position`.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub(super) fn write(&self, from: UserPtr, count: usize, position: &mut i64) -> Result<usize> {
        let mut from = UserSlice::new(from, count).reader();
        self.pieces(position, count, |target, offset, data| {
            from.read_slice(data)?;
            self.with(|vgpu, world| match target {
                Target::Core(region) => vgpu.write(world, region, offset, data),
                Target::Aperture => self.window.write(offset, data),
                Target::Picture => Err(EINVAL),
            })
        })
    }
}
