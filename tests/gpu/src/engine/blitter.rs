// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Blits: filled and copied rectangles, linear and tiled (PRM Vol 2a, Vol 11 Blitter).

use super::batch::Place;
use super::command::blit;
use super::command::BASE_COST;
use super::Engine;
use super::Outcome;
use super::Space;
use crate::clock::Cycles;
use crate::regs::engine;
use crate::tiling::Tiling;
use crate::uncore::Uncore;

/// Bytes that one step of a blit moves at most, so that a slice stays short.
const STEP_BYTES: u64 = 64 << 10;
/// Bytes that the blitter moves in a cycle.
const BYTES_PER_CYCLE: u64 = 16;

/// Header: a tiled source, a tiled destination (XY commands).
const SOURCE_TILED: u32 = 1 << 15;
const DESTINATION_TILED: u32 = 1 << 11;
/// BCS_SWCTRL: tiled means Y tiled, for source and destination.
const SWCTRL_SOURCE_Y: u32 = 1 << 0;
const SWCTRL_DESTINATION_Y: u32 = 1 << 1;
/// Header: which bytes of a 32-bit pixel are written.
const WRITE_ALPHA: u32 = 1 << 21;
const WRITE_COLOUR: u32 = 1 << 20;
/// Raster operation and colour depth in dword 1.
const ROP_SHIFT: u32 = 16;
const DEPTH_SHIFT: u32 = 24;
const DEPTH_MASK: u32 = 0x3;
const PITCH_MASK: u32 = 0xffff;
const FAST_SOURCE_TILING_SHIFT: u32 = 20;
const FAST_DESTINATION_TILING_SHIFT: u32 = 13;
const FAST_TILING_MASK: u32 = 0x3;
const FAST_DEPTH_MASK: u32 = 0x7;
/// Raster operation: the destination becomes the source.
const ROP_SOURCE: u8 = 0xcc;
const ADDRESS_HIGH: u32 = 0xffff;

/// A surface in the PPGTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Surface {
    base: u64,
    /// Bytes of a row; negative goes upwards in memory.
    pitch: i64,
    tiling: Tiling,
}

impl Surface {
    /// A surface from its fields; tiled pitches are in dwords.
    fn new(low: u32, high: u32, pitch: u32, tiling: Tiling) -> Self {
        let pitch = i64::from((pitch & PITCH_MASK) as u16 as i16);
        let unit = if tiling == Tiling::Linear { 1 } else { 4 };
        let base = u64::from(high & ADDRESS_HIGH) << 32 | u64::from(low);
        Self {
            base,
            pitch: pitch * unit,
            tiling,
        }
    }

    /// Where the byte at column `x` of row `y` is, and how many of its row follow it.
    fn locate(&self, x: u64, y: i64) -> (Place, u64) {
        let offset = if self.tiling == Tiling::Linear {
            (self.pitch.wrapping_mul(y) as u64).wrapping_add(x)
        } else {
            self.tiling
                .offset(self.pitch.unsigned_abs(), x, y.unsigned_abs())
        };
        let address = self.base.wrapping_add(offset);
        (
            Place {
                space: Space::Ppgtt,
                address,
            },
            self.tiling.run(x),
        )
    }
}

/// Where the pixels of a blit come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// Each pixel has this value.
    Colour(u128),
    /// A rectangle that begins at this byte column and row.
    Surface { surface: Surface, x: u64, y: i64 },
}

/// A blit with what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blit {
    destination: Surface,
    source: Source,
    /// Bytes of a pixel.
    depth: u64,
    /// First byte of each row, bytes of a row.
    x: u64,
    width: u64,
    /// Next row, row behind the last.
    y: i64,
    end: i64,
    /// Rows done.
    done: i64,
    rop: u8,
    /// Bits of each pixel that are written.
    mask: u128,
}

impl Engine {
    /// Executes a blit, or the next part of one that was begun.
    pub(super) fn execute_blit(
        &mut self,
        uncore: &mut Uncore,
        opcode: u32,
        d: &[u32],
    ) -> (Outcome, Cycles) {
        let begun = self.blit.take().or_else(|| decode(uncore, opcode, d));
        let Some(mut blit) = begun else {
            return (Outcome::Hang, BASE_COST);
        };
        let rows = (STEP_BYTES / blit.width.max(1)).max(1);
        let mut moved = 0;
        for _ in 0..rows {
            if blit.y >= blit.end {
                break;
            }
            self.blit_row(uncore, &blit);
            blit.y += 1;
            blit.done += 1;
            moved += blit.width;
        }
        let cost = Cycles(BASE_COST.0 + moved / BYTES_PER_CYCLE);
        if blit.y < blit.end {
            self.blit = Some(blit);
            (Outcome::Again, cost)
        } else {
            (Outcome::Next, cost)
        }
    }

    fn blit_row(&mut self, uncore: &mut Uncore, blit: &Blit) {
        let width = blit.width as usize;
        let mut row = match blit.source {
            Source::Colour(colour) => {
                let pixel = colour.to_le_bytes();
                pixel
                    .iter()
                    .take(blit.depth as usize)
                    .copied()
                    .cycle()
                    .take(width)
                    .collect()
            }
            Source::Surface { surface, x, y } => {
                let mut row = vec![0; width];
                self.read_row(uncore, surface, x, y + blit.done, &mut row);
                row
            }
        };
        if blit.needs_destination() {
            let mut old = vec![0; width];
            self.read_row(uncore, blit.destination, blit.x, blit.y, &mut old);
            blit.combine(&mut row, &old);
        }
        self.write_row(uncore, blit.destination, blit.x, blit.y, &row);
    }

    fn read_row(&mut self, uncore: &mut Uncore, from: Surface, x: u64, y: i64, row: &mut [u8]) {
        let mut x = x;
        let mut rest = row;
        while !rest.is_empty() {
            let (place, run) = from.locate(x, y);
            let length = rest.len().min(usize::try_from(run).unwrap_or(usize::MAX));
            let (part, later) = rest.split_at_mut(length);
            self.read_bytes(uncore, place, part);
            x += length as u64;
            rest = later;
        }
    }

    fn write_row(&mut self, uncore: &mut Uncore, to: Surface, x: u64, y: i64, row: &[u8]) {
        let mut x = x;
        let mut rest = row;
        while !rest.is_empty() {
            let (place, run) = to.locate(x, y);
            let length = rest.len().min(usize::try_from(run).unwrap_or(usize::MAX));
            let (part, later) = rest.split_at(length);
            self.write_bytes(uncore, place, part);
            x += length as u64;
            rest = later;
        }
    }
}

impl Blit {
    fn is_copy(&self) -> bool {
        match self.source {
            // The colour is the pattern: its bits are 7:4 against 3:0 of the operation.
            Source::Colour(_) => self.rop >> 4 == 0xf && self.rop & 0xf == 0,
            Source::Surface { .. } => self.rop == ROP_SOURCE,
        }
    }

    fn needs_destination(&self) -> bool {
        !self.is_copy() || self.mask != u128::MAX
    }

    /// Applies raster operation and write mask to a row.
    fn combine(&self, row: &mut [u8], old: &[u8]) {
        let mask = self.mask.to_le_bytes();
        for (index, (new, old)) in row.iter_mut().zip(old).enumerate() {
            let (source, pattern) = match self.source {
                Source::Colour(_) => (0, *new),
                Source::Surface { .. } => (*new, 0),
            };
            let keep = !mask[index % self.depth as usize];
            *new = (raster(self.rop, pattern, source, *old) & !keep) | (*old & keep);
        }
    }
}

/// The ternary raster operation `rop` of pattern, source and destination, bit by bit.
fn raster(rop: u8, pattern: u8, source: u8, destination: u8) -> u8 {
    (0..8)
        .filter(|case| rop >> case & 1 != 0)
        .fold(0, |result, case| {
            let pick = |value: u8, bit: u8| if case >> bit & 1 != 0 { value } else { !value };
            result | (pick(pattern, 2) & pick(source, 1) & pick(destination, 0))
        })
}

/// Bytes of a pixel for the depth field of XY commands.
fn depth(dword: u32) -> u64 {
    match dword >> DEPTH_SHIFT & DEPTH_MASK {
        0 => 1,
        1 | 2 => 2,
        _ => 4,
    }
}

/// Bytes of a pixel for the depth field of the fast copy.
fn fast_depth(dword: u32) -> Option<u64> {
    match dword >> DEPTH_SHIFT & FAST_DEPTH_MASK {
        0 => Some(1),
        1 => Some(2),
        3 => Some(4),
        4 => Some(8),
        5 => Some(16),
        _ => None,
    }
}

fn fast_tiling(field: u32) -> Option<Tiling> {
    match field & FAST_TILING_MASK {
        0 => Some(Tiling::Linear),
        1 => Some(Tiling::X),
        2 => Some(Tiling::Y),
        // 64 KiB tiles are not modelled.
        _ => None,
    }
}

/// Bits of a pixel that the header lets be written.
fn write_mask(header: u32, depth: u64) -> u128 {
    if depth < 4 {
        return u128::MAX;
    }
    let alpha = if header & WRITE_ALPHA != 0 {
        0xff00_0000
    } else {
        0
    };
    let colour = if header & WRITE_COLOUR != 0 {
        0x00ff_ffff
    } else {
        0
    };
    match alpha | colour {
        u32::MAX => u128::MAX,
        mask => mask.into(),
    }
}

/// Coordinates of a corner: x in the low half, y in the high half, both signed.
fn corner(dword: u32) -> (i64, i64) {
    (
        i64::from(dword as u16 as i16),
        i64::from((dword >> 16) as u16 as i16),
    )
}

/// Turns a command into a blit; none if it makes no sense.
fn decode(uncore: &Uncore, opcode: u32, d: &[u32]) -> Option<Blit> {
    let swctrl = uncore.regs.get(
        crate::platform::EngineId::Bcs0
            .mmio_base()
            .add(engine::BCS_SWCTRL),
    );
    let tiling = |tiled: u32, y: u32| match (d[0] & tiled != 0, swctrl & y != 0) {
        (false, _) => Tiling::Linear,
        (true, false) => Tiling::X,
        (true, true) => Tiling::Y,
    };
    let destination_tiling = tiling(DESTINATION_TILED, SWCTRL_DESTINATION_Y);
    let source_tiling = tiling(SOURCE_TILED, SWCTRL_SOURCE_Y);
    match (opcode, d) {
        (blit::XY_COLOR, &[header, br13, from, to, low, high, colour, ..]) => {
            let depth = depth(br13);
            let destination = Surface::new(low, high, br13, destination_tiling);
            let mask = write_mask(header, depth);
            let rop = (br13 >> ROP_SHIFT) as u8;
            rectangle(
                destination,
                Source::Colour(colour.into()),
                depth,
                from,
                to,
                rop,
                mask,
            )
        }
        (blit::COLOR, &[header, br13, size, low, high, colour, ..]) => {
            let depth = depth(br13);
            let destination = Surface::new(low, high, br13, Tiling::Linear);
            let mask = write_mask(header, depth);
            let rop = (br13 >> ROP_SHIFT) as u8;
            rows(
                destination,
                Source::Colour(colour.into()),
                depth,
                size,
                rop,
                mask,
            )
        }
        (
            blit::XY_SRC_COPY,
            &[header, br13, from, to, low, high, source, pitch, source_low, source_high, ..],
        ) => {
            let depth = depth(br13);
            let destination = Surface::new(low, high, br13, destination_tiling);
            let surface = Surface::new(source_low, source_high, pitch, source_tiling);
            let source = source_rectangle(surface, source, depth)?;
            let mask = write_mask(header, depth);
            rectangle(
                destination,
                source,
                depth,
                from,
                to,
                (br13 >> ROP_SHIFT) as u8,
                mask,
            )
        }
        (blit::SRC_COPY, &[header, br13, size, low, high, pitch, source_low, source_high, ..]) => {
            let depth = depth(br13);
            let destination = Surface::new(low, high, br13, Tiling::Linear);
            let surface = Surface::new(source_low, source_high, pitch, Tiling::Linear);
            let source = Source::Surface {
                surface,
                x: 0,
                y: 0,
            };
            let mask = write_mask(header, depth);
            rows(
                destination,
                source,
                depth,
                size,
                (br13 >> ROP_SHIFT) as u8,
                mask,
            )
        }
        (
            blit::XY_FAST_COPY,
            &[header, br13, from, to, low, high, source, pitch, source_low, source_high, ..],
        ) => {
            let depth = fast_depth(br13)?;
            let to_tiling = fast_tiling(header >> FAST_DESTINATION_TILING_SHIFT)?;
            let from_tiling = fast_tiling(header >> FAST_SOURCE_TILING_SHIFT)?;
            let destination = Surface::new(low, high, br13, to_tiling);
            let surface = Surface::new(source_low, source_high, pitch, from_tiling);
            let source = source_rectangle(surface, source, depth)?;
            rectangle(destination, source, depth, from, to, ROP_SOURCE, u128::MAX)
        }
        _ => None,
    }
}

fn source_rectangle(surface: Surface, start: u32, depth: u64) -> Option<Source> {
    let (x, y) = corner(start);
    Some(Source::Surface {
        surface,
        x: u64::try_from(x).ok()? * depth,
        y,
    })
}

fn rectangle(
    destination: Surface,
    source: Source,
    depth: u64,
    from: u32,
    to: u32,
    rop: u8,
    mask: u128,
) -> Option<Blit> {
    let ((x1, y1), (x2, y2)) = (corner(from), corner(to));
    let x = u64::try_from(x1).ok()? * depth;
    let width = u64::try_from(x2 - x1).unwrap_or(0) * depth;
    Some(Blit {
        destination,
        source,
        depth,
        x,
        width,
        y: y1,
        end: y2,
        done: 0,
        rop,
        mask,
    })
}

/// A blit of whole rows; `size` has rows in its high half, bytes in its low half.
fn rows(
    destination: Surface,
    source: Source,
    depth: u64,
    size: u32,
    rop: u8,
    mask: u128,
) -> Option<Blit> {
    let width = u64::from(size & PITCH_MASK);
    let end = i64::from(size >> 16);
    Some(Blit {
        destination,
        source,
        depth,
        x: 0,
        width,
        y: 0,
        end,
        done: 0,
        rop,
        mask,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raster_when_known_operations_then_their_result() {
        assert_eq!(raster(0xcc, 0, 0x5a, 0xff), 0x5a);
        assert_eq!(raster(0xf0, 0x5a, 0, 0xff), 0x5a);
        assert_eq!(raster(0x66, 0, 0x5a, 0xff), 0xa5);
        assert_eq!(raster(0x00, 1, 2, 3), 0);
        assert_eq!(raster(0x55, 0, 0, 0x0f), 0xf0);
    }

    #[test]
    fn surface_when_pitch_is_negative_then_rows_go_up() {
        let surface = Surface::new(0x1_0000, 0, 0xff00, Tiling::Linear);

        assert_eq!(surface.locate(4, 1).0.address, 0x1_0000 - 0x100 + 4);
    }

    #[test]
    fn surface_when_tiled_then_pitch_is_in_dwords() {
        let surface = Surface::new(0, 1, 256, Tiling::X);

        assert_eq!(surface.locate(0, 8).0.address, (1 << 32) + 8192);
        assert_eq!(surface.locate(500, 0).1, 12);
    }

    #[test]
    fn mask_when_alpha_is_protected_then_kept() {
        assert_eq!(write_mask(WRITE_COLOUR, 4), 0x00ff_ffff);
        assert_eq!(write_mask(WRITE_COLOUR | WRITE_ALPHA, 4), u128::MAX);
        assert_eq!(write_mask(0, 1), u128::MAX);
    }
}
