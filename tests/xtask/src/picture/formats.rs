// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The format in which QEMU's `screendump` gives pictures.

use anyhow::{bail, ensure, Result};

use super::Picture;

impl Picture {
    /// The picture in a binary PPM.
    ///
    /// # Errors
    ///
    /// It is none with eight bits a colour.
    pub fn from_ppm(bytes: &[u8]) -> Result<Self> {
        let mut rest = bytes;
        let mut word = || {
            let end = rest.iter().position(u8::is_ascii_whitespace)?;
            let (word, after) = rest.split_at(end);
            rest = &after[1..];
            std::str::from_utf8(word).ok()
        };
        let head = [word(), word(), word(), word()];
        let [Some("P6"), Some(width), Some(height), Some("255")] = head else {
            bail!("no PPM with eight bits a colour");
        };
        let (width, height): (usize, usize) = (width.parse()?, height.parse()?);
        ensure!(rest.len() >= 3 * width * height, "a PPM that ends early");
        Ok(Self::new(width, height, |x, y| {
            let at = 3 * (y * width + x);
            [rest[at], rest[at + 1], rest[at + 2]]
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_ppm_when_whole_then_its_pixels() {
        let picture = Picture::from_ppm(b"P6\n1 2\n255\n\x01\x02\x03\x0a\x0b\x0c").unwrap();

        assert_eq!(picture.size(), "1x2");
        assert_eq!(picture.pixel(0, 1), Some([10, 11, 12]));
    }

    #[test]
    fn from_ppm_when_short_or_another_format_then_error() {
        for bytes in [
            &b"P6\n1 2\n255\n\x01\x02\x03"[..],
            b"P5\n1 1\n255\n\x01",
            b"P6",
        ] {
            assert!(Picture::from_ppm(bytes).is_err());
        }
    }
}
