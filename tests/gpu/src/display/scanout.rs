// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a monitor would show: layers composed to a picture, and the picture as a PNG.

use std::io::Write;

use crate::address::GgttAddress;

use super::plane::Layer;
use super::tiling::{Tiling, TILE_SIZE};
use super::FrameMemory;

/// Colour of pixels whose memory is not mapped: hardware shows garbage, this shows a fault.
const UNMAPPED: [u8; 4] = [255, 0, 255, 255];

/// An image of 8-bit red, green and blue.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Rows from the top, three bytes a pixel.
    pub rgb: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}x{})", self.width, self.height)
    }
}

impl Picture {
    /// A black picture.
    pub fn black(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            rgb: vec![0; width as usize * height as usize * 3],
        }
    }

    /// Red, green and blue at a place; `None` outside.
    pub fn pixel(&self, x: u32, y: u32) -> Option<[u8; 3]> {
        if x >= self.width {
            return None;
        }
        let at = (y as usize * self.width as usize + x as usize) * 3;
        self.rgb.get(at..at + 3)?.try_into().ok()
    }

    /// Puts `layer` over what is there.
    pub fn add(&mut self, layer: &Layer, memory: &dyn FrameMemory) {
        let (width, height) = layer.size;
        for row in 0..height {
            let shown = if layer.rotated_180 {
                height - 1 - row
            } else {
                row
            };
            let y = i64::from(layer.position.1) + i64::from(shown);
            if y < 0 || y >= i64::from(self.height) {
                continue;
            }
            let pixels = read_row(layer, layer.source.1 + row, memory);
            for (column, raw) in (0..width).zip(pixels) {
                let shown = if layer.rotated_180 {
                    width - 1 - column
                } else {
                    column
                };
                let x = i64::from(layer.position.0) + i64::from(shown);
                if x < 0 || x >= i64::from(self.width) {
                    continue;
                }
                let colour = raw.map_or(UNMAPPED, |raw| layer.format.decode(raw));
                let at = (y as usize * self.width as usize + x as usize) * 3;
                blend(&mut self.rgb[at..at + 3], colour, layer.premultiplied);
            }
        }
    }

    /// Writes the picture as a PNG.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_png(&self, writer: impl Write) -> Result<(), png::EncodingError> {
        let mut encoder = png::Encoder::new(writer, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&self.rgb)
    }
}

/// Mixes a colour with alpha into one pixel.
fn blend(pixel: &mut [u8], [red, green, blue, alpha]: [u8; 4], premultiplied: bool) {
    let (alpha, rest) = (u32::from(alpha), 255 - u32::from(alpha));
    for (below, above) in pixel.iter_mut().zip([red, green, blue]) {
        let above = if premultiplied {
            u32::from(above) * 255
        } else {
            u32::from(above) * alpha
        };
        let mixed = (above + u32::from(*below) * rest + 127) / 255;
        *below = mixed.min(255) as u8;
    }
}

/// The stored pixels of one row of a layer; `None` where memory is not mapped.
fn read_row(layer: &Layer, row: u32, memory: &dyn FrameMemory) -> Vec<Option<u32>> {
    let pixel = u64::from(layer.format.bytes());
    let start = u64::from(layer.source.0) * pixel;
    let length = u64::from(layer.size.0) * pixel;
    let mut bytes = vec![0u8; length as usize];
    let mut mapped = vec![true; layer.size.0 as usize];
    let mut at = start;
    while at < start + length {
        let run = contiguous(layer.tiling, layer, at, row).min(start + length - at);
        let range = (at - start) as usize..(at - start + run) as usize;
        if memory
            .read(address_of(layer, at, row), &mut bytes[range.clone()])
            .is_err()
        {
            let pixels = range.start / pixel as usize..range.end.div_ceil(pixel as usize);
            mapped[pixels].fill(false);
        }
        at += run;
    }
    bytes
        .chunks(pixel as usize)
        .zip(mapped)
        .map(|(chunk, mapped)| {
            let mut raw = [0; 4];
            raw[..chunk.len()].copy_from_slice(chunk);
            mapped.then_some(u32::from_le_bytes(raw))
        })
        .collect()
}

/// The address of a byte of a row.
fn address_of(layer: &Layer, x: u64, row: u32) -> GgttAddress {
    let offset = layer
        .tiling
        .offset(x, u64::from(row), layer.stride, layer.format.bytes());
    layer.base.add(offset)
}

/// How many bytes from `x` on are neighbours in memory and on one page.
fn contiguous(tiling: Tiling, layer: &Layer, x: u64, row: u32) -> u64 {
    match tiling {
        Tiling::Linear => TILE_SIZE - address_of(layer, x, row).0 % TILE_SIZE,
        Tiling::X => 512 - x % 512,
        Tiling::Y | Tiling::Yf => 16 - x % 16,
    }
}

/// A number that changes when what `layers` show changes, without composing them.
pub fn fingerprint(layers: &[Layer], memory: &dyn FrameMemory) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    let mut page = [0u8; TILE_SIZE as usize];
    for layer in layers {
        hasher.update(format!("{layer:?}").as_bytes());
        let height = match layer.tiling {
            Tiling::Linear => 1,
            _ => 64,
        };
        let rows = u64::from(layer.source.1 + layer.size.1).next_multiple_of(height);
        let bytes = rows.saturating_mul(layer.stride);
        for offset in (0..bytes).step_by(TILE_SIZE as usize) {
            match memory.read(layer.base.add(offset), &mut page) {
                Ok(()) => hasher.update(&page),
                Err(_) => hasher.update(b"unmapped"),
            }
        }
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::super::plane::Format;
    use super::*;
    use crate::address::DmaAddress;
    use crate::memory::DmaFault;

    /// Memory that is a flat array, with a hole from `end` on.
    struct Flat(Vec<u8>);

    impl FrameMemory for Flat {
        fn read(&self, address: GgttAddress, data: &mut [u8]) -> Result<(), DmaFault> {
            let fault = DmaFault {
                address: DmaAddress(address.0),
                length: data.len(),
            };
            let start = address.0 as usize;
            data.copy_from_slice(self.0.get(start..start + data.len()).ok_or(fault)?);
            Ok(())
        }
    }

    fn layer(tiling: Tiling, size: (u32, u32)) -> Layer {
        Layer {
            base: GgttAddress(0),
            tiling,
            stride: 1024,
            format: Format::Xrgb8888,
            size,
            source: (0, 0),
            position: (0, 0),
            rotated_180: false,
            premultiplied: false,
        }
    }

    /// Stores a pixel value that names its place.
    fn painted(layer: &Layer) -> Flat {
        let mut bytes = vec![0; 1 << 20];
        for y in 0..layer.size.1 {
            for x in 0..layer.size.0 {
                let at = address_of(layer, u64::from(x) * 4, y).0 as usize;
                bytes[at..at + 4].copy_from_slice(&(x << 8 | y).to_le_bytes());
            }
        }
        Flat(bytes)
    }

    #[test]
    fn surface_when_tiled_is_shown_as_it_was_painted() {
        for tiling in [Tiling::Linear, Tiling::X, Tiling::Y, Tiling::Yf] {
            let layer = layer(tiling, (200, 70));
            let mut picture = Picture::black(200, 70);

            picture.add(&layer, &painted(&layer));

            for (x, y) in [(0, 0), (199, 69), (77, 33), (130, 8)] {
                assert_eq!(
                    picture.pixel(x, y),
                    Some([0, x as u8, y as u8]),
                    "{tiling:?}"
                );
            }
        }
    }

    #[test]
    fn layer_when_rotated_begins_at_the_far_corner() {
        let layer = Layer {
            rotated_180: true,
            ..layer(Tiling::Linear, (8, 4))
        };
        let mut picture = Picture::black(8, 4);

        picture.add(&layer, &painted(&layer));

        assert_eq!(picture.pixel(7, 3), Some([0, 0, 0]));
        assert_eq!(picture.pixel(0, 0), Some([0, 7, 3]));
    }

    #[test]
    fn layer_when_partly_outside_is_clipped() {
        let layer = Layer {
            position: (-2, 3),
            ..layer(Tiling::Linear, (8, 4))
        };
        let mut picture = Picture::black(8, 4);

        picture.add(&layer, &painted(&layer));

        assert_eq!(picture.pixel(0, 3), Some([0, 2, 0]));
        assert_eq!(picture.pixel(7, 3), Some([0, 0, 0]));
        assert_eq!(picture.pixel(8, 0), None);
    }

    #[test]
    fn memory_when_unmapped_is_shown_in_magenta() {
        let layer = layer(Tiling::Linear, (4, 1));
        let mut picture = Picture::black(4, 1);

        picture.add(&layer, &Flat(Vec::new()));

        assert_eq!(picture.pixel(0, 0), Some([255, 0, 255]));
    }

    #[test]
    fn cursor_when_half_transparent_is_mixed() {
        let mut pixel = [100, 100, 100];

        blend(&mut pixel, [255, 0, 0, 128], false);

        assert_eq!(pixel, [178, 50, 50]);
    }

    #[test]
    fn fingerprint_when_a_pixel_changes_differs() {
        let layer = layer(Tiling::X, (100, 50));
        let mut memory = painted(&layer);
        let before = fingerprint(&[layer], &memory);

        assert_eq!(fingerprint(&[layer], &memory), before);
        memory.0[4097] ^= 1;
        assert_ne!(fingerprint(&[layer], &memory), before);
    }

    #[test]
    fn png_when_written_has_its_signature_and_size() {
        let mut bytes = Vec::new();

        Picture::black(3, 2).write_png(&mut bytes).unwrap();

        assert_eq!(bytes[..8], [0x89, b'P', b'N', b'G', 13, 10, 26, 10]);
        assert_eq!(bytes[16..24], [0, 0, 0, 3, 0, 0, 0, 2]);
    }
}
