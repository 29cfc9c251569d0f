// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `MI_DISPLAY_FLIP`: the display is the host's, so it is emulated and never reaches the GPU.

use super::audit::Scene;
use super::cursor::Operands;
use super::refusal::{Fault, Rule};
use super::stream::{Effect, Flip};
use crate::address::Gma;
use crate::hardware::Pipe;
use iface::registers::Platform;

/// Dword 0 on Broadwell: which plane (PRM Vol 2a, MI_DISPLAY_FLIP, bits 21:19).
const PLANE_BDW_SHIFT: u32 = 19;
const PLANE_BDW: u32 = 0x7;
/// Dword 0 since Skylake: which plane (bits 12:8).
const PLANE_SHIFT: u32 = 8;
const PLANE: u32 = 0x1f;
/// Dword 1: the stride (bits 15:6).
const STRIDE_SHIFT: u32 = 6;
const STRIDE: u32 = 0x3ff;
/// Dword 1: the tiling; on Broadwell X-tiled or not (bit 0), since Skylake bits 2:0.
const TILING_BDW: u32 = 0x1;
const TILING: u32 = 0x7;
/// Dword 2: the surface (bits 31:12).
const SURFACE: u32 = !0xfff;
/// Dword 2: the kind of flip (bits 1:0).
const KIND: u32 = 0x3;
/// The flip does not wait for the vertical blank.
const KIND_ASYNCHRONOUS: u32 = 1;
/// The flip is of two surfaces, the second of which is in dword 3.
const KIND_STEREO: u32 = 2;

/// Planes of Broadwell by their codes: 0 is the primary one, 1 the sprite.
const PLANES_BDW: [(Pipe, u32); 6] = [
    (Pipe::A, 0),
    (Pipe::B, 0),
    (Pipe::A, 1),
    (Pipe::B, 1),
    (Pipe::C, 0),
    (Pipe::C, 1),
];
/// Planes since Skylake, as far as a vGPU has them; code 3 is none.
const PLANES: [(Pipe, u32); 6] = [
    (Pipe::A, 0),
    (Pipe::B, 0),
    (Pipe::C, 0),
    (Pipe::A, 1),
    (Pipe::B, 1),
    (Pipe::C, 1),
];
const PLANES_UNUSED: usize = 3;

/// `MI_DISPLAY_FLIP`.
pub(super) fn flip(scene: &mut Scene<'_>, command: &mut Operands<'_>) -> Result<(), Fault> {
    let (layout, surface) = command.pair(1)?;
    let kind = surface & KIND;
    command.expect(if kind == KIND_STEREO { 4 } else { 3 })?;
    let header = command.header();
    let bdw = scene.setting.platform == Platform::Bdw;
    let (pipe, plane) = plane(bdw, header).ok_or(Rule::Operand {
        value: header,
        rule: "there is no such plane",
    })?;
    let flip = Flip {
        pipe,
        plane,
        stride: layout >> STRIDE_SHIFT & STRIDE,
        tiling: layout & if bdw { TILING_BDW } else { TILING },
        surface: Gma((surface & SURFACE).into()),
        asynchronous: kind == KIND_ASYNCHRONOUS,
    };
    command.drop_command();
    scene.emulate(Effect::Flip(flip))
}

fn plane(bdw: bool, header: u32) -> Option<(Pipe, u32)> {
    if bdw {
        let code = (header >> PLANE_BDW_SHIFT & PLANE_BDW) as usize;
        return PLANES_BDW.get(code).copied();
    }
    let code = (header >> PLANE_SHIFT & PLANE) as usize;
    match code.checked_sub(PLANES_UNUSED) {
        None => PLANES.get(code).copied(),
        Some(0) => None,
        Some(_) => PLANES.get(code.saturating_sub(1)).copied(),
    }
}
