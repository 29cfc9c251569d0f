// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Cursors (PRM Vol 2c, CUR_CTL, CUR_BASE, CUR_POS, CUR_FBC_CTL).

use super::{of_pipe, signed, Blend, Encoding, Plane, Resolution, Tiling};
use super::{HALF, SURFACE, UPPER};
use crate::address::{Gma, MmioOffset};
use crate::display::fourcc::ARGB8888;
use crate::hardware::Pipe;
use crate::mmio::registers::{named, RegisterFile};

/// CUR_CTL: what it is (bits 5 and 2:0).
const MODE: u32 = 0x27;
/// CUR_CTL: 64 pixels wide, 32 bits with alpha.
const MODE_64: u32 = 0x27;
/// CUR_CTL: 128 pixels.
const MODE_128: u32 = 0x22;
/// CUR_CTL: 256 pixels.
const MODE_256: u32 = 0x23;
/// CUR_CTL: it is turned by half (bit 15).
const ROTATED: u32 = 1 << 15;
/// CUR_POS: that it is negative, in each half (bits 31 and 15).
const NEGATIVE: u32 = 1 << 15;
/// CUR_FBC_CTL: it is lower than it is wide (bit 31).
const REDUCED: u32 = 1 << 31;
/// CUR_FBC_CTL: how high, less one row (bits 7:0).
const HEIGHT: u32 = 0xff;
/// Bytes of a pixel.
const PIXEL: u32 = 4;

/// The cursor of a pipe; `None` if it is off or can't be shown.
pub(super) fn plane(file: &RegisterFile, pipe: Pipe) -> Option<Plane> {
    let get = |first: MmioOffset| file.get(of_pipe(first, pipe));
    let control = get(const { named("CURCNTR_PIPE_A") });
    let width: u32 = match control & (MODE | ROTATED) {
        MODE_64 => 64,
        MODE_128 => 128,
        MODE_256 => 256,
        _ => return None,
    };
    let reduced = get(const { named("CUR_FBC_CTL_PIPE_A") });
    let height = match reduced & REDUCED {
        0 => width,
        _ => width.min((reduced & HEIGHT).saturating_add(1)),
    };
    let position = get(const { named("CURPOS_PIPE_A") });
    let base = get(const { named("CURBASE_PIPE_A") });
    Some(Plane {
        fourcc: ARGB8888,
        tiling: Tiling::Linear,
        surface: Gma(u64::from(base & SURFACE)),
        stride: width.saturating_mul(PIXEL),
        source: (0, 0),
        size: Resolution { width, height },
        position: (place(position), place(position >> UPPER)),
        blend: Blend::Premultiplied,
        encoding: Encoding::Bt601,
    })
}

/// A number whose sign is a bit of its own.
fn place(half: u32) -> i32 {
    let magnitude = signed(half & HALF);
    match half & NEGATIVE {
        0 => magnitude,
        _ => magnitude.saturating_neg(),
    }
}
