// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Planes of Gen9 (PRM Vol 2c, SKL and later: PLANE_CTL, PLANE_STRIDE, PLANE_SIZE, PLANE_OFFSET,
//! PLANE_POS, PLANE_SURF).

use super::{pair, Blend, Plane, Registers, Tiling, ENABLE};
use crate::display::fourcc::{
    ABGR8888, ARGB8888, C8, RGB565, XBGR2101010, XBGR8888, XRGB2101010, XRGB8888,
};

/// PLANE_CTL: what the pixels are (bits 27:24), from its lowest bit on.
const FORMAT_SHIFT: u32 = 24;
/// What of that counts.
const FORMAT: u32 = 0xf;
/// Packed YUV.
const FORMAT_YUV422: u32 = 0;
/// 10 bits each.
const FORMAT_RGB2101010: u32 = 2;
/// 8 bits each.
const FORMAT_RGB8888: u32 = 4;
/// Index of a colour.
const FORMAT_INDEXED: u32 = 12;
/// 5, 6 and 5 bits.
const FORMAT_RGB565: u32 = 14;
/// PLANE_CTL: red is lowest (bit 20).
const RED_LOWEST: u32 = 1 << 20;
/// PLANE_CTL: the surface is compressed (bit 15).
const COMPRESSED: u32 = 1 << 15;
/// PLANE_CTL: how pixels lie in memory (bits 12:10), from its lowest bit on.
const TILING_SHIFT: u32 = 10;
/// What of that counts.
const TILING: u32 = 0x7;
/// PLANE_CTL: what alpha does (bits 5:4), from its lowest bit on.
const ALPHA_SHIFT: u32 = 4;
/// What of that counts.
const ALPHA: u32 = 0x3;
/// PLANE_CTL: by how many quarters it is turned (bits 1:0).
const ROTATION: u32 = 0x3;
/// PLANE_STRIDE: what of it counts (bits 9:0).
const STRIDE: u32 = 0x3ff;

/// What a plane shows; `None` if it is off or can't be shown.
pub(super) fn plane(registers: &Registers) -> Option<Plane> {
    let control = registers.control;
    if control & ENABLE == 0 || control & (COMPRESSED | ROTATION) != 0 {
        return None;
    }
    let blend = match control >> ALPHA_SHIFT & ALPHA {
        0 => Blend::Opaque,
        2 => Blend::Premultiplied,
        3 => Blend::Coverage,
        _ => return None,
    };
    let swapped = control & RED_LOWEST != 0;
    let (fourcc, has_alpha) = match (control >> FORMAT_SHIFT & FORMAT, swapped, blend) {
        (FORMAT_YUV422, ..) => (registers.packed_yuv(), false),
        (FORMAT_RGB2101010, false, _) => (XRGB2101010, false),
        (FORMAT_RGB2101010, true, _) => (XBGR2101010, false),
        (FORMAT_RGB8888, false, Blend::Opaque) => (XRGB8888, false),
        (FORMAT_RGB8888, true, Blend::Opaque) => (XBGR8888, false),
        (FORMAT_RGB8888, false, _) => (ARGB8888, true),
        (FORMAT_RGB8888, true, _) => (ABGR8888, true),
        (FORMAT_INDEXED, ..) => (C8, false),
        (FORMAT_RGB565, ..) => (RGB565, false),
        _ => return None,
    };
    let (tiling, unit) = match control >> TILING_SHIFT & TILING {
        0 => (Tiling::Linear, 64_u32),
        1 => (Tiling::X, 512),
        4 => (Tiling::Y, 128),
        // Tiles of indices would be narrower.
        5 if fourcc != C8 => (Tiling::Yf, 128),
        _ => return None,
    };
    Some(Plane {
        fourcc,
        tiling,
        surface: registers.surface(),
        stride: unit.saturating_mul(registers.stride & STRIDE),
        source: pair(registers.offset),
        size: registers.size(),
        position: registers.position(),
        blend: if has_alpha { blend } else { Blend::Opaque },
        encoding: registers.encoding(),
    })
}
