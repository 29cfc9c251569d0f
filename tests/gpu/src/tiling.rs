// SPDX-License-Identifier: GPL-2.0 OR MIT
//! How surfaces lie in memory (PRM Vol 5, Memory Views, Tiling and Swizzling).
//!
//! Gen8 and later apply no bit-6 swizzle.

/// Layout of a surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiling {
    /// Row after row.
    Linear,
    /// Tiles of 512 bytes by 8 rows, row-major inside.
    X,
    /// Tiles of 128 bytes by 32 rows, columns of 16 bytes inside.
    Y,
}

const TILE_BYTES: u64 = 4096;
const X_WIDTH: u64 = 512;
const X_ROWS: u64 = 8;
const Y_WIDTH: u64 = 128;
const Y_ROWS: u64 = 32;
const Y_COLUMN: u64 = 16;

impl Tiling {
    /// Byte offset of column `x` (in bytes) and row `y` in a surface of that pitch in bytes.
    ///
    /// For tiled surfaces the pitch is rounded down to whole tiles; it must hold one at least.
    pub fn offset(self, pitch: u64, x: u64, y: u64) -> u64 {
        match self {
            Self::Linear => y.wrapping_mul(pitch).wrapping_add(x),
            Self::X => {
                let tile = (y / X_ROWS)
                    .wrapping_mul(pitch / X_WIDTH)
                    .wrapping_add(x / X_WIDTH);
                tile.wrapping_mul(TILE_BYTES) + y % X_ROWS * X_WIDTH + x % X_WIDTH
            }
            Self::Y => {
                let tile = (y / Y_ROWS)
                    .wrapping_mul(pitch / Y_WIDTH)
                    .wrapping_add(x / Y_WIDTH);
                let column = x % Y_WIDTH / Y_COLUMN;
                tile.wrapping_mul(TILE_BYTES)
                    + column * Y_COLUMN * Y_ROWS
                    + y % Y_ROWS * Y_COLUMN
                    + x % Y_COLUMN
            }
        }
    }

    /// Bytes of a row that lie one after the other from column `x` on.
    pub fn run(self, x: u64) -> u64 {
        match self {
            Self::Linear => u64::MAX,
            Self::X => X_WIDTH - x % X_WIDTH,
            Self::Y => Y_COLUMN - x % Y_COLUMN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn offset_when_x_tiled_then_rows_in_tile_are_512_apart() {
        assert_eq!(Tiling::X.offset(1024, 0, 1), 512);
        assert_eq!(Tiling::X.offset(1024, 512, 0), 4096);
        assert_eq!(Tiling::X.offset(1024, 0, 8), 8192);
    }

    #[test]
    fn offset_when_y_tiled_then_columns_of_16_bytes() {
        assert_eq!(Tiling::Y.offset(256, 1, 1), 17);
        assert_eq!(Tiling::Y.offset(256, 16, 0), 512);
        assert_eq!(Tiling::Y.offset(256, 128, 0), 4096);
        assert_eq!(Tiling::Y.offset(256, 0, 32), 8192);
    }

    #[test]
    fn offset_when_all_places_of_a_surface_then_each_once() {
        for tiling in [Tiling::Linear, Tiling::X, Tiling::Y] {
            let places: BTreeSet<u64> = (0..64)
                .flat_map(|y| (0..1024).map(move |x| tiling.offset(1024, x, y)))
                .collect();

            assert_eq!(places.len(), 1024 * 64);
            assert_eq!(places.last(), Some(&(1024 * 64 - 1)));
        }
    }
}
