// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The OpRegion: what the firmware of a machine tells the driver of its GPU.

/// Bytes of it.
pub const SIZE: usize = 8192;
