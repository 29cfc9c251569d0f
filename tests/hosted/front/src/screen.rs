// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The screen of a vGPU as a picture, and the picture as a PNG.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{anyhow, Context, Result};
use kernel::error::Error;
use kvmgt_core::display::picture::Canvas;
use kvmgt_core::display::Resolution;

use crate::device::locked::Locked;

/// Bytes of a pixel of a [`Picture`].
const PIXEL: usize = 3;

/// Red, green and blue of all pixels, row after row.
pub struct Picture {
    size: Resolution,
    rgb: Vec<u8>,
}

impl Picture {
    /// A black one.
    fn new(size: Resolution) -> Self {
        Self {
            size,
            rgb: vec![0; size.width as usize * size.height as usize * PIXEL],
        }
    }

    /// Writes it as a PNG.
    ///
    /// # Errors
    ///
    /// What the writer says.
    pub fn write_png(&self, writer: impl Write) -> Result<(), png::EncodingError> {
        let mut encoder = png::Encoder::new(writer, self.size.width, self.size.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&self.rgb)
    }
}

impl Canvas for Picture {
    fn put(&mut self, y: u32, pixels: &[u32]) {
        let row = self.size.width as usize * PIXEL;
        let start = row * y as usize;
        let places = self.rgb.get_mut(start..start + row).unwrap_or_default();
        for (place, pixel) in places.chunks_exact_mut(PIXEL).zip(pixels) {
            let [_, rgb @ ..] = pixel.to_be_bytes();
            place.copy_from_slice(&rgb);
        }
    }
}

/// The screen of a vGPU, for any thread to look at.
pub struct Screen<'a>(pub(crate) Arc<Locked<'a>>);

impl Screen<'_> {
    /// What is on it; `None` if the display is off.
    ///
    /// # Errors
    ///
    /// There is no memory, or the vGPU is gone.
    pub fn picture(&self) -> Result<Option<Picture>> {
        let picture = self.0.with(|vgpu, world| {
            let Some(frame) = vgpu.frame(world.device) else {
                return Ok(None);
            };
            let mut picture = Picture::new(frame.size);
            vgpu.draw(world, &frame, 0..frame.size.height, &mut picture)?;
            Ok(Some(picture))
        });
        picture.map_err(|error: Error| anyhow!("the screen cannot be read: {error:?}"))
    }

    /// Writes a PNG of it.
    ///
    /// # Errors
    ///
    /// The display is off; those of [`picture`](Self::picture) and of the file.
    pub fn write_png(&self, path: &Path) -> Result<()> {
        let picture = self.picture()?.context("the display is off")?;
        let file = File::create(path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        let mut file = BufWriter::new(file);
        picture.write_png(&mut file)?;
        Ok(file.flush()?)
    }

    /// What the control socket says to a line: `ok …` or `error …`.
    pub fn answer(&self, line: &str) -> String {
        match line.split_once(' ') {
            Some(("screenshot", file)) => match self.write_png(Path::new(file)) {
                Ok(()) => format!("ok {file}"),
                Err(error) => format!("error {error:#}"),
            },
            _ => "error unknown command; expected screenshot FILE".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of so many pixels.
    fn picture(width: u32, height: u32) -> Picture {
        Picture::new(Resolution { width, height })
    }

    #[test]
    fn put_when_rows_come_then_red_is_first() {
        let mut picture = picture(2, 2);

        picture.put(1, &[0x0012_3456, 0x0000_00ff]);

        assert_eq!(
            picture.rgb,
            [0, 0, 0, 0, 0, 0, 0x12, 0x34, 0x56, 0, 0, 0xff]
        );
    }

    #[test]
    fn put_when_row_or_pixels_are_outside_then_left_out() {
        let mut picture = picture(1, 1);

        picture.put(0, &[1, 2]);
        picture.put(1, &[3]);

        assert_eq!(picture.rgb, [0, 0, 1]);
    }

    #[test]
    fn put_when_picture_is_empty_then_nothing() {
        let mut picture = picture(0, 7);

        picture.put(0, &[1]);

        assert!(picture.rgb.is_empty());
    }
}
