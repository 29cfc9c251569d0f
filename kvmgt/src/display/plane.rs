// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Planes: what of the guest's memory is shown where, as the registers say that arm it.
//!
//! | module | planes |
//! |---|---|
//! | `universal` | all of Gen9 but cursors |
//! | `gen8` | the primary and the sprite of Broadwell |
//! | `cursor` | cursors of both |
//!
//! What can't be shown is as if it were off: planar, floating-point and compressed formats, rotated and
//! scaled planes. Colour keys, gamma and the pipe's colour conversion are not applied.

use super::fourcc;
use super::Resolution;
use crate::address::{Gma, MmioOffset, PAGE_SIZE};
use crate::hardware::Pipe;
use crate::mmio::registers::{named, RegisterFile};
use iface::registers::Platform;

mod cursor;
mod gen8;
mod universal;

pub use super::colour::{Blend, Encoding};
use super::tiling::Tile;
pub use super::tiling::Tiling;

/// A plane that is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plane {
    /// What the pixels are, as `DRM_FORMAT_…`: one of [`fourcc`].
    pub fourcc: u32,
    /// How they lie in memory.
    pub tiling: Tiling,
    /// The first byte of the surface.
    pub surface: Gma,
    /// Bytes of a row of pixels, tiles or not: from one row to the next.
    pub stride: u32,
    /// Pixels of the surface that are left of and above the first that is shown.
    pub source: (u32, u32),
    /// How many are shown.
    pub size: Resolution,
    /// Where on the pipe the first of them is shown; it may be outside.
    pub position: (i32, i32),
    /// How what is below shines through.
    pub blend: Blend,
    /// How YUV becomes RGB.
    pub encoding: Encoding,
}

impl Plane {
    /// How its pixels lie in memory, as DRM calls it: `I915_FORMAT_MOD_…`.
    pub fn modifier(&self) -> u64 {
        self.tiling.modifier()
    }

    /// Bytes of the surface from its first on, whole tiles and whole pages, down to the last row that is
    /// shown if nothing above and left of the shown is left out. `None` if that is no number.
    pub fn bytes(&self) -> Option<u64> {
        let rows = self.tiling.tile().map_or(1, Tile::height);
        let rows = self.size.height.checked_next_multiple_of(rows)?;
        let bytes = u64::from(rows).checked_mul(self.stride.into())?;
        bytes.checked_next_multiple_of(PAGE_SIZE)
    }
}

/// Planes and cursors: it is on (PRM Vol 2c, PLANE_CTL, PRI_CTL and SPR_CTL, bit 31).
const ENABLE: u32 = 1 << 31;
/// YUV to RGB by BT.709, not BT.601 (PLANE_CTL and SPR_CTL, bit 18).
const CSC_BT709: u32 = 1 << 18;
/// The range of YUV is not corrected: it is full (PLANE_CTL and SPR_CTL, bit 28).
const FULL_RANGE: u32 = 1 << 28;
/// Order of the bytes of packed YUV (PLANE_CTL and SPR_CTL, bits 17:16), from its lowest bit on.
const YUV_ORDER_SHIFT: u32 = 16;
/// What of that counts.
const YUV_ORDER: u32 = 0x3;
/// Addresses of surfaces are those of pages (bits 31:12).
const SURFACE: u32 = !0xfff;
/// Pairs of numbers: the lower and the upper half have as many bits that count.
const HALF: u32 = 0x1fff;
/// Where the upper half is.
const UPPER: u32 = 16;

/// The registers of a plane, which are the same on all platforms; those of a cursor are not.
struct Registers {
    control: u32,
    stride: u32,
    position: u32,
    size: u32,
    offset: u32,
    surface: u32,
}

impl Registers {
    /// Those of a plane of a pipe, counted from the lowest on.
    fn of(file: &RegisterFile, pipe: Pipe, plane: u32) -> Self {
        /// From the registers of a plane to those of the next.
        const NEXT: u32 = named("SPRCTL_PIPE_A")
            .0
            .wrapping_sub(named("DSPCNTR_PIPE_A").0);
        let get = |first: MmioOffset| {
            let plane = plane.saturating_mul(NEXT);
            file.get(MmioOffset(of_pipe(first, pipe).0.saturating_add(plane)))
        };
        Self {
            control: get(const { named("DSPCNTR_PIPE_A") }),
            stride: get(const { named("DSPSTRIDE_PIPE_A") }),
            position: get(const { named("DSPPOS_PIPE_A") }),
            size: get(const { named("DSPSIZE_PIPE_A") }),
            offset: get(const { named("DSPOFFSET_PIPE_A") }),
            surface: get(const { named("DSPSURF_PIPE_A") }),
        }
    }

    /// How many pixels are shown; registers have one less.
    fn size(&self) -> Resolution {
        let (width, height) = pair(self.size);
        Resolution {
            width: width.saturating_add(1),
            height: height.saturating_add(1),
        }
    }

    /// Where they are shown.
    fn position(&self) -> (i32, i32) {
        let (x, y) = pair(self.position);
        (signed(x), signed(y))
    }

    /// Where in memory the surface begins.
    fn surface(&self) -> Gma {
        Gma(u64::from(self.surface & SURFACE))
    }

    /// The format of packed YUV.
    fn packed_yuv(&self) -> u32 {
        match self.control >> YUV_ORDER_SHIFT & YUV_ORDER {
            0 => fourcc::YUYV,
            1 => fourcc::UYVY,
            2 => fourcc::YVYU,
            _ => fourcc::VYUY,
        }
    }

    /// How YUV becomes RGB.
    fn encoding(&self) -> Encoding {
        let (bt709, full) = (self.control & CSC_BT709, self.control & FULL_RANGE);
        match (bt709 != 0, full != 0) {
            (false, false) => Encoding::Bt601,
            (false, true) => Encoding::Bt601Full,
            (true, false) => Encoding::Bt709,
            (true, true) => Encoding::Bt709Full,
        }
    }
}

/// The two numbers of a register: x and y, or width and height of a plane.
fn pair(value: u32) -> (u32, u32) {
    (value & HALF, value >> UPPER & HALF)
}

/// The same number.
fn signed(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// The register of a pipe that is `first` for pipe A.
pub(super) fn of_pipe(first: MmioOffset, pipe: Pipe) -> MmioOffset {
    /// From the registers of a pipe to those of the next.
    const NEXT: u32 = named("DSPCNTR_PIPE_B")
        .0
        .wrapping_sub(named("DSPCNTR_PIPE_A").0);
    let number: u32 = match pipe {
        Pipe::A => 0,
        Pipe::B => 1,
        Pipe::C => 2,
    };
    MmioOffset(first.0.saturating_add(number.saturating_mul(NEXT)))
}

/// Planes of a pipe that are not cursors, the lowest first: those that are on and can be shown.
pub(super) fn planes(
    file: &RegisterFile,
    platform: Platform,
    pipe: Pipe,
    size: Resolution,
) -> [Option<Plane>; 3] {
    let registers = |plane| Registers::of(file, pipe, plane);
    match platform {
        Platform::Bdw => [
            gen8::primary(&registers(0), size),
            gen8::sprite(&registers(1), file, pipe),
            None,
        ],
        _ => [0, 1, 2].map(|plane| universal::plane(&registers(plane))),
    }
}

/// The cursor of a pipe, if it is on and can be shown.
pub(super) fn cursor(file: &RegisterFile, pipe: Pipe) -> Option<Plane> {
    cursor::plane(file, pipe)
}

#[cfg(test)]
mod tests;
