// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The formats in which programs of VMs give pictures: `xwd`, and QEMU's `screendump`.

use anyhow::{bail, ensure, Context as _, Result};

use super::Picture;

/// Words of a dump's header that are read (`X11/XWDFile.h`), all of them big-endian.
mod xwd {
    /// Bytes of the header, with the window's name behind it.
    pub const HEADER_SIZE: usize = 0;
    pub const VERSION: usize = 1;
    pub const WIDTH: usize = 4;
    pub const HEIGHT: usize = 5;
    pub const BYTE_ORDER: usize = 7;
    pub const BITS_PER_PIXEL: usize = 11;
    pub const BYTES_PER_LINE: usize = 12;
    /// Entries of the colour map behind the header.
    pub const COLOURS: usize = 19;
    /// Bytes of such an entry.
    pub const COLOUR_SIZE: usize = 12;
    /// The one version that there is.
    pub const VERSION_7: u32 = 7;
    /// The only kind of pixels that is read: of 32 bits, blue first.
    pub const LITTLE_ENDIAN: u32 = 0;
}

impl Picture {
    /// The picture in what `xwd` writes.
    ///
    /// # Errors
    ///
    /// It is none, or its pixels are not of 32 bits.
    pub fn from_xwd(bytes: &[u8]) -> Result<Self> {
        let word = |number: usize| {
            let word = bytes.get(4 * number..4 * number + 4);
            let word = word.context("a dump of X that ends early")?;
            anyhow::Ok(u32::from_be_bytes(word.try_into()?))
        };
        let number = |place| anyhow::Ok(word(place)? as usize);
        ensure!(
            word(xwd::VERSION)? == xwd::VERSION_7
                && word(xwd::BITS_PER_PIXEL)? == 32
                && word(xwd::BYTE_ORDER)? == xwd::LITTLE_ENDIAN,
            "no dump of X with pixels of 32 bits"
        );
        let (width, height) = (number(xwd::WIDTH)?, number(xwd::HEIGHT)?);
        let line = number(xwd::BYTES_PER_LINE)?;
        let start = number(xwd::HEADER_SIZE)? + number(xwd::COLOURS)? * xwd::COLOUR_SIZE;
        let pixels = bytes.get(start..start + line * height);
        let pixels = pixels.filter(|_| line >= 4 * width);
        let pixels = pixels.context("a dump of X that ends early")?;
        Ok(Self::new(width, height, |x, y| {
            let at = y * line + 4 * x;
            [pixels[at + 2], pixels[at + 1], pixels[at]]
        }))
    }

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

    /// A dump of two by one pixels, with a name and one colour, and longer lines than needed.
    fn dump() -> Vec<u8> {
        let mut words = [0u32; 25];
        words[xwd::HEADER_SIZE] = 104;
        words[xwd::VERSION] = xwd::VERSION_7;
        words[xwd::WIDTH] = 2;
        words[xwd::HEIGHT] = 1;
        words[xwd::BITS_PER_PIXEL] = 32;
        words[xwd::BYTES_PER_LINE] = 12;
        words[xwd::COLOURS] = 1;
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        bytes.extend([0; 4 + xwd::COLOUR_SIZE]);
        bytes.extend([3, 2, 1, 0, 6, 5, 4, 0, 9, 9, 9, 9]);
        bytes
    }

    #[test]
    fn from_xwd_when_whole_then_its_pixels() {
        let picture = Picture::from_xwd(&dump()).unwrap();

        assert_eq!(picture.size(), "2x1");
        assert_eq!(picture.pixel(0, 0), Some([1, 2, 3]));
        assert_eq!(picture.pixel(1, 0), Some([4, 5, 6]));
    }

    #[test]
    fn from_xwd_when_short_then_error() {
        let bytes = dump();

        assert!(Picture::from_xwd(&bytes[..bytes.len() - 1]).is_err());
        assert!(Picture::from_xwd(&bytes[..50]).is_err());
        assert!(Picture::from_xwd(&[]).is_err());
    }

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
