// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A screen as a driver sets it up: a mode of pipe A on the monitor's port, planes, and a cursor.

use std::ops::Range;

use anyhow::{ensure, Result};

use crate::guest::{Family, Guest};
use crate::registers::display::{clock, cursor, pipe, plane, port, transcoder};
use crate::registers::{DDI_BUF, DDI_STRIDE, ENABLE, LCPLLS, PAGE, PAGE_SHIFT};

/// Bytes of a pixel.
pub const PIXEL: u32 = 4;
/// Pixels of the cursor in both directions.
pub const CURSOR: u32 = 64;
/// N of the link, as i915 has it.
const LINK_N: u64 = 0x8_0000;
/// N of the data, and the transfer unit of 64 in their M.
const DATA_N: u64 = 0x80_0000;
const TRANSFER_UNIT: u32 = 63 << 25;
/// DDI_BUF_CTL: four lanes.
const FOUR_LANES: u32 = 3 << 1;
/// Bits of a pixel, and those that four lanes carry of it with each clock of theirs.
const PIXEL_BITS: u64 = 24;
const LANES_BITS: u64 = 4 * 8;

/// A mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Pixels.
    pub size: (u32, u32),
    /// Frames a second.
    pub rate: u64,
}

impl Mode {
    /// Pixels with the blank ones.
    pub fn total(self) -> (u32, u32) {
        const BLANK: (u32, u32) = (160, 30);
        (self.size.0 + BLANK.0, self.size.1 + BLANK.1)
    }

    /// Turns it on, and with it the pipe.
    ///
    /// # Errors
    /// What the device said; so do the functions below.
    pub fn turn_on(self, guest: &mut Guest<'_>) -> Result<()> {
        let family = guest.family()?;
        give_clock(guest, family)?;
        let port = family.monitor();
        let buffer = DDI_BUF + DDI_STRIDE * u64::from(port);
        guest.write32(buffer, ENABLE | FOUR_LANES)?;
        let (width, height) = self.size;
        let (total_width, total_height) = self.total();
        let both = |last: u32, first: u32| (last - 1) << 16 | (first - 1);
        let pixels = u64::from(total_width) * u64::from(total_height) * self.rate;
        let link_m = pixels * LINK_N / clock::LINK;
        let data_m = pixels * PIXEL_BITS * DATA_N / (clock::LINK * LANES_BITS);
        for (at, value) in [
            (transcoder::HTOTAL, both(total_width, width)),
            (transcoder::HBLANK, both(total_width, width)),
            (transcoder::HSYNC, both(width + 80, width + 48)),
            (transcoder::VTOTAL, both(total_height, height)),
            (transcoder::VBLANK, both(total_height, height)),
            (transcoder::VSYNC, both(height + 9, height + 3)),
            (transcoder::SOURCE, both(width, height)),
            (transcoder::DATA_M, TRANSFER_UNIT | data_m as u32),
            (transcoder::DATA_N, DATA_N as u32),
            (transcoder::LINK_M, link_m as u32),
            (transcoder::LINK_N, LINK_N as u32),
            (
                transcoder::FUNCTION,
                transcoder::FUNCTION_ENABLE
                    | port << transcoder::FUNCTION_PORT_SHIFT
                    | transcoder::FUNCTION_DISPLAY_PORT,
            ),
        ] {
            guest.write32(at, value)?;
        }
        guest.write32(transcoder::CONTROL, transcoder::ENABLE)?;
        let state = guest.read32(transcoder::CONTROL)? & transcoder::STATE;
        ensure!(state != 0, "the transcoder is not on");
        Ok(())
    }
}

/// Gives the monitor's port a clock of [`clock::LINK`].
fn give_clock(guest: &mut Guest<'_>, family: Family) -> Result<()> {
    match family {
        Family::Bdw => guest.write32(clock::SELECT_B, clock::SELECT_RBR),
        Family::Bxt => {
            for (at, value) in clock::PLL_B_DIVIDERS {
                guest.write32(at, value)?;
            }
            guest.write32(clock::PLL_B, ENABLE)
        }
        Family::Gen9 => {
            guest.write32(clock::CONTROL1, clock::CONTROL1_RBR)?;
            guest.write32(LCPLLS[0], ENABLE)?;
            guest.write32(clock::CONTROL2, clock::CONTROL2_PORT_D)
        }
    }
}

/// Turns off all pipes, planes and the cursor, whoever turned them on.
///
/// # Errors
/// What the device said; so do the functions below.
pub fn turn_off(guest: &mut Guest<'_>) -> Result<()> {
    for number in 0..transcoder::COUNT {
        let apart = number * transcoder::STRIDE;
        for which in [Plane::Primary, Plane::Sprite] {
            guest.write32(which.at(plane::CONTROL) + apart, 0)?;
            guest.write32(which.at(plane::SURFACE) + apart, 0)?;
        }
        guest.write32(cursor::CONTROL + apart, 0)?;
        guest.write32(cursor::BASE + apart, 0)?;
        guest.write32(transcoder::CONTROL + apart, 0)?;
        guest.write32(transcoder::FUNCTION + apart, 0)?;
    }
    let port = guest.family()?.monitor();
    guest.write32(DDI_BUF + DDI_STRIDE * u64::from(port), 0)
}

/// Frames that pipe A has begun.
///
/// # Errors
/// What the device said.
pub fn frames(guest: &mut Guest<'_>) -> Result<u32> {
    guest.read32(pipe::FRAMES)
}

/// How pixels lie in memory (PRM Vol 5, Tiling).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiling {
    /// Row after row.
    Linear,
    /// Tiles of 512 bytes and 8 rows.
    X,
    /// Tiles of 128 bytes and 32 rows, whose columns of 16 bytes come one after the other.
    Y,
}

impl Tiling {
    /// Bytes and rows of a tile.
    fn tile(self) -> (u32, u32) {
        match self {
            Self::Linear => (plane::STRIDE_UNIT, 1),
            Self::X => (512, 8),
            Self::Y => (128, 32),
        }
    }

    /// As a control register since Skylake has it.
    fn code(self) -> u32 {
        match self {
            Self::Linear => 0,
            Self::X => 1,
            Self::Y => 4,
        }
    }

    /// Where a byte of a row is.
    fn place(self, stride: u32, byte: u32, row: u32) -> u32 {
        let (width, height) = self.tile();
        let tile = row / height * height * stride + byte / width * (width * height);
        let (byte, row) = (byte % width, row % height);
        tile + match self {
            Self::Linear | Self::X => row * width + byte,
            Self::Y => byte / 16 * (16 * height) + row * 16 + byte % 16,
        }
    }
}

/// Pixels in the guest's memory, in pages that are in no order, and in the GGTT.
#[derive(Clone, Debug)]
pub struct Surface {
    /// Where it is in the GGTT.
    pub gma: u64,
    /// The pages of memory: the first of the surface is the last of these.
    pub pages: Range<u64>,
    tiling: Tiling,
    stride: u32,
    rows: u32,
}

impl Surface {
    /// One for so many pixels, at an address of the GGTT, in pages from a number on.
    ///
    /// # Errors
    /// What the device said.
    pub fn new(
        guest: &mut Guest<'_>,
        gma: u64,
        page: u64,
        tiling: Tiling,
        size: (u32, u32),
    ) -> Result<Self> {
        let (width, height) = tiling.tile();
        let stride = (size.0 * PIXEL).next_multiple_of(width);
        let rows = size.1.next_multiple_of(height);
        let count = u64::from(stride * rows).div_ceil(PAGE);
        let surface = Self {
            gma,
            pages: page..page + count,
            tiling,
            stride,
            rows,
        };
        for (place, page) in surface.pages.clone().rev().enumerate() {
            guest.map(gma + place as u64 * PAGE, page)?;
        }
        Ok(surface)
    }

    /// One without tiles at an address, whatever that leads to.
    pub fn plain(gma: u64, size: (u32, u32)) -> Self {
        Self {
            gma,
            pages: 0..0,
            tiling: Tiling::Linear,
            stride: size.0 * PIXEL,
            rows: size.1,
        }
    }

    /// Bytes.
    pub fn size(&self) -> u32 {
        self.stride * self.rows
    }

    /// Bytes from one row to the next.
    pub fn stride(&self) -> u32 {
        self.stride
    }

    /// The bytes of it with these pixels, in their order in the GGTT.
    pub fn bytes(&self, pixel: impl Fn(u32, u32) -> u32) -> Vec<u8> {
        let pages = self.pages.end - self.pages.start;
        let mut bytes = vec![0; (pages * PAGE) as usize];
        for y in 0..self.rows {
            for x in 0..self.stride / PIXEL {
                let at = self.tiling.place(self.stride, x * PIXEL, y) as usize;
                bytes[at..at + PIXEL as usize].copy_from_slice(&pixel(x, y).to_le_bytes());
            }
        }
        bytes
    }

    /// Draws these pixels.
    ///
    /// # Errors
    /// It is not in the memory.
    pub fn draw(&self, guest: &Guest<'_>, pixel: impl Fn(u32, u32) -> u32) -> Result<()> {
        let bytes = self.bytes(pixel);
        let pages = self.pages.clone().rev();
        for (page, piece) in pages.zip(bytes.chunks(PAGE as usize)) {
            guest.ram.write(page << PAGE_SHIFT, piece)?;
        }
        Ok(())
    }
}

/// Which plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// The lowest.
    Primary,
    /// The one above.
    Sprite,
}

/// A part of a surface, and where on the screen it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The first pixel of the surface.
    pub from: (u32, u32),
    /// How many.
    pub size: (u32, u32),
    /// Where the first is shown.
    pub at: (u32, u32),
}

impl Plane {
    /// The place of a register, named by that of the primary plane.
    pub fn at(self, register: u64) -> u64 {
        register + self as u64 * plane::STRIDE_OF_PLANES
    }

    /// The bit of its group that tells that it has flipped.
    pub fn flipped(self, family: Family) -> u32 {
        let bits = match family {
            Family::Bdw => pipe::FLIPPED_BDW,
            Family::Bxt | Family::Gen9 => pipe::FLIPPED_GEN9,
        };
        bits[self as usize]
    }

    /// Shows a part of a surface. Broadwell's primary plane is as large as the picture.
    ///
    /// # Errors
    /// What the device said.
    pub fn show(self, guest: &mut Guest<'_>, surface: &Surface, part: Part) -> Result<()> {
        let family = guest.family()?;
        let (unit, _) = surface.tiling.tile();
        let tiles = surface.tiling.code() << plane::TILING_SHIFT;
        let (format, stride) = match (family, self) {
            (Family::Bxt | Family::Gen9, _) => (plane::XRGB_GEN9 | tiles, surface.stride / unit),
            (Family::Bdw, Self::Primary) => (plane::XRGB_BDW | tiles, surface.stride),
            (Family::Bdw, Self::Sprite) => (plane::XRGB_SPRITE_BDW | tiles, surface.stride),
        };
        let both = |(x, y): (u32, u32)| y << 16 | x;
        let (width, height) = part.size;
        for (register, value) in [
            (plane::OFFSET, both(part.from)),
            (plane::STRIDE, stride),
            (plane::POSITION, both(part.at)),
            (plane::SIZE, both((width - 1, height - 1))),
            (plane::CONTROL, plane::ENABLE | format),
            (plane::SURFACE, surface.gma as u32),
        ] {
            guest.write32(self.at(register), value)?;
        }
        Ok(())
    }
}

/// Shows a cursor of [`CURSOR`] pixels, which may be left of or above the picture in part.
///
/// # Errors
/// What the device said.
pub fn show_cursor(guest: &mut Guest<'_>, surface: &Surface, (x, y): (i32, i32)) -> Result<()> {
    let field = |place: i32| match place < 0 {
        true => cursor::NEGATIVE | place.unsigned_abs(),
        false => place.unsigned_abs(),
    };
    guest.write32(cursor::CONTROL, cursor::ARGB_64)?;
    guest.write32(cursor::POSITION, field(y) << 16 | field(x))?;
    guest.write32(cursor::BASE, surface.gma as u32)
}

/// Which port the monitor is on, as GMBUS has it.
pub fn pins(family: Family) -> &'static [u32] {
    match family {
        Family::Bxt => &port::PINS_BXT,
        Family::Bdw | Family::Gen9 => &port::PINS,
    }
}

#[cfg(test)]
mod tests {
    use super::Tiling;

    #[test]
    fn places_when_tiled_then_each_byte_has_its_own() {
        for (tiling, stride, rows) in [
            (Tiling::Linear, 192, 3),
            (Tiling::X, 1024, 16),
            (Tiling::Y, 384, 64),
        ] {
            let bytes = (0..rows).flat_map(|row| (0..stride).map(move |byte| (byte, row)));
            let mut places: Vec<_> = bytes
                .map(|(byte, row)| tiling.place(stride, byte, row))
                .collect();
            places.sort_unstable();

            assert!(places.into_iter().eq(0..stride * rows), "{tiling:?}");
        }
    }

    #[test]
    fn places_when_in_the_second_tile_then_those_of_the_manual() {
        assert_eq!(Tiling::X.place(1024, 512 + 5, 1), 4096 + 512 + 5);
        assert_eq!(Tiling::X.place(1024, 5, 9), 2 * 4096 + 512 + 5);
        assert_eq!(Tiling::Y.place(256, 128 + 17, 2), 4096 + 512 + 2 * 16 + 1);
        assert_eq!(Tiling::Y.place(256, 3, 33), 2 * 4096 + 16 + 3);
    }
}
