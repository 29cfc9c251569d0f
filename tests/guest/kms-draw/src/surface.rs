// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Pictures in memory, as the GPU reads them.

use anyhow::{Context, Result};
use clap::ValueEnum;
use drm::buffer::{Buffer as _, DrmFourcc, DrmModifier, Handle, PlanarBuffer};
use drm::control::{framebuffer, Device as _, FbCmd2Flags};

use crate::card::Card;
use crate::pattern::Pattern;

/// Bytes of a pixel.
const PIXEL: u32 = 4;
/// Bytes of a tile.
const TILE: u32 = 4096;
/// What the pitch of a linear surface is a multiple of.
const LINEAR_PITCH: u32 = 64;

/// What a pixel's upper byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Nothing.
    Xrgb,
    /// How much of what is below is hidden.
    Argb,
}

/// How pixels lie in memory (`include/uapi/drm/drm_fourcc.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tiling {
    /// Row after row.
    Linear,
    /// Tiles of 512 bytes by 8 rows.
    X,
    /// Tiles of 128 bytes by 32 rows, in columns of 16 bytes.
    Y,
}

impl Tiling {
    fn modifier(self) -> DrmModifier {
        match self {
            Self::Linear => DrmModifier::Linear,
            Self::X => DrmModifier::I915_x_tiled,
            Self::Y => DrmModifier::I915_y_tiled,
        }
    }

    /// Bytes of a row of a tile, and how many rows it has; a linear surface has any.
    fn tile(self) -> (u32, u32) {
        match self {
            Self::Linear => (LINEAR_PITCH, 1),
            Self::X => (512, 8),
            Self::Y => (128, 32),
        }
    }

    /// Where a byte of a row is.
    pub fn offset(self, x: u32, y: u32, pitch: u32) -> u32 {
        let (width, height) = self.tile();
        let tile = (y / height * (pitch / width) + x / width) * TILE;
        let (x, y) = match self {
            Self::Linear => return y * pitch + x,
            Self::X | Self::Y => (x % width, y % height),
        };
        match self {
            Self::Linear | Self::X => tile + y * width + x,
            Self::Y => tile + x / 16 * 512 + y * 16 + x % 16,
        }
    }
}

/// A picture that the kernel knows; it lasts as long as the device is open.
pub struct Surface {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Its number.
    pub number: framebuffer::Handle,
}

/// What the kernel is told of it.
struct Layout {
    handle: Handle,
    size: (u32, u32),
    pitch: u32,
    format: Format,
    tiling: Tiling,
}

impl PlanarBuffer for Layout {
    fn size(&self) -> (u32, u32) {
        self.size
    }

    fn format(&self) -> DrmFourcc {
        match self.format {
            Format::Xrgb => DrmFourcc::Xrgb8888,
            Format::Argb => DrmFourcc::Argb8888,
        }
    }

    fn modifier(&self) -> Option<DrmModifier> {
        Some(self.tiling.modifier())
    }

    fn pitches(&self) -> [u32; 4] {
        [self.pitch, 0, 0, 0]
    }

    fn handles(&self) -> [Option<Handle>; 4] {
        [Some(self.handle), None, None, None]
    }

    fn offsets(&self) -> [u32; 4] {
        [0; 4]
    }
}

impl Surface {
    /// Draws a picture.
    pub fn new(
        card: &Card,
        size: (u32, u32),
        format: Format,
        tiling: Tiling,
        pattern: Pattern,
    ) -> Result<Self> {
        let (width, height) = size;
        let (across, down) = tiling.tile();
        let pitch = (width * PIXEL).next_multiple_of(across);
        let rows = height.next_multiple_of(down);
        let mut buffer = card
            .create_dumb_buffer((pitch / PIXEL, rows), DrmFourcc::Xrgb8888, PIXEL * 8)
            .context("cannot make a buffer")?;
        // The kernel may want longer rows of a linear surface.
        let pitch = match tiling {
            Tiling::Linear => buffer.pitch(),
            Tiling::X | Tiling::Y => pitch,
        };
        let mut bytes = vec![0; buffer.pitch() as usize * rows as usize];
        for y in 0..height {
            for x in 0..width {
                let at = tiling.offset(x * PIXEL, y, pitch) as usize;
                let pixel = pattern.pixel(x, y).to_le_bytes();
                bytes[at..at + pixel.len()].copy_from_slice(&pixel);
            }
        }
        let handle = buffer.handle();
        let mut mapping = card.map_dumb_buffer(&mut buffer)?;
        mapping[..bytes.len()].copy_from_slice(&bytes);
        drop(mapping);
        let layout = Layout {
            handle,
            size,
            pitch,
            format,
            tiling,
        };
        let number = card
            .add_planar_framebuffer(&layout, FbCmd2Flags::MODIFIERS)
            .with_context(|| format!("the kernel takes no {tiling:?} picture of {size:?}"))?;
        Ok(Self { size, number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offset_when_tiled_then_rows_of_tiles_follow_each_other() {
        assert_eq!(Tiling::Linear.offset(8, 2, 1024), 2056);
        assert_eq!(Tiling::X.offset(520, 1, 1024), 4096 + 512 + 8);
        assert_eq!(Tiling::X.offset(0, 8, 1024), 2 * 4096);
        assert_eq!(Tiling::Y.offset(17, 1, 256), 512 + 16 + 1);
        assert_eq!(Tiling::Y.offset(128, 32, 256), 3 * 4096);
    }

    #[test]
    fn offset_then_no_two_bytes_share_a_place() {
        for tiling in [Tiling::Linear, Tiling::X, Tiling::Y] {
            let mut places: Vec<_> = (0..64)
                .flat_map(|y| (0..1024).map(move |x| tiling.offset(x, y, 1024)))
                .collect();
            places.sort_unstable();
            assert!(places.into_iter().eq(0..64 * 1024), "{tiling:?}");
        }
    }
}
