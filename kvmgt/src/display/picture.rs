// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The picture on a guest's screen.

use super::plane::Plane;
use super::Resolution;

/// What is on the screen at a moment, as the registers say: not yet a pixel of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// How large the picture is.
    pub size: Resolution,
    /// The planes, the lowest first.
    pub primary: Option<Plane>,
    /// Above the primary.
    pub sprite: Option<Plane>,
    /// Above all.
    pub cursor: Option<Plane>,
}

/// What a picture is drawn on.
pub trait Canvas {
    /// Takes row `y` of the picture, from its left side on, each pixel as `0x00RRGGBB`.
    fn put(&mut self, y: u32, pixels: &[u32]);
}
