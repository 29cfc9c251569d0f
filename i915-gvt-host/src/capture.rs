// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The golden snapshot: the GPU's registers before i915 programs them.

use crate::config::ConfigCopy;
use iface::registers::{hardware_ranges, Platform, DWORD};
use iface::snapshot::{blob_size, BlobWriter};
use kernel::prelude::*;

/// What a snapshot costs, known before it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Runs of registers.
    pub ranges: usize,
    /// Registers read.
    pub reads: usize,
    /// Bytes kept.
    pub bytes: usize,
}

/// What the snapshot of a GPU costs.
///
/// # Errors
///
/// `EOVERFLOW`: more than the format can hold.
pub fn cost(platform: Platform, vcs1: bool) -> Result<Cost> {
    let (mut ranges, mut reads) = (0_usize, 0_usize);
    for range in hardware_ranges(platform, vcs1) {
        ranges = ranges.saturating_add(1);
        reads = reads.saturating_add((range.size / DWORD) as usize);
    }
    let bytes = blob_size(ranges, reads).ok_or(EOVERFLOW)?;
    Ok(Cost {
        ranges,
        reads,
        bytes,
    })
}

/// Takes the snapshot, reading each register once by `read`, in the order of their offsets.
///
/// The caller holds forcewake. What the table says is not to be read is not.
///
/// # Errors
///
/// `ENOMEM`; `EOVERFLOW` as [`cost`].
pub fn capture(
    platform: Platform,
    vcs1: bool,
    config: &ConfigCopy,
    mut read: impl FnMut(u32) -> u32,
) -> Result<KVVec<u8>> {
    let cost = cost(platform, vcs1)?;
    let mut bytes = KVVec::from_elem(0, cost.bytes, GFP_KERNEL)?;
    let mut writer = BlobWriter::new(
        &mut bytes,
        platform,
        vcs1,
        cost.ranges,
        cost.reads,
        config.bytes(),
    )
    .ok_or(EOVERFLOW)?;
    for range in hardware_ranges(platform, vcs1) {
        writer.range(range, &mut read).ok_or(EOVERFLOW)?;
    }
    writer.finish().ok_or(EOVERFLOW)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
