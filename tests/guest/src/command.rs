// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The commands that batches are made of (PRM Vol 2a, Gen8 and Gen9 forms).

/// Client 0 of the command streamer: MI.
const MI_OPCODE_SHIFT: u32 = 23;
/// Does nothing.
const MI_NOOP: u32 = 0;
/// Ends a batch.
pub const MI_BATCH_BUFFER_END: u32 = 0x0a << MI_OPCODE_SHIFT;
/// Continues at another address; the length field says three dwords.
const MI_BATCH_BUFFER_START: u32 = 0x31 << MI_OPCODE_SHIFT | 1;
/// [`MI_BATCH_BUFFER_START`]: the address is in the context's own address space.
const ADDRESS_SPACE_PPGTT: u32 = 1 << 8;
/// Writes a dword; the length field says four dwords.
const MI_STORE_DATA_IMM: u32 = 0x20 << MI_OPCODE_SHIFT | 2;
/// An MI command that no generation has.
pub const MI_UNKNOWN: u32 = 0x3f << MI_OPCODE_SHIFT;

/// Client 2: the blitter's own commands.
const BLITTER: u32 = 2 << 29;
const BLITTER_OPCODE_SHIFT: u32 = 22;
/// Write all four channels of a pixel.
const WRITE_RGBA: u32 = 3 << 20;
/// Fills a rectangle; seven dwords.
const XY_COLOR_BLT: u32 = BLITTER | 0x50 << BLITTER_OPCODE_SHIFT | WRITE_RGBA | 5;
/// Copies a rectangle; ten dwords.
const XY_SRC_COPY_BLT: u32 = BLITTER | 0x53 << BLITTER_OPCODE_SHIFT | WRITE_RGBA | 8;
/// Pixels have 32 bits.
const DEPTH_32: u32 = 3 << 24;
/// Raster operation: the pattern, here the fill colour.
const ROP_PATTERN: u32 = 0xf0 << 16;
/// Raster operation: the source.
const ROP_SOURCE: u32 = 0xcc << 16;

/// A batch that does nothing.
pub fn nothing() -> Vec<u32> {
    vec![MI_NOOP, MI_BATCH_BUFFER_END]
}

/// A batch that stores one dword.
pub fn store(address: u64, value: u32) -> Vec<u32> {
    let [low, high] = halves(address);
    vec![MI_STORE_DATA_IMM, low, high, value, MI_BATCH_BUFFER_END]
}

/// A batch that jumps to `address`.
pub fn jump(address: u64) -> Vec<u32> {
    let [low, high] = halves(address);
    vec![MI_BATCH_BUFFER_START | ADDRESS_SPACE_PPGTT, low, high]
}

/// Pixels of 32 bits in memory, row after row.
#[derive(Clone, Copy)]
pub struct Surface {
    /// Graphics address of the first pixel.
    pub address: u64,
    /// Bytes of a row.
    pub pitch: u32,
}

/// A part of a surface.
#[derive(Clone, Copy)]
pub struct Rectangle {
    /// Left edge, in pixels.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Pixels a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Rectangle {
    /// Whether a pixel lies inside.
    pub fn contains(&self, x: u32, y: u32) -> bool {
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }

    fn corners(&self) -> [u32; 2] {
        [
            point(self.x, self.y),
            point(self.x + self.width, self.y + self.height),
        ]
    }
}

/// A batch that fills a rectangle.
pub fn fill(to: Surface, area: Rectangle, colour: u32) -> Vec<u32> {
    let [low, high] = halves(to.address);
    let [start, end] = area.corners();
    vec![
        XY_COLOR_BLT,
        DEPTH_32 | ROP_PATTERN | to.pitch,
        start,
        end,
        low,
        high,
        colour,
        MI_BATCH_BUFFER_END,
    ]
}

/// A batch that copies what is at `(x, y)` of one surface into a rectangle of another.
pub fn copy(from: Surface, (x, y): (u32, u32), to: Surface, area: Rectangle) -> Vec<u32> {
    let [to_low, to_high] = halves(to.address);
    let [from_low, from_high] = halves(from.address);
    let [start, end] = area.corners();
    vec![
        XY_SRC_COPY_BLT,
        DEPTH_32 | ROP_SOURCE | to.pitch,
        start,
        end,
        to_low,
        to_high,
        point(x, y),
        from.pitch,
        from_low,
        from_high,
        MI_BATCH_BUFFER_END,
    ]
}

fn point(x: u32, y: u32) -> u32 {
    y << 16 | x
}

fn halves(address: u64) -> [u32; 2] {
    [address as u32, (address >> 32) as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_when_address_is_above_4_gib_then_both_halves_are_there() {
        let batch = store(0x1_2345_6000, 7);

        assert_eq!(batch[1..4], [0x2345_6000, 1, 7]);
    }

    #[test]
    fn rectangle_when_pixel_is_on_the_far_edge_then_outside() {
        let area = Rectangle {
            x: 2,
            y: 3,
            width: 4,
            height: 5,
        };

        assert!(area.contains(2, 3) && area.contains(5, 7));
        assert!(!area.contains(6, 7) && !area.contains(5, 8));
    }
}
