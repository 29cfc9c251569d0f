// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Planes and cursors: double buffering, and what their registers mean.

use crate::address::{GgttAddress, MmioOffset};
use crate::platform::PlatformId;
use crate::register_file::RegisterFile;

use super::bits;
use super::tiling::Tiling;

/// Universal planes of a pipe, at most.
pub const PLANES: u32 = 4;

/// The registers of one plane or cursor, as they were when it was last armed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latched {
    control: u32,
    stride: u32,
    position: u32,
    size: u32,
    offset: u32,
    surface: u32,
}

/// Something that a pipe shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaneId {
    /// Universal plane, from 0 (the primary).
    Universal(u32),
    /// The cursor.
    Cursor,
}

impl PlaneId {
    /// The plane or cursor whose arming register is at `offset`, and its pipe.
    pub fn armed_by(offset: u32) -> Option<(u32, Self)> {
        let (pipe, rest) = pipe_of(offset)?;
        if rest == bits::CUR_BASE {
            return Some((pipe, Self::Cursor));
        }
        let plane = rest.checked_sub(bits::PLANE_SURF)? / bits::PLANE_STRIDE_BYTES;
        (plane < PLANES && rest == bits::PLANE_SURF + plane * bits::PLANE_STRIDE_BYTES)
            .then_some((pipe, Self::Universal(plane)))
    }

    /// A register of this plane, given that of plane 0 or of the cursor, of pipe A.
    fn register(self, pipe: u32, offset: u32) -> MmioOffset {
        let plane = match self {
            Self::Universal(plane) => plane * bits::PLANE_STRIDE_BYTES,
            Self::Cursor => 0,
        };
        MmioOffset(offset + pipe * bits::PIPE_STRIDE + plane)
    }

    /// The interrupt bit that says it has flipped; cursors have none.
    pub fn flip_done(self, platform: PlatformId) -> u32 {
        match (self, platform) {
            (Self::Universal(plane @ 0..=1), PlatformId::Broadwell) => {
                bits::GEN8_PRIMARY_FLIP_DONE << plane
            }
            (Self::Universal(_), PlatformId::Broadwell) | (Self::Cursor, _) => 0,
            (Self::Universal(plane), _) => bits::GEN9_PLANE1_FLIP_DONE << plane,
        }
    }

    /// Whether its next flip is asynchronous.
    pub fn is_async(self, regs: &RegisterFile, pipe: u32) -> bool {
        matches!(self, Self::Universal(_))
            && regs.get(self.register(pipe, bits::PLANE_CTL)) & bits::PLANE_CTL_ASYNC != 0
    }

    /// Takes over the armed registers, and shows the surface as live.
    pub fn latch(self, regs: &mut RegisterFile, pipe: u32) -> Latched {
        let get = |offset| regs.get(self.register(pipe, offset));
        let (latched, live) = match self {
            Self::Universal(_) => (
                Latched {
                    control: get(bits::PLANE_CTL),
                    stride: get(bits::PLANE_STRIDE),
                    position: get(bits::PLANE_POS),
                    size: get(bits::PLANE_SIZE),
                    offset: get(bits::PLANE_OFFSET),
                    surface: get(bits::PLANE_SURF),
                },
                bits::PLANE_SURFLIVE,
            ),
            Self::Cursor => (
                Latched {
                    control: get(bits::CUR_CTL),
                    position: get(bits::CUR_POS),
                    surface: get(bits::CUR_BASE),
                    ..Latched::default()
                },
                bits::CUR_SURFLIVE,
            ),
        };
        regs.set(self.register(pipe, live), latched.surface);
        latched
    }
}

/// The pipe of a register in the pipes' range, and the same register of pipe A.
fn pipe_of(offset: u32) -> Option<(u32, u32)> {
    let pipe = offset.checked_sub(bits::PIPEDSL)? / bits::PIPE_STRIDE;
    (pipe < super::pipe::PIPES as u32).then_some((pipe, offset - pipe * bits::PIPE_STRIDE))
}

/// How a pixel is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// 5, 6 and 5 bits, blue lowest.
    Rgb565,
    /// 8 bits each, blue lowest.
    Xrgb8888,
    /// 8 bits each, red lowest.
    Xbgr8888,
    /// 8 bits each and alpha, blue lowest.
    Argb8888,
    /// 8 bits each and alpha, red lowest.
    Abgr8888,
    /// 10 bits each, blue lowest.
    Xrgb2101010,
    /// 10 bits each, red lowest.
    Xbgr2101010,
}

impl Format {
    /// Bytes of a pixel.
    pub fn bytes(self) -> u32 {
        match self {
            Self::Rgb565 => 2,
            _ => 4,
        }
    }

    /// Red, green, blue and alpha of a stored pixel, 8 bits each.
    pub fn decode(self, raw: u32) -> [u8; 4] {
        let [b0, b1, b2, b3] = raw.to_le_bytes();
        let ten = |shift: u32| (raw >> (shift + 2)) as u8;
        match self {
            Self::Rgb565 => {
                let (r, g, b) = (raw >> 11 & 0x1f, raw >> 5 & 0x3f, raw & 0x1f);
                [
                    (r << 3 | r >> 2) as u8,
                    (g << 2 | g >> 4) as u8,
                    (b << 3 | b >> 2) as u8,
                    255,
                ]
            }
            Self::Xrgb8888 => [b2, b1, b0, 255],
            Self::Xbgr8888 => [b0, b1, b2, 255],
            Self::Argb8888 => [b2, b1, b0, b3],
            Self::Abgr8888 => [b0, b1, b2, b3],
            Self::Xrgb2101010 => [ten(20), ten(10), ten(0), 255],
            Self::Xbgr2101010 => [ten(0), ten(10), ten(20), 255],
        }
    }
}

/// A rectangle of pixels in graphics memory, and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Base of the surface.
    pub base: GgttAddress,
    /// How the surface is laid out.
    pub tiling: Tiling,
    /// Bytes from one row to the next.
    pub stride: u64,
    /// How a pixel is stored.
    pub format: Format,
    /// Visible size in pixels.
    pub size: (u32, u32),
    /// First visible pixel of the surface.
    pub source: (u32, u32),
    /// Where the first pixel goes on the pipe.
    pub position: (i32, i32),
    /// Whether it is shown upside down.
    pub rotated_180: bool,
    /// Whether colours are already multiplied by alpha.
    pub premultiplied: bool,
}

impl Layer {
    /// What a universal plane shows; `None` if it is off or in a format that is not modelled.
    ///
    /// Not modelled are YUV, floating point, indexed and compressed formats and turns by 90°.
    pub fn of_plane(
        latched: &Latched,
        platform: PlatformId,
        pipe_size: (u32, u32),
    ) -> Option<Self> {
        if latched.control & bits::ENABLE == 0 {
            return None;
        }
        if platform == PlatformId::Broadwell {
            return Self::of_gen8_primary(latched, pipe_size);
        }
        const COMPRESSED: u32 = 1 << 15;
        const RGBX: u32 = 1 << 20;
        let control = latched.control;
        let alpha = control >> 4 & 3;
        let swapped = control & RGBX != 0;
        let format = match (control >> 24 & 0xf, swapped, alpha >= 2) {
            (2, false, _) => Format::Xrgb2101010,
            (2, true, _) => Format::Xbgr2101010,
            (4, false, false) => Format::Xrgb8888,
            (4, true, false) => Format::Xbgr8888,
            (4, false, true) => Format::Argb8888,
            (4, true, true) => Format::Abgr8888,
            (14, ..) => Format::Rgb565,
            _ => return None,
        };
        let tiling = match control >> 10 & 7 {
            0 => Tiling::Linear,
            1 => Tiling::X,
            4 => Tiling::Y,
            5 => Tiling::Yf,
            _ => return None,
        };
        let rotated_180 = match control & 3 {
            0 => false,
            2 => true,
            _ => return None,
        };
        if control & COMPRESSED != 0 {
            return None;
        }
        let pair = |value: u32| (value & 0x1fff, value >> 16 & 0x1fff);
        let (width, height) = pair(latched.size);
        let (x, y) = pair(latched.position);
        Some(Self {
            base: GgttAddress(u64::from(latched.surface & bits::SURF_ADDRESS)),
            tiling,
            stride: u64::from(latched.stride & 0x3ff) * tiling.stride_unit(format.bytes()),
            format,
            size: (width + 1, height + 1),
            source: pair(latched.offset),
            position: (x as i32, y as i32),
            rotated_180,
            premultiplied: alpha == 2,
        })
    }

    /// What Broadwell's primary plane shows: always as large as the pipe's source.
    fn of_gen8_primary(latched: &Latched, pipe_size: (u32, u32)) -> Option<Self> {
        const X_TILED: u32 = 1 << 10;
        const ROTATE_180: u32 = 1 << 15;
        let format = match latched.control >> 26 & 0xf {
            5 => Format::Rgb565,
            6 => Format::Xrgb8888,
            14 => Format::Xbgr8888,
            10 => Format::Xrgb2101010,
            8 => Format::Xbgr2101010,
            _ => return None,
        };
        let tiled = latched.control & X_TILED != 0;
        Some(Self {
            base: GgttAddress(u64::from(latched.surface & bits::SURF_ADDRESS)),
            tiling: if tiled { Tiling::X } else { Tiling::Linear },
            stride: u64::from(latched.stride),
            format,
            size: pipe_size,
            source: (latched.offset & 0xfff, latched.offset >> 16 & 0xfff),
            position: (0, 0),
            rotated_180: latched.control & ROTATE_180 != 0,
            premultiplied: false,
        })
    }

    /// What a cursor shows; `None` if it is off or not a 32-bit cursor with alpha.
    pub fn of_cursor(latched: &Latched) -> Option<Self> {
        const ROTATE_180: u32 = 1 << 15;
        let edge = match latched.control & 0x27 {
            0x27 => 64,
            0x22 => 128,
            0x23 => 256,
            _ => return None,
        };
        let signed = |value: u32| {
            let magnitude = (value & 0x7fff) as i32;
            if value & 0x8000 != 0 {
                -magnitude
            } else {
                magnitude
            }
        };
        Some(Self {
            base: GgttAddress(u64::from(latched.surface & bits::SURF_ADDRESS)),
            tiling: Tiling::Linear,
            stride: u64::from(edge) * 4,
            format: Format::Argb8888,
            size: (edge, edge),
            source: (0, 0),
            position: (signed(latched.position), signed(latched.position >> 16)),
            rotated_180: latched.control & ROTATE_180 != 0,
            premultiplied: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arming_register_when_looked_up_names_pipe_and_plane() {
        assert_eq!(
            PlaneId::armed_by(0x7_019c),
            Some((0, PlaneId::Universal(0)))
        );
        assert_eq!(
            PlaneId::armed_by(0x7_139c),
            Some((1, PlaneId::Universal(2)))
        );
        assert_eq!(PlaneId::armed_by(0x7_2084), Some((2, PlaneId::Cursor)));
        assert_eq!(PlaneId::armed_by(0x7_0180), None);
        assert_eq!(PlaneId::armed_by(0x7_f084), None);
    }

    #[test]
    fn plane_when_xrgb_and_x_tiled_is_decoded() {
        let latched = Latched {
            control: bits::ENABLE | 4 << 24 | 1 << 10,
            stride: 8,
            size: 767 << 16 | 1023,
            surface: 0x80_0000,
            ..Latched::default()
        };

        let layer = Layer::of_plane(&latched, PlatformId::Skylake, (1024, 768)).unwrap();

        assert_eq!((layer.tiling, layer.stride), (Tiling::X, 4096));
        assert_eq!((layer.format, layer.size), (Format::Xrgb8888, (1024, 768)));
        assert_eq!(layer.base, GgttAddress(0x80_0000));
    }

    #[test]
    fn plane_when_off_shows_nothing() {
        let off = Latched {
            control: 4 << 24,
            ..Latched::default()
        };

        assert_eq!(
            Layer::of_plane(&off, PlatformId::Kabylake, (640, 480)),
            None
        );
        assert_eq!(Layer::of_cursor(&off), None);
    }

    #[test]
    fn cursor_when_left_of_the_screen_has_a_negative_position() {
        let latched = Latched {
            control: 0x27,
            position: 5 << 16 | 0x8003,
            ..Latched::default()
        };

        assert_eq!(Layer::of_cursor(&latched).unwrap().position, (-3, 5));
    }

    #[test]
    fn pixels_when_decoded_have_the_right_order() {
        assert_eq!(
            Format::Xrgb8888.decode(0xff11_2233),
            [0x11, 0x22, 0x33, 255]
        );
        assert_eq!(
            Format::Abgr8888.decode(0x8011_2233),
            [0x33, 0x22, 0x11, 0x80]
        );
        assert_eq!(Format::Rgb565.decode(0xf800), [255, 0, 0, 255]);
        assert_eq!(Format::Xrgb2101010.decode(0x3ff << 20), [255, 0, 0, 255]);
    }
}
