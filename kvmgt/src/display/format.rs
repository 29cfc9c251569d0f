// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What pixels are, and how one looks.

use super::colour::{opaque, Encoding, Yuv, BLACK};
use super::fourcc;

/// A format that can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Index of a colour.
    C8,
    /// 5, 6 and 5 bits, blue lowest.
    Rgb565,
    /// 8 bits each, blue lowest; with alpha, or with bits that mean nothing.
    Rgb8888,
    /// 8 bits each, red lowest; likewise.
    Bgr8888,
    /// 10 bits each, blue lowest.
    Rgb2101010,
    /// 10 bits each, red lowest.
    Bgr2101010,
    /// Two pixels that share a colour, in the order of their bytes.
    Yuyv,
    /// In another order.
    Uyvy,
    /// In another order.
    Yvyu,
    /// In another order.
    Vyuy,
}

/// What pixels mean that do not tell it themselves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meaning<'a> {
    /// The colours of indices.
    pub(super) palette: &'a [u32],
    /// How YUV becomes RGB.
    pub(super) encoding: Encoding,
}

impl Format {
    /// The format that DRM calls so.
    pub(crate) fn from_fourcc(fourcc: u32) -> Option<Self> {
        match fourcc {
            fourcc::C8 => Some(Self::C8),
            fourcc::RGB565 => Some(Self::Rgb565),
            fourcc::XRGB8888 | fourcc::ARGB8888 => Some(Self::Rgb8888),
            fourcc::XBGR8888 | fourcc::ABGR8888 => Some(Self::Bgr8888),
            fourcc::XRGB2101010 => Some(Self::Rgb2101010),
            fourcc::XBGR2101010 => Some(Self::Bgr2101010),
            fourcc::YUYV => Some(Self::Yuyv),
            fourcc::UYVY => Some(Self::Uyvy),
            fourcc::YVYU => Some(Self::Yvyu),
            fourcc::VYUY => Some(Self::Vyuy),
            _ => None,
        }
    }

    /// Bytes of a pixel.
    pub(crate) fn bytes(self) -> u32 {
        match self {
            Self::C8 => 1,
            Self::Rgb565 | Self::Yuyv | Self::Uyvy | Self::Yvyu | Self::Vyuy => 2,
            Self::Rgb8888 | Self::Bgr8888 | Self::Rgb2101010 | Self::Bgr2101010 => 4,
        }
    }

    /// Pixels that lie in memory together.
    pub(super) fn together(self) -> u32 {
        match self {
            Self::Yuyv | Self::Uyvy | Self::Yvyu | Self::Vyuy => 2,
            _ => 1,
        }
    }

    /// Mixes pixels into a row, as many as it has: `bytes` begins with the first of them, but for `skip`
    /// of those that lie together. `mix` takes a pixel, as `0xAARRGGBB`, and the one below.
    pub(super) fn paint(
        self,
        meaning: Meaning<'_>,
        bytes: &[u8],
        skip: usize,
        row: &mut [u32],
        mix: impl Fn(u32, u32) -> u32,
    ) {
        let encoding = meaning.encoding;
        match self {
            Self::C8 => each(bytes, row, mix, |[index]| {
                meaning
                    .palette
                    .get(usize::from(index))
                    .copied()
                    .unwrap_or(BLACK)
            }),
            Self::Rgb565 => each(bytes, row, mix, |raw| rgb565(u16::from_le_bytes(raw))),
            Self::Rgb8888 => each(bytes, row, mix, u32::from_le_bytes),
            Self::Bgr8888 => each(bytes, row, mix, |[r, g, b, a]| {
                u32::from_le_bytes([b, g, r, a])
            }),
            Self::Rgb2101010 => each(bytes, row, mix, |raw| {
                let raw = u32::from_le_bytes(raw);
                opaque(raw >> 22, raw >> 12, raw >> 2)
            }),
            Self::Bgr2101010 => each(bytes, row, mix, |raw| {
                let raw = u32::from_le_bytes(raw);
                opaque(raw >> 2, raw >> 12, raw >> 22)
            }),
            Self::Yuyv => pairs(bytes, skip, row, mix, encoding, |[y, u, z, v]| Yuv {
                y: [y, z],
                u,
                v,
            }),
            Self::Uyvy => pairs(bytes, skip, row, mix, encoding, |[u, y, v, z]| Yuv {
                y: [y, z],
                u,
                v,
            }),
            Self::Yvyu => pairs(bytes, skip, row, mix, encoding, |[y, v, z, u]| Yuv {
                y: [y, z],
                u,
                v,
            }),
            Self::Vyuy => pairs(bytes, skip, row, mix, encoding, |[v, y, u, z]| Yuv {
                y: [y, z],
                u,
                v,
            }),
        }
    }
}

/// Mixes pixels of `N` bytes into a row.
fn each<const N: usize>(
    bytes: &[u8],
    row: &mut [u32],
    mix: impl Fn(u32, u32) -> u32,
    pixel: impl Fn([u8; N]) -> u32,
) {
    for (below, raw) in row.iter_mut().zip(bytes.chunks_exact(N)) {
        if let Some(raw) = raw.first_chunk() {
            *below = mix(pixel(*raw), *below);
        }
    }
}

/// Mixes pixels that share a colour into a row, from one of the first two on.
fn pairs(
    bytes: &[u8],
    skip: usize,
    row: &mut [u32],
    mix: impl Fn(u32, u32) -> u32,
    encoding: Encoding,
    order: impl Fn([u8; 4]) -> Yuv,
) {
    let pixels = bytes
        .chunks_exact(4)
        .filter_map(|raw| raw.first_chunk())
        .flat_map(|raw| encoding.pixels(order(*raw)));
    for (below, pixel) in row.iter_mut().zip(pixels.skip(skip)) {
        *below = mix(pixel, *below);
    }
}

/// A pixel of 5, 6 and 5 bits: the upper bits fill what 8 bits have more.
fn rgb565(raw: u16) -> u32 {
    let raw = u32::from(raw);
    let five = |value: u32| (value & 0x1f) << 3 | (value & 0x1f) >> 2;
    let six = |value: u32| (value & 0x3f) << 2 | (value & 0x3f) >> 4;
    opaque(five(raw >> 11), six(raw >> 5), five(raw))
}
