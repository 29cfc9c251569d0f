// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a fence register lets the CPU reach (PRM Vol 2c, FENCE, 64 bits).
//!
//! A fence names the pages of the aperture in which it is at work. Where an access to one of them
//! goes, though, is a matter of tiles: a row of tiles is as wide as the pitch, and lies in memory as
//! a whole. If the pages end in the midst of a row, accesses to them reach the rest of it, which is
//! behind them.

use crate::types::GGTT_PAGE_SIZE;
use core::ops::Range;

/// It is in use (bit 0).
pub const VALID: u64 = 1 << 0;
/// Tiles are Y tiles, else X tiles (bit 1).
pub const TILE_Y: u64 = 1 << 1;
/// Bits of an address in either half (bits 31:12 and 63:44).
const ADDRESS: u64 = 0xffff_f000;
/// Bits from the address of the first page to that of the last one.
const LAST_SHIFT: u32 = 32;
/// The width of a row, in units, less one (bits 43:32).
const PITCH_SHIFT: u32 = 32;
const PITCH: u64 = 0xfff;
const PITCH_UNIT: u64 = 128;

/// Bytes of a tile, and how it is laid out: bytes of a line, and lines (PRM Vol 5, Tiling).
const TILE: u64 = 4096;
const X_TILE: (u64, u64) = (512, 8);
const Y_TILE: (u64, u64) = (128, 32);

/// The addresses at which a fence is at work: the last one is that of its last page.
pub const fn pages(value: u64) -> Range<u64> {
    let last = value >> LAST_SHIFT & ADDRESS;
    value & ADDRESS..last.saturating_add(GGTT_PAGE_SIZE)
}

/// The addresses that accesses to those may reach. Empty if [`pages`] is.
pub const fn reach(value: u64) -> Range<u64> {
    let Range { start, end } = pages(value);
    if start >= end {
        return start..end;
    }
    let (width, height) = match value & TILE_Y {
        0 => X_TILE,
        _ => Y_TILE,
    };
    let units = (value >> PITCH_SHIFT & PITCH).saturating_add(1);
    let pitch = units.saturating_mul(PITCH_UNIT);
    // As the CPU sees a row of tiles, and as it lies in memory. A pitch that is not a multiple of
    // what a tile is wide is of no use, and not said to be refused.
    let lines = pitch.saturating_mul(height);
    let row = pitch.div_ceil(width).saturating_mul(TILE);
    let rows = end.saturating_sub(start).div_ceil(lines);
    let before = rows.saturating_sub(1).saturating_mul(lines);
    let tiled = start.saturating_add(before).saturating_add(row);
    start..if tiled > end { tiled } else { end }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 0x10_0000;

    /// A fence of so many pages, whose rows are of so many bytes.
    fn fence(pages: u64, pitch: u64, tiles: u64) -> u64 {
        let last = START + (pages - 1) * GGTT_PAGE_SIZE;
        let pitch = pitch / PITCH_UNIT - 1;
        last << LAST_SHIFT | pitch << PITCH_SHIFT | START | tiles | VALID
    }

    fn reached(pages: u64, pitch: u64, tiles: u64) -> u64 {
        let reach = reach(fence(pages, pitch, tiles));
        assert_eq!(reach.start, START);
        (reach.end - START) / GGTT_PAGE_SIZE
    }

    #[test]
    fn reach_of_whole_rows_is_the_pages() {
        for (pages, pitch, tiles) in [
            (1, 512, 0),
            (8, 4096, 0),
            (24, 4096, 0),
            (1, 128, TILE_Y),
            (32, 4096, TILE_Y),
            (1024, 4096 * 128, 0),
        ] {
            assert_eq!(reached(pages, pitch, tiles), pages, "{pages} {pitch}");
        }
    }

    #[test]
    fn reach_of_a_part_of_a_row_is_all_of_it() {
        assert_eq!(reached(1, 4096, 0), 8);
        assert_eq!(reached(9, 4096, 0), 16);
        assert_eq!(reached(33, 4096, TILE_Y), 64);
        assert_eq!(reached(1, 4096 * 128, 0), 1024);
        assert_eq!(reached(1, 4096 * 128, TILE_Y), 4096);
    }

    #[test]
    fn reach_of_rows_that_are_no_whole_tiles_goes_beyond_the_last() {
        let page = GGTT_PAGE_SIZE;
        assert_eq!(reach(fence(1, 128, 0)).end, START + 3 * 1024 + page);
        assert_eq!(reach(fence(1, 640, 0)).end, START + 2 * page);
    }

    #[test]
    fn reach_of_what_ends_before_it_begins_is_empty() {
        for value in [START | VALID, !(ADDRESS << LAST_SHIFT), 0x2000] {
            assert!(
                pages(value).is_empty() && reach(value).is_empty(),
                "{value:#x}"
            );
        }
        assert!(!reach(u64::MAX).is_empty());
    }
}
