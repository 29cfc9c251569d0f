// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Where a pixel's bytes lie in a linear or tiled surface.
//!
//! Source: PRM Vol 5 (SKL) "Memory Views", tiling formats: every tile is one 4 KiB page.

/// Bytes of a tile, and of a page.
pub const TILE_SIZE: u64 = 4096;

/// How a surface is laid out in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiling {
    /// Row after row.
    Linear,
    /// Tiles of 512 bytes by 8 rows, row after row within a tile.
    X,
    /// Tiles of 128 bytes by 32 rows, in columns of 16 bytes.
    Y,
    /// Tiles as Y, but 64-byte blocks of 16 bytes by 4 rows in a Z order.
    Yf,
}

impl Tiling {
    /// Bytes in one unit of a plane's stride register for `bytes_per_pixel`.
    pub fn stride_unit(self, bytes_per_pixel: u32) -> u64 {
        match self {
            Tiling::Linear => 64,
            Tiling::X => 512,
            Tiling::Y => 128,
            Tiling::Yf => self.tile_width(bytes_per_pixel),
        }
    }

    /// Bytes across one tile.
    fn tile_width(self, bytes_per_pixel: u32) -> u64 {
        match self {
            Tiling::Linear => 64,
            Tiling::X => 512,
            Tiling::Y => 128,
            // A tile is as near to square in pixels as 4 KiB allow.
            Tiling::Yf => match bytes_per_pixel {
                1 => 64,
                2 | 4 => 128,
                _ => 256,
            },
        }
    }

    /// The byte offset of column `x` (in bytes) and row `y` in a surface of `stride` bytes a row.
    pub fn offset(self, x: u64, y: u64, stride: u64, bytes_per_pixel: u32) -> u64 {
        let width = self.tile_width(bytes_per_pixel);
        if self == Tiling::Linear {
            return y.wrapping_mul(stride).wrapping_add(x);
        }
        let height = TILE_SIZE / width;
        let tiles_across = (stride / width).max(1);
        let tile = (y / height)
            .wrapping_mul(tiles_across)
            .wrapping_add(x / width);
        let (tx, ty) = (x % width, y % height);
        let inner = match self {
            Tiling::Linear | Tiling::X => ty * width + tx,
            Tiling::Y => tx / 16 * 512 + ty * 16 + tx % 16,
            Tiling::Yf => yf_inner(tx, ty, bytes_per_pixel),
        };
        tile.wrapping_mul(TILE_SIZE).wrapping_add(inner)
    }
}

/// The offset within a Yf tile.
///
/// The lowest bits walk 16 bytes, then four rows (a 64-byte line); above that x and y bits
/// alternate, beginning with x. A one-byte format has one more y bit at the end and a format of
/// eight or more bytes one more x bit, which makes their tiles 64 and 256 bytes wide.
fn yf_inner(x: u64, y: u64, bytes_per_pixel: u32) -> u64 {
    let bit = |v: u64, n: u32| v >> n & 1;
    let line = x & 0xf | (y & 3) << 4;
    let (x4, x5, x6, x7) = (bit(x, 4), bit(x, 5), bit(x, 6), bit(x, 7));
    let (y2, y3, y4, y5) = (bit(y, 2), bit(y, 3), bit(y, 4), bit(y, 5));
    let upper: [u64; 6] = match bytes_per_pixel {
        1 => [y2, x4, y3, x5, y4, y5],
        2 | 4 => [y2, x4, y3, x5, y4, x6],
        _ => [x4, y2, x5, y3, x6, x7],
    };
    upper
        .iter()
        .enumerate()
        .fold(line, |offset, (n, bit)| offset | bit << (6 + n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn offset_when_x_tiled_walks_rows_of_512_bytes() {
        assert_eq!(Tiling::X.offset(5, 0, 2048, 4), 5);
        assert_eq!(Tiling::X.offset(0, 1, 2048, 4), 512);
        assert_eq!(Tiling::X.offset(512, 0, 2048, 4), 4096);
        assert_eq!(Tiling::X.offset(0, 8, 2048, 4), 4 * 4096);
    }

    #[test]
    fn offset_when_y_tiled_walks_columns_of_16_bytes() {
        assert_eq!(Tiling::Y.offset(16, 0, 1024, 4), 512);
        assert_eq!(Tiling::Y.offset(3, 2, 1024, 4), 35);
        assert_eq!(Tiling::Y.offset(128, 32, 1024, 4), (8 + 1) * 4096);
    }

    #[test]
    fn offset_when_linear_is_row_times_stride() {
        assert_eq!(Tiling::Linear.offset(7, 3, 4096, 4), 3 * 4096 + 7);
    }

    #[test]
    fn tile_when_walked_covers_each_byte_once() {
        for tiling in [Tiling::X, Tiling::Y, Tiling::Yf] {
            for bytes_per_pixel in [1, 2, 4, 8] {
                let width = tiling.tile_width(bytes_per_pixel);
                let rows = TILE_SIZE / width;
                let seen: HashSet<u64> = (0..TILE_SIZE)
                    .map(|n| tiling.offset(n % width, n / width % rows, width, bytes_per_pixel))
                    .collect();
                assert_eq!(seen.len() as u64, TILE_SIZE, "{tiling:?} {bytes_per_pixel}");
                assert_eq!(seen.iter().max(), Some(&(TILE_SIZE - 1)));
            }
        }
    }
}
