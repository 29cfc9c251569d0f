// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What screens show: pictures that scripts ask for, and how they are compared.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{bail, ensure, Context as _, Result};

mod formats;
mod write;

/// Defines `picture NAME` in a script, which may be one for busybox: the machine outside keeps a picture
/// of the screen under that name.
pub const SCRIPT: &str = r#"
picture() {
	cat /sys/bus/pci/devices/0000:00:02.0/config >/dev/null
	echo "picture $1" >&3
	read -r answer <&3
	[ "$answer" = go ] || { echo "no picture $1: $answer" >&2; return 1; }
}
"#;

/// How the names of folders with pictures begin that are not what they should be.
const KEPT: &str = "kvmgt-pictures-";

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

    /// How many pixels have that colour.
    pub fn area(&self, colour: Pixel) -> usize {
        self.pixels.iter().filter(|pixel| **pixel == colour).count()
    }

    /// Lays something over it: `pixel` tells what of it is at a place, counted from its own corner, which
    /// is at `corner`. What is outside is left out.
    pub fn lay_over(
        &mut self,
        corner: (i32, i32),
        (width, height): (u32, u32),
        pixel: impl Fn(u32, u32) -> Option<Pixel>,
    ) {
        for y in 0..height {
            for x in 0..width {
                let at = |corner: i32, offset: u32| {
                    usize::try_from(i64::from(corner) + i64::from(offset)).ok()
                };
                let place = at(corner.0, x).zip(at(corner.1, y));
                let place = place.and_then(|(x, y)| self.place(x, y));
                if let Some((place, pixel)) = place.zip(pixel(x, y)) {
                    self.pixels[place] = pixel;
                }
            }
        }
    }

    /// Fails unless it is that one, pixel by pixel.
    ///
    /// # Errors
    ///
    /// Tells how many pixels differ, and the first that does.
    pub fn expect(&self, wanted: &Self) -> Result<()> {
        ensure!(
            self.size() == wanted.size(),
            "the picture has {}, not {}",
            self.size(),
            wanted.size()
        );
        let pairs = self.pixels.iter().zip(&wanted.pixels).enumerate();
        let mut others = pairs.filter(|(_, (found, wanted))| found != wanted);
        let Some((place, (found, wanted))) = others.next() else {
            return Ok(());
        };
        let (x, y) = (place % self.width, place / self.width);
        bail!(
            "{} pixels differ; the first, at {x},{y}, is {found:02x?}, not {wanted:02x?}",
            1 + others.count()
        )
    }

    /// As [`expect`](Self::expect), and keeps both for people to look at if they differ.
    ///
    /// # Errors
    ///
    /// Tells where they are, too.
    pub fn expect_or_keep(&self, wanted: &Self) -> Result<()> {
        let Err(error) = self.expect(wanted) else {
            return Ok(());
        };
        let folder = tempfile::Builder::new().prefix(KEPT).tempdir()?.keep();
        self.write(&folder.join("shown.png"))?;
        wanted.write(&folder.join("wanted.png"))?;
        Err(error.context(format!("both are kept in {}", folder.display())))
    }

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
    fn expect_when_a_pixel_differs_then_tells_which() {
        let mut other = grey(4, 3);
        other.lay_over((2, 1), (1, 1), |_, _| Some([9; 3]));

        let error = other.expect(&grey(4, 3)).unwrap_err().to_string();

        assert!(error.contains("1 pixels differ"), "{error}");
        assert!(error.contains("at 2,1"), "{error}");
        assert!(grey(4, 3).expect(&grey(4, 3)).is_ok());
        assert!(grey(4, 3).expect(&grey(3, 4)).is_err());
    }

    #[test]
    fn lay_over_when_partly_outside_then_only_what_is_inside() {
        let mut picture = Picture::new(3, 3, |_, _| [0; 3]);

        picture.lay_over((-1, 2), (2, 2), |x, y| Some([x as u8 + 1, y as u8, 0]));

        assert_eq!(picture.area([0; 3]), 8);
        assert_eq!(picture.pixel(0, 2), Some([2, 0, 0]));
        assert_eq!(picture.pixel(3, 2), None);
    }

    #[test]
    fn beside_when_sizes_differ_then_tops_are_level() {
        let all = Picture::beside(&[grey(2, 3), grey(1, 1)], 1, [99; 3]);

        assert_eq!(all.size(), "6x5");
        assert_eq!(all.pixel(1, 1), Some([0; 3]));
        assert_eq!(all.pixel(2, 3), Some([3; 3]));
        assert_eq!(all.pixel(4, 1), Some([0; 3]));
        assert_eq!(all.area([99; 3]), 30 - 6 - 1);
    }
}
