// SPDX-License-Identifier: GPL-2.0 OR MIT
//! EDIDs (VESA E-EDID 1.4): what is in one, and one for a resolution.

use anyhow::{ensure, Context, Result};

/// Bytes of a block.
pub const BLOCK: usize = 128;
const HEADER: [u8; 8] = [0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0];
/// Where things are in the first block: version, the first detailed timing, how many blocks follow.
const VERSION: usize = 18;
const DETAILED: usize = 54;
const DETAILED_SIZE: usize = 18;
const EXTENSIONS: usize = 126;
/// A detailed timing's clock is in units of this, in Hz.
const CLOCK_UNIT: u64 = 10_000;

/// What is of interest in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edid {
    /// The preferred width and height.
    pub preferred: (u32, u32),
    /// How many frames a second that has, rounded down.
    pub rate: u64,
    /// How many blocks follow the first.
    pub extensions: usize,
}

impl Edid {
    /// Reads one.
    ///
    /// # Errors
    /// It is none, and why.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let first = bytes.get(..BLOCK).context("an EDID of less than a block")?;
        ensure!(first.starts_with(&HEADER), "no EDID begins like that");
        ensure!(first[VERSION] == 1, "an EDID of version {}", first[VERSION]);
        let extensions = first[EXTENSIONS].into();
        ensure!(
            bytes.len() == BLOCK * (1 + extensions),
            "an EDID with {extensions} extensions has {} bytes",
            bytes.len()
        );
        for (number, block) in bytes.chunks(BLOCK).enumerate() {
            let sum = block.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
            ensure!(sum == 0, "the sum of block {number} of an EDID is {sum:#x}");
        }
        let timing = &first[DETAILED..DETAILED + DETAILED_SIZE];
        let clock = u64::from(u16::from_le_bytes([timing[0], timing[1]])) * CLOCK_UNIT;
        ensure!(clock > 0, "the first detailed timing is none");
        let wide = |low: u8, high: u8| u32::from(low) | u32::from(high) << 8;
        let (width, blank_width) = (
            wide(timing[2], timing[4] >> 4),
            wide(timing[3], timing[4] & 0xf),
        );
        let (height, blank_height) = (
            wide(timing[5], timing[7] >> 4),
            wide(timing[6], timing[7] & 0xf),
        );
        let pixels = u64::from(width + blank_width) * u64::from(height + blank_height);
        ensure!(width > 0 && height > 0, "a timing without pixels");
        Ok(Self {
            preferred: (width, height),
            rate: clock / pixels,
            extensions,
        })
    }
}

/// One of a monitor with a resolution, at 60 Hz.
pub fn make(width: u32, height: u32) -> [u8; BLOCK] {
    /// What is blank in each direction; front porch and width of the sync in it.
    const BLANK: [u32; 2] = [160, 30];
    const SYNC: [u8; 2] = [48, 32];
    const SYNC_LINES: u8 = 3 << 4 | 6;
    const RATE: u64 = 60;
    let mut edid = [0; BLOCK];
    edid[..8].copy_from_slice(&HEADER);
    // The maker `SYN`, version 1.4, digital of 8 bits a colour by DisplayPort, sRGB's preferred timing.
    edid[8..10].copy_from_slice(&[0x4f, 0x2e]);
    edid[VERSION..VERSION + 2].copy_from_slice(&[1, 4]);
    edid[20] = 0xa5;
    edid[23] = 120;
    edid[24] = 0x06;
    // No standard timings.
    edid[38..54].fill(1);
    let [blank_width, blank_height] = BLANK;
    let pixels = u64::from(width + blank_width) * u64::from(height + blank_height);
    let clock = (pixels * RATE).div_ceil(CLOCK_UNIT) as u16;
    let halves = |active: u32, blank: u32| {
        let high = (active >> 8 << 4 | blank >> 8) as u8;
        [active as u8, blank as u8, high]
    };
    let timing = &mut edid[DETAILED..DETAILED + DETAILED_SIZE];
    timing[..2].copy_from_slice(&clock.to_le_bytes());
    timing[2..5].copy_from_slice(&halves(width, blank_width));
    timing[5..8].copy_from_slice(&halves(height, blank_height));
    timing[8..10].copy_from_slice(&SYNC);
    timing[10] = SYNC_LINES;
    // Separate digital syncs.
    timing[17] = 0x18;
    // The other descriptors are dummies.
    for at in (DETAILED + DETAILED_SIZE..EXTENSIONS).step_by(DETAILED_SIZE) {
        edid[at + 3] = 0x10;
    }
    seal(&mut edid);
    edid
}

/// Corrects the sum of a block.
pub fn seal(block: &mut [u8; BLOCK]) {
    let sum = block[..BLOCK - 1]
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    block[BLOCK - 1] = sum.wrapping_neg();
}

#[cfg(test)]
mod tests {
    use super::{make, Edid};

    #[test]
    fn edid_when_made_then_says_what_it_was_made_for() {
        let edid = Edid::parse(&make(1920, 1200)).unwrap();

        assert_eq!(
            edid,
            Edid {
                preferred: (1920, 1200),
                rate: 60,
                extensions: 0
            }
        );
    }

    #[test]
    fn edid_when_a_byte_changes_then_is_none() {
        for at in 0..super::BLOCK {
            let mut edid = make(1024, 768);
            edid[at] ^= 1;

            assert!(Edid::parse(&edid).is_err(), "byte {at}");
        }
    }
}
