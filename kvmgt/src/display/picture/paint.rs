// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Painting planes into a band of the picture.

use super::Pages;
use crate::address::{Gma, PAGE_SIZE};
use crate::display::colour::{add, cover, mix};
use crate::display::format::{Format, Meaning};
use crate::display::plane::{Blend, Plane};
use crate::display::tiling::{Block, Tile, Tiling, BLOCKS};
use core::ops::Range;
use kernel::prelude::*;

/// Bytes of a page.
const PAGE: u32 = PAGE_SIZE as u32;

/// Paints planes.
pub(super) struct Painter<'a> {
    page: Page<'a>,
    palette: &'a [u32],
}

/// The page that was read last: a surface without tiles has several rows in one.
struct Page<'a> {
    pages: &'a mut dyn Pages,
    /// As it lies in memory.
    raw: KVVec<Block>,
    /// Row by row.
    straight: KVVec<Block>,
    /// Which one it is, and whether it could be read.
    last: Option<(Gma, Tiling, bool)>,
}

/// The part of a plane that is inside of a band.
struct Part<'a> {
    plane: &'a Plane,
    format: Format,
    /// The first of its pixels in the surface.
    source: (u32, u32),
    /// Where that is in the band.
    place: (usize, usize),
    /// How many pixels of a row it has.
    width: u32,
    /// How many of these the surface has, from the first on.
    readable: u32,
    /// How many rows.
    height: u32,
    /// Pixels of a row of the band.
    band_width: usize,
}

impl<'a> Painter<'a> {
    /// One that has read nothing.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new(pages: &'a mut dyn Pages, palette: &'a [u32]) -> Result<Self> {
        let blocks = || KVVec::from_elem(Block::default(), BLOCKS, GFP_KERNEL);
        Ok(Self {
            page: Page {
                pages,
                raw: blocks()?,
                straight: blocks()?,
                last: None,
            },
            palette,
        })
    }

    /// Paints what of a plane is in some rows of the picture, of `width` pixels each.
    pub(super) fn paint(
        &mut self,
        plane: &Plane,
        rows: Range<u32>,
        width: usize,
        band: &mut [u32],
    ) {
        let Some(part) = Part::new(plane, rows, width) else {
            return;
        };
        part.blacken(band);
        match plane.tiling.tile() {
            None => self.paint_rows(&part, band),
            Some(tile) => self.paint_tiles(&part, tile, band),
        }
    }

    /// Paints a part of a surface without tiles.
    fn paint_rows(&mut self, part: &Part<'_>, band: &mut [u32]) {
        let bytes = part.format.bytes();
        let left = part.source.0.saturating_mul(bytes);
        for y in 0..part.height {
            let row = part.source.1.saturating_add(y);
            let mut at = part.address(row.into(), part.plane.stride, left);
            let mut x = 0;
            while x < part.readable {
                let page = Gma(at & !(PAGE_SIZE - 1));
                let within = at.wrapping_sub(page.0) as u32;
                let pixels = PAGE.saturating_sub(within).checked_div(bytes).unwrap_or(0);
                let pixels = pixels.min(part.readable.saturating_sub(x));
                if pixels == 0 {
                    // Strides are multiples of the size of a pixel, so none is in two pages.
                    return;
                }
                let page = self.page.load(page, Tiling::Linear);
                part.paint(self.palette, page, within, (x, y), pixels, band);
                x = x.saturating_add(pixels);
                at = at.saturating_add(pixels.saturating_mul(bytes).into());
            }
        }
    }

    /// Paints a part of a surface with tiles of that size.
    fn paint_tiles(&mut self, part: &Part<'_>, tile: Tile, band: &mut [u32]) {
        let bytes = part.format.bytes();
        let left = part.source.0.saturating_mul(bytes);
        let right = left.saturating_add(part.readable.saturating_mul(bytes));
        let (top, bottom) = (part.source.1, part.source.1.saturating_add(part.height));
        let across = u64::from(tile.across(part.plane.stride));
        for (tile_row, rows, first_row) in tile.rows(top..bottom) {
            for (tile_column, columns, column) in tile.columns(left..right) {
                let number = u64::from(tile_row).saturating_mul(across);
                let number = number.saturating_add(tile_column.into());
                let page = part.address(number, PAGE, 0);
                let page = self.page.load(Gma(page), part.plane.tiling);
                let pixels = |bytes_of_row: u32| bytes_of_row.checked_div(bytes).unwrap_or(0);
                let x = pixels(columns.start.saturating_sub(left));
                let count = pixels(columns.end.saturating_sub(columns.start));
                for (row, y) in (first_row..).zip(rows.clone()) {
                    let within = tile.place(column, row);
                    let place = (x, y.saturating_sub(top));
                    part.paint(self.palette, page, within, place, count, band);
                }
            }
        }
    }
}

impl Page<'_> {
    /// The bytes of a page, row by row if it is a tile; `None` if it can't be read.
    fn load(&mut self, page: Gma, tiling: Tiling) -> Option<&[u8]> {
        let is_read = match self.last {
            Some((last, of, is_read)) if (last, of) == (page, tiling) => is_read,
            _ => self.read(page, tiling),
        };
        self.last = Some((page, tiling, is_read));
        let blocks = match tiling.is_straight() {
            true => &self.raw,
            false => &self.straight,
        };
        is_read.then(|| blocks.as_flattened())
    }

    /// Reads it; whether it could be read.
    fn read(&mut self, page: Gma, tiling: Tiling) -> bool {
        if self.pages.read(page, self.raw.as_flattened_mut()).is_err() {
            return false;
        }
        if !tiling.is_straight() {
            let (tile, into) = (self.raw.first_chunk(), self.straight.first_chunk_mut());
            if let (Some(tile), Some(into)) = (tile, into) {
                tiling.straighten(tile, into);
            }
        }
        true
    }
}

impl<'a> Part<'a> {
    /// The part of a plane that is in some rows of the picture; `None` if there is none.
    fn new(plane: &'a Plane, rows: Range<u32>, band_width: usize) -> Option<Self> {
        let format = Format::from_fourcc(plane.fourcc)?;
        let columns = 0..u32::try_from(band_width).ok()?;
        let (left, x, width) = clip(plane.position.0, plane.size.width, columns)?;
        let (above, y, height) = clip(plane.position.1, plane.size.height, rows)?;
        let source = (
            plane.source.0.saturating_add(left),
            plane.source.1.saturating_add(above),
        );
        // Of a row of tiles, whole ones.
        let row = match plane.tiling.tile() {
            None => plane.stride,
            Some(tile) => tile.whole(plane.stride),
        };
        let row = row.checked_div(format.bytes())?;
        Some(Self {
            plane,
            format,
            source,
            place: (x, y),
            width,
            readable: row.saturating_sub(source.0).min(width),
            height,
            band_width,
        })
    }

    /// An address in the surface: so many times so many bytes, and some more.
    fn address(&self, count: u64, bytes: u32, more: u32) -> u64 {
        let Gma(surface) = self.plane.surface;
        let offset = count.saturating_mul(bytes.into());
        surface.saturating_add(offset).saturating_add(more.into())
    }

    /// So many pixels of the band, from one of the part on.
    fn pixels<'b>(&self, place: (u32, u32), count: u32, band: &'b mut [u32]) -> &'b mut [u32] {
        let (x, y) = self.place;
        let y = y.saturating_add(place.1 as usize);
        let first = y.saturating_mul(self.band_width);
        let first = first.saturating_add(x).saturating_add(place.0 as usize);
        let end = first.saturating_add(count as usize);
        band.get_mut(first..end).unwrap_or_default()
    }

    /// Makes black what the surface does not have: it is left of its end only.
    fn blacken(&self, band: &mut [u32]) {
        let missing = self.width.saturating_sub(self.readable);
        if missing != 0 && self.plane.blend == Blend::Opaque {
            for y in 0..self.height {
                self.pixels((self.readable, y), missing, band).fill(0);
            }
        }
    }

    /// Paints pixels of a row, from one of the part on, out of a page that has them from byte `within` on.
    fn paint(
        &self,
        palette: &[u32],
        page: Option<&[u8]>,
        within: u32,
        place: (u32, u32),
        count: u32,
        band: &mut [u32],
    ) {
        let (plane, row) = (self.plane, self.pixels(place, count, band));
        let Some(page) = page else {
            if plane.blend == Blend::Opaque {
                row.fill(0);
            }
            return;
        };
        let bytes = self.format.bytes();
        let skip = within.checked_div(bytes).unwrap_or(0);
        let skip = skip.checked_rem(self.format.together()).unwrap_or(0);
        let first = within.saturating_sub(skip.saturating_mul(bytes)) as usize;
        let from = page.get(first..).unwrap_or_default();
        let meaning = Meaning {
            palette,
            encoding: plane.encoding,
        };
        let (format, skip) = (self.format, skip as usize);
        match plane.blend {
            Blend::Opaque => format.paint(meaning, from, skip, row, cover),
            Blend::Premultiplied => format.paint(meaning, from, skip, row, add),
            Blend::Coverage => format.paint(meaning, from, skip, row, mix),
        }
    }
}

/// What of `count` pixels, of which the first is at `at`, is inside of `range`: how many are in front of it,
/// where in the range the first is, and how many.
fn clip(at: i32, count: u32, range: Range<u32>) -> Option<(u32, usize, u32)> {
    let at = i64::from(at);
    let (start, end) = (i64::from(range.start), i64::from(range.end));
    let first = at.max(start);
    let end = at.saturating_add(count.into()).min(end);
    let count = u32::try_from(end.saturating_sub(first)).ok()?;
    let front = u32::try_from(first.saturating_sub(at)).ok()?;
    let place = usize::try_from(first.saturating_sub(start)).ok()?;
    (count != 0).then_some((front, place, count))
}
