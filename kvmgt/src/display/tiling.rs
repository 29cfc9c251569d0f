// SPDX-License-Identifier: GPL-2.0 OR MIT
//! How the pixels of a surface lie in memory (PRM Vol 5, Memory Views).
//!
//! A tile is a page. In Y and Yf tiles, 16 bytes of a row lie together, a *block*: their tiles are
//! put in order block by block before anyone looks at a pixel.

use core::ops::Range;

/// Bytes of a block.
const BLOCK_SIZE: usize = 16;
/// A block.
pub(super) type Block = [u8; BLOCK_SIZE];
/// Blocks of a tile.
pub(super) const BLOCKS: usize = 256;

/// Modifier for DRM: row after row (`drm_fourcc.h`, as all below).
const MODIFIER_LINEAR: u64 = 0;
/// Modifier for DRM: the vendor's number, in the upper byte.
const MODIFIER_INTEL: u64 = 0x01 << 56;
/// Modifier for DRM: `I915_FORMAT_MOD_X_TILED`.
const MODIFIER_X: u64 = MODIFIER_INTEL | 1;
/// Modifier for DRM: `I915_FORMAT_MOD_Y_TILED`.
const MODIFIER_Y: u64 = MODIFIER_INTEL | 2;
/// Modifier for DRM: `I915_FORMAT_MOD_Yf_TILED`.
const MODIFIER_YF: u64 = MODIFIER_INTEL | 3;

/// How pixels lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiling {
    /// Row after row.
    Linear,
    /// Tiles of 512 bytes by 8 rows.
    X,
    /// Tiles of 128 bytes by 32 rows, column by column.
    Y,
    /// The same size, in another order.
    Yf,
}

impl Tiling {
    /// What DRM calls it.
    pub fn modifier(self) -> u64 {
        match self {
            Self::Linear => MODIFIER_LINEAR,
            Self::X => MODIFIER_X,
            Self::Y => MODIFIER_Y,
            Self::Yf => MODIFIER_YF,
        }
    }

    /// How large tiles are, if there are any. They have that size for pixels of 2 and of 4 bytes;
    /// others are shown only where it is the same.
    pub(super) fn tile(self) -> Option<Tile> {
        match self {
            Self::Linear => None,
            Self::X => Some(Tile {
                width_shift: 9,
                height_shift: 3,
            }),
            Self::Y | Self::Yf => Some(Tile {
                width_shift: 7,
                height_shift: 5,
            }),
        }
    }

    /// Puts the blocks of a tile in order: row by row, each row from its left side on.
    pub(super) fn straighten(self, tile: &[Block; BLOCKS], into: &mut [Block; BLOCKS]) {
        match self {
            Self::Linear | Self::X => *into = *tile,
            Self::Y => put(tile, into, place_in_y),
            Self::Yf => put(tile, into, place_in_yf),
        }
    }

    /// Whether memory has the blocks of a tile in that order.
    pub(super) fn is_straight(self) -> bool {
        matches!(self, Self::Linear | Self::X)
    }
}

/// How large a tile is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    /// Base-2 logarithm of the bytes of a row.
    width_shift: u32,
    /// Base-2 logarithm of its rows.
    height_shift: u32,
}

impl Tile {
    /// Its rows.
    pub(super) fn height(self) -> u32 {
        1 << self.height_shift
    }

    /// Whole tiles in so many bytes of a row.
    pub(super) fn across(self, bytes: u32) -> u32 {
        bytes >> self.width_shift
    }

    /// Bytes of a row that are in whole tiles.
    pub(super) fn whole(self, bytes: u32) -> u32 {
        self.across(bytes) << self.width_shift
    }

    /// The tiles of a row of tiles that some bytes of a row are in: of each its number, the bytes
    /// that it has of them, and the place of the first of these in a row of the tile.
    pub(super) fn columns(self, bytes: Range<u32>) -> impl Iterator<Item = (u32, Range<u32>, u32)> {
        cut(bytes, self.width_shift)
    }

    /// The rows of tiles that some rows are in, likewise.
    pub(super) fn rows(self, rows: Range<u32>) -> impl Iterator<Item = (u32, Range<u32>, u32)> {
        cut(rows, self.height_shift)
    }

    /// Where in a tile whose rows follow each other a byte of a row is.
    pub(super) fn place(self, column: u32, row: u32) -> u32 {
        row << self.width_shift | column
    }
}

/// Cuts a range at multiples of a power of two: the number of each piece, the piece, and where in a
/// whole one it begins.
fn cut(range: Range<u32>, shift: u32) -> impl Iterator<Item = (u32, Range<u32>, u32)> {
    let mut from = range.start;
    core::iter::from_fn(move || {
        let number = from >> shift;
        let start = number << shift;
        let end = start.saturating_add(1 << shift).min(range.end);
        let piece = core::mem::replace(&mut from, end)..end;
        let within = piece.start.wrapping_sub(start);
        (piece.start < piece.end).then_some((number, piece, within))
    })
}

/// Puts each block at its place.
fn put(tile: &[Block; BLOCKS], into: &mut [Block; BLOCKS], place: impl Fn(u8) -> u8) {
    for (number, block) in tile.iter().enumerate() {
        // There are as many blocks as numbers.
        if let Some(to) = into.get_mut(usize::from(place(number as u8))) {
            *to = *block;
        }
    }
}

/// Which block of a Y tile is where, counted row by row: memory has eight columns of 32 rows.
fn place_in_y(number: u8) -> u8 {
    let (column, row) = (number >> 5, number & 0x1f);
    row << 3 | column
}

/// The same for Yf: bits of rows and of columns take turns.
fn place_in_yf(number: u8) -> u8 {
    let bit = |from: u32, to: u32| (number >> from & 1) << to;
    let column = bit(3, 0) | bit(5, 1) | bit(7, 2);
    let row = bit(0, 0) | bit(1, 1) | bit(2, 2) | bit(4, 3) | bit(6, 4);
    row << 3 | column
}
