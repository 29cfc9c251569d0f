// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Pictures of what screens show.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{ensure, Context as _, Result};

mod write;

/// Red, green and blue.
pub type Pixel = [u8; 3];

/// A picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels of a row.
    pub width: usize,
    /// How many rows there are.
    pub height: usize,
    pixels: Vec<Pixel>,
}

impl Picture {
    /// What `pixel` says of each place.
    pub fn new(width: usize, height: usize, pixel: impl Fn(usize, usize) -> Pixel) -> Self {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Self {
            width,
            height,
            pixels: places.map(|(x, y)| pixel(x, y)).collect(),
        }
    }

    /// The picture in a PNG.
    ///
    /// # Errors
    ///
    /// It is none in colour.
    pub fn read(file: &Path) -> Result<Self> {
        let opened = File::open(file);
        let opened = opened.with_context(|| format!("there is no picture {}", file.display()))?;
        let mut decoder = png::Decoder::new(BufReader::new(opened));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info()?;
        let mut bytes = vec![0; reader.output_buffer_size()];
        let info = reader.next_frame(&mut bytes)?;
        let samples = info.color_type.samples();
        ensure!(
            samples >= 3 && info.bit_depth == png::BitDepth::Eight,
            "the picture is not in colour"
        );
        Ok(Self {
            width: info.width as usize,
            height: info.height as usize,
            pixels: bytes[..info.buffer_size()]
                .chunks_exact(samples)
                .map(|pixel| [pixel[0], pixel[1], pixel[2]])
                .collect(),
        })
    }

    /// Its size, as modes are called.
    #[cfg(test)]
    pub fn size(&self) -> String {
        format!("{}x{}", self.width, self.height)
    }

    /// The pixel at a place.
    #[cfg(test)]
    pub fn pixel(&self, x: usize, y: usize) -> Option<Pixel> {
        self.pixels.get(self.place(x, y)?).copied()
    }

    /// Pictures side by side on a background, with a margin around each.
    pub fn beside(pictures: &[Self], margin: usize, background: Pixel) -> Self {
        let widths = pictures.iter().map(|picture| picture.width + margin);
        let heights = pictures.iter().map(|picture| picture.height);
        let width = margin + widths.sum::<usize>();
        let height = 2 * margin + heights.max().unwrap_or_default();
        let mut all = Self::new(width, height, |_, _| background);
        let mut left = margin;
        for picture in pictures {
            for (y, row) in picture
                .pixels
                .chunks_exact(picture.width.max(1))
                .enumerate()
            {
                let start = (margin + y) * width + left;
                all.pixels[start..start + row.len()].copy_from_slice(row);
            }
            left += picture.width + margin;
        }
        all
    }

    #[cfg(test)]
    fn place(&self, x: usize, y: usize) -> Option<usize> {
        (x < self.width && y < self.height).then(|| y * self.width + x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: usize, height: usize) -> Picture {
        Picture::new(width, height, |x, y| [(x + y) as u8; 3])
    }

    #[test]
    fn beside_when_sizes_differ_then_tops_are_level() {
        let all = Picture::beside(&[grey(2, 3), grey(1, 1)], 1, [99; 3]);

        assert_eq!(all.size(), "6x5");
        assert_eq!(all.pixel(1, 1), Some([0; 3]));
        assert_eq!(all.pixel(2, 3), Some([3; 3]));
        assert_eq!(all.pixel(4, 1), Some([0; 3]));
        assert_eq!(all.pixel(4, 2), Some([99; 3]));
    }
}
