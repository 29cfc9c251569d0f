// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Planes of Broadwell (PRM Vol 2c, BDW: PRI_CTL and SPR_CTL, _STRIDE, _OFFSET, _SURF, SPR_SIZE,
//! SPR_POS). Linear or not, the offset register says where the shown part begins: those of Gens before
//! it for linear surfaces are gone.

use super::{of_pipe, pair, Blend, Encoding, Plane, Registers, Resolution, Tiling, ENABLE};
use crate::display::fourcc::{C8, RGB565, XBGR2101010, XBGR8888, XRGB2101010, XRGB8888};
use crate::hardware::Pipe;
use crate::mmio::registers::{named, RegisterFile};

/// PRI_CTL: what the pixels are (bits 29:26), from its lowest bit on.
const PRIMARY_FORMAT_SHIFT: u32 = 26;
/// What of that counts.
const PRIMARY_FORMAT: u32 = 0xf;
/// SPR_CTL: what the pixels are (bits 27:25), from its lowest bit on.
const SPRITE_FORMAT_SHIFT: u32 = 25;
/// What of that counts.
const SPRITE_FORMAT: u32 = 0x7;
/// SPR_CTL: red is lowest (bit 20).
const RED_LOWEST: u32 = 1 << 20;
/// Both: it is turned by half (bit 15).
const ROTATED: u32 = 1 << 15;
/// Both: the surface has X tiles (bit 10).
const TILED: u32 = 1 << 10;
/// Both: what of a stride counts (bits 15:6).
const STRIDE: u32 = 0xffc0;
/// SPRSCALE: the sprite is scaled (observed: Broadwell has none, and drivers leave it off).
const SCALED: u32 = 1 << 31;

/// What the primary shows, always as large as the pipe; `None` if it is off or can't be shown.
pub(super) fn primary(registers: &Registers, size: Resolution) -> Option<Plane> {
    let fourcc = match registers.control >> PRIMARY_FORMAT_SHIFT & PRIMARY_FORMAT {
        2 => C8,
        5 => RGB565,
        6 => XRGB8888,
        8 => XBGR2101010,
        10 => XRGB2101010,
        14 => XBGR8888,
        _ => return None,
    };
    plane(registers, fourcc, size, (0, 0))
}

/// What the sprite shows; `None` if it is off or can't be shown.
pub(super) fn sprite(registers: &Registers, file: &RegisterFile, pipe: Pipe) -> Option<Plane> {
    let scale = file.get(of_pipe(const { named("SPRSCALE_PIPE_A") }, pipe));
    if scale & SCALED != 0 {
        return None;
    }
    let swapped = registers.control & RED_LOWEST != 0;
    let format = registers.control >> SPRITE_FORMAT_SHIFT & SPRITE_FORMAT;
    let fourcc = match (format, swapped) {
        (0, _) => registers.packed_yuv(),
        (1, false) => XRGB2101010,
        (1, true) => XBGR2101010,
        (2, false) => XRGB8888,
        (2, true) => XBGR8888,
        _ => return None,
    };
    let plane = plane(registers, fourcc, registers.size(), registers.position())?;
    Some(Plane {
        encoding: registers.encoding(),
        ..plane
    })
}

/// What they have in common.
fn plane(
    registers: &Registers,
    fourcc: u32,
    size: Resolution,
    position: (i32, i32),
) -> Option<Plane> {
    let control = registers.control;
    if control & ENABLE == 0 || control & ROTATED != 0 {
        return None;
    }
    Some(Plane {
        fourcc,
        tiling: match control & TILED {
            0 => Tiling::Linear,
            _ => Tiling::X,
        },
        surface: registers.surface(),
        stride: registers.stride & STRIDE,
        source: pair(registers.offset),
        size,
        position,
        blend: Blend::Opaque,
        encoding: Encoding::Bt601,
    })
}
