// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The picture on a guest's screen.
//!
//! It is drawn in bands of rows, as high as the highest tiles are, so that each page of a surface is
//! read once and not once for each row that it is part of.

use super::format::Format;
use super::plane::{self, of_pipe, Plane};
use super::Resolution;
use crate::address::{Gma, MmioOffset};
use crate::hardware::{Pipe, Port};
use crate::mmio::registers::{named, RegisterFile};
use core::ops::Range;
use iface::registers::{Platform, DWORD};
use kernel::prelude::*;
use paint::Painter;

mod paint;

/// Rows of a band: those of a Y tile, and of four X tiles.
const BAND: u32 = 32;
/// Colours of a palette.
const COLOURS: u32 = 256;

/// TRANSCONF and TRANS_DDI_FUNC_CTL: the transcoder is on, and sends (PRM Vol 2c, bit 31 of each).
const ENABLE: u32 = 1 << 31;
/// TRANS_DDI_FUNC_CTL: through which port (bits 30:28), from its lowest bit on.
const PORT_SHIFT: u32 = 28;
/// What of that counts.
const PORT: u32 = 0x7;
/// PIPESRC: width, less one, in the upper half, and height (PRM Vol 2c, bits 28:16 and 12:0).
const SOURCE: u32 = 0x1fff;
/// Where the upper half is.
const UPPER: u32 = 16;

/// Control of a transcoder.
const TRANSCONF: MmioOffset = named("TRANSCONF_TRANSCODER_A");
/// What a transcoder sends: TRANS_DDI_FUNC_CTL, which the table has no name for.
const FUNCTION: MmioOffset = named("REG_60400");
/// How large the picture of a pipe is.
const PIPESRC: MmioOffset = named("PIPESRC_TRANSCODER_A");
/// The colours that indices mean.
const PALETTE_A: MmioOffset = named("LGC_PALETTE_PIPE_A_0");
const PALETTE_B: MmioOffset = named("LGC_PALETTE_PIPE_B_0");
const PALETTE_C: MmioOffset = named("LGC_PALETTE_PIPE_C_0");

/// What is on the screen at a moment, as the registers say: not yet a pixel of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// How large the picture is.
    pub size: Resolution,
    /// The pipe that makes it.
    pub pipe: Pipe,
    /// The planes, the lowest first.
    pub primary: Option<Plane>,
    /// Above the primary.
    pub sprite: Option<Plane>,
    /// Above that; Gen9 has one more.
    pub overlay: Option<Plane>,
    /// Above all.
    pub cursor: Option<Plane>,
}

/// What a picture is drawn on.
pub trait Canvas {
    /// Takes row `y` of the picture, from its left side on, each pixel as `0x00RRGGBB`.
    fn put(&mut self, y: u32, pixels: &[u32]);
}

/// Pages of the guest's memory, as its GGTT shows them.
pub(crate) trait Pages {
    /// Reads a page.
    ///
    /// # Errors
    ///
    /// `EFAULT` it is not the guest's or not mapped; others of the guest's memory. `into` may be
    /// changed.
    fn read(&mut self, page: Gma, into: &mut [u8]) -> Result;
}

impl Frame {
    /// What the pipe shows that drives the monitor, no larger than `largest`; without one, what the first
    /// shows that is on.
    pub(crate) fn new(
        file: &RegisterFile,
        platform: Platform,
        port: Port,
        largest: Resolution,
    ) -> Option<Self> {
        let is_on = |pipe: &Pipe| file.get(of_pipe(TRANSCONF, *pipe)) & ENABLE != 0;
        let drives = |pipe: &Pipe| {
            let function = file.get(of_pipe(FUNCTION, *pipe));
            function & ENABLE != 0 && function >> PORT_SHIFT & PORT == number(port)
        };
        let on = || Pipe::ALL.into_iter().filter(is_on);
        let pipe = on().find(drives).or_else(|| on().next())?;
        let source = file.get(of_pipe(PIPESRC, pipe));
        let pixels = |less_one: u32| (less_one & SOURCE).saturating_add(1);
        let source = Resolution {
            width: pixels(source >> UPPER),
            height: pixels(source),
        };
        let [primary, sprite, overlay] = plane::planes(file, platform, pipe, source);
        Some(Self {
            size: Resolution {
                width: source.width.min(largest.width),
                height: source.height.min(largest.height),
            },
            pipe,
            primary,
            sprite,
            overlay,
            cursor: plane::cursor(file, pipe),
        })
    }

    /// The planes that are on, the lowest first.
    fn planes(&self) -> impl Iterator<Item = &Plane> {
        let planes = [&self.primary, &self.sprite, &self.overlay, &self.cursor];
        planes.into_iter().flatten()
    }

    /// The colours of the pipe that makes it, if a plane has use for them.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn palette(&self, file: &RegisterFile) -> Result<KVec<u32>> {
        let mut palette = KVec::new();
        let mut formats = self.planes().map(|plane| Format::from_fourcc(plane.fourcc));
        if !formats.any(|format| format == Some(Format::C8)) {
            return Ok(palette);
        }
        palette.reserve(COLOURS as usize, GFP_KERNEL)?;
        let first = match self.pipe {
            Pipe::A => PALETTE_A,
            Pipe::B => PALETTE_B,
            Pipe::C => PALETTE_C,
        };
        for index in 0..COLOURS {
            let at = first.0.saturating_add(index.saturating_mul(DWORD));
            palette.push(file.get(MmioOffset(at)), GFP_KERNEL)?;
        }
        Ok(palette)
    }

    /// Draws rows of it.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn draw(
        &self,
        pages: &mut dyn Pages,
        palette: &[u32],
        rows: Range<u32>,
        canvas: &mut dyn Canvas,
    ) -> Result {
        let end = rows.end.min(self.size.height);
        let width = usize::try_from(self.size.width)?;
        if rows.start >= end || width == 0 {
            return Ok(());
        }
        let mut painter = Painter::new(pages, palette)?;
        let pixels = width.checked_mul(BAND as usize).ok_or(EINVAL)?;
        let mut band = KVVec::from_elem(0, pixels, GFP_KERNEL)?;
        let mut from = rows.start;
        while from < end {
            let to = self.end_of_band(from).min(end);
            band.fill(0);
            for plane in self.planes() {
                painter.paint(plane, from..to, width, &mut band);
            }
            for (y, row) in (from..to).zip(band.chunks_exact(width)) {
                canvas.put(y, row);
            }
            from = to;
        }
        Ok(())
    }

    /// The first row behind the band that a row is in: bands end where rows of tiles of the primary do.
    fn end_of_band(&self, row: u32) -> u32 {
        let shift = self.primary.as_ref().map_or(0, |primary| {
            let (_, y) = primary.position;
            primary.source.1.wrapping_add_signed(y.wrapping_neg())
        });
        let inside = row.wrapping_add(shift) % BAND;
        row.saturating_add(BAND.wrapping_sub(inside))
    }
}

/// A port's number in registers.
fn number(port: Port) -> u32 {
    match port {
        Port::A => 0,
        Port::B => 1,
        Port::C => 2,
        Port::D => 3,
        Port::E => 4,
    }
}

#[cfg(test)]
mod tests;
