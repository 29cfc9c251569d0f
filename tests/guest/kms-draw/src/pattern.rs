// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is drawn. Whoever compares a picture with it computes the same.

/// Width and height of a sprite.
pub const SPRITE: (u32, u32) = (200, 120);
/// Width and height of a cursor, of the size that all GPUs have.
pub const CURSOR: (u32, u32) = (64, 64);

/// Which picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Each pixel tells its place: eight bits of `x` are its red, of `y` its green, and the rest of both
    /// its blue.
    Screen,
    /// The opposite colours.
    Sprite,
    /// White on the left and black on the right of a diagonal, and nothing in the corners.
    Cursor,
}

impl Pattern {
    /// The pixel at a place, as `0xAARRGGBB`.
    pub fn pixel(self, x: u32, y: u32) -> u32 {
        let place =
            0xff << 24 | (x & 0xff) << 16 | (y & 0xff) << 8 | (x >> 8 & 0xf) << 4 | y >> 8 & 0xf;
        match self {
            Self::Screen => place,
            Self::Sprite => place ^ 0x00ff_ffff,
            Self::Cursor => match (x + y, x > y) {
                (..=15 | 111.., _) => 0,
                (_, false) => 0xffff_ffff,
                (_, true) => 0xff00_0000,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixel_then_tells_its_place() {
        assert_eq!(Pattern::Screen.pixel(0x123, 0x456), 0xff23_5614);
        assert_eq!(Pattern::Sprite.pixel(0x23, 0x56), 0xffdc_a9ff);
        assert_eq!(Pattern::Cursor.pixel(0, 0), 0);
        assert_eq!(Pattern::Cursor.pixel(20, 30), 0xffff_ffff);
        assert_eq!(Pattern::Cursor.pixel(30, 20), 0xff00_0000);
    }
}
