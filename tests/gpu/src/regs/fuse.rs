// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fuses: what the part was built with. They keep their value over every reset.

use crate::address::MmioOffset;

/// FUSE2, slices and subslices that work (PRM Vol 2c, FUSE2; observed: i915).
pub const FUSE2: MmioOffset = MmioOffset(0x9120);
/// Slice 0 works.
pub const SLICE_0_ENABLE: u32 = 1 << 25;
/// Slice 1 works.
pub const SLICE_1_ENABLE: u32 = 1 << 26;
/// Slice 2 works.
pub const SLICE_2_ENABLE: u32 = 1 << 27;
/// Subslice 3 of each slice does not work (Gen9).
pub const SUBSLICE_3_DISABLE: u32 = 1 << 23;
