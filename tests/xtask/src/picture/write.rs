// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Small files of pictures.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use png::{BitDepth, ColorType, Compression, Encoder};

use super::{Picture, Pixel};

/// The most colours that pixels can be numbers of.
const MOST_COLOURS: usize = 256;
/// The most of which a number takes half a byte.
const FEW_COLOURS: usize = 16;

impl Picture {
    /// Writes it as a PNG: with a palette if that can be.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn write(&self, file: &Path) -> Result<()> {
        let opened = File::create(file);
        let opened = opened.with_context(|| format!("cannot write {}", file.display()))?;
        let mut writer = BufWriter::new(opened);
        self.encode(&mut writer)?;
        Ok(writer.flush()?)
    }

    fn encode(&self, writer: impl Write) -> Result<()> {
        let (width, height) = (u32::try_from(self.width)?, u32::try_from(self.height)?);
        let mut encoder = Encoder::new(writer, width, height);
        encoder.set_compression(Compression::Best);
        let colours = self.colours();
        let data = match &colours {
            Some(colours) => {
                encoder.set_color(ColorType::Indexed);
                encoder.set_palette(colours.keys().copied().collect::<Vec<_>>().concat());
                match colours.len() > FEW_COLOURS {
                    true => self.pixels.iter().map(|pixel| colours[pixel]).collect(),
                    false => {
                        encoder.set_depth(BitDepth::Four);
                        self.halves(colours)
                    }
                }
            }
            None => {
                encoder.set_color(ColorType::Rgb);
                self.pixels.concat()
            }
        };
        encoder.write_header()?.write_image_data(&data)?;
        Ok(())
    }

    /// The numbers of pixels, two in a byte; each row begins with a new one.
    fn halves(&self, colours: &BTreeMap<Pixel, u8>) -> Vec<u8> {
        let number = |pixel: Option<&Pixel>| pixel.map_or(0, |pixel| colours[pixel]);
        let rows = self.pixels.chunks_exact(self.width.max(1));
        rows.flat_map(|row| row.chunks(2))
            .map(|pair| number(pair.first()) << 4 | number(pair.get(1)))
            .collect()
    }

    /// All colours with their numbers, if that are not too many.
    fn colours(&self) -> Option<BTreeMap<Pixel, u8>> {
        let all: BTreeSet<Pixel> = self.pixels.iter().copied().collect();
        (all.len() <= MOST_COLOURS).then(|| all.into_iter().zip(0..=u8::MAX).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of a picture that was written, and how many bytes that took.
    fn again(picture: &Picture) -> (Picture, u64) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("picture.png");
        picture.write(&file).unwrap();
        let size = file.metadata().unwrap().len();
        (Picture::read(&file).unwrap(), size)
    }

    #[test]
    fn write_when_read_again_then_the_same() {
        for colours in [2, 16, 17, 256, 257, 4000] {
            let picture = Picture::new(93, 71, |x, y| {
                let number = (y * 93 + x) % colours;
                [number as u8, (number >> 8) as u8, 7]
            });

            let (read, _) = again(&picture);

            assert!(read == picture, "{colours} colours");
        }
    }

    #[test]
    fn write_when_colours_are_few_then_file_is_small() {
        let picture = Picture::new(1024, 768, |x, y| [((x / 8) ^ (y / 16)) as u8 & 3; 3]);

        let (_, size) = again(&picture);

        assert!(size < 20_000, "{size} bytes");
    }
}
