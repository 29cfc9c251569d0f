// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Planes: what of the guest's memory is shown where.

use super::Resolution;
use crate::address::Gma;

/// How pixels lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiling {
    /// Row after row.
    Linear,
    /// Tiles of 512 bytes by 8 rows.
    X,
    /// Tiles of 128 bytes by 32 rows, column by column.
    Y,
    /// The same size, in another order.
    Yf,
}

/// A plane that is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plane {
    /// What the pixels are, as `DRM_FORMAT_…`.
    pub fourcc: u32,
    /// How they lie in memory.
    pub tiling: Tiling,
    /// The first byte of the surface.
    pub surface: Gma,
    /// Bytes of a row of pixels, or for tiles of a row of them: from one row to the next.
    pub stride: u32,
    /// Pixels of the surface that are left of and above the first that is shown.
    pub source: (u32, u32),
    /// How many are shown.
    pub size: Resolution,
    /// Where on the pipe the first of them is shown; it may be outside.
    pub position: (i32, i32),
}
