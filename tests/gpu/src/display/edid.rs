// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The monitor's EDID, generated from a list of modes.
//!
//! One 128-byte base block (VESA E-EDID 1.4): the first two modes become detailed timing
//! descriptors, all of them become standard timings where the format can express them.

/// Bytes of one EDID block.
pub const BLOCK_SIZE: usize = 128;

/// The fixed pattern that every EDID begins with.
const HEADER: [u8; 8] = [0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00];
/// Video input definition: digital, 8 bits a colour, no interface named.
const INPUT_DIGITAL_8BPC: u8 = 0xa0;
/// Features: RGB 4:4:4, the first detailed timing is the native mode.
const FEATURE_PREFERRED_TIMING: u8 = 0x02;
/// Display gamma 2.2, stored as (gamma * 100) - 100.
const GAMMA_2_2: u8 = 120;
/// sRGB chromaticity coordinates as the format packs them.
const SRGB_CHROMATICITY: [u8; 10] = [0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54];
/// An unused standard timing slot.
const STANDARD_UNUSED: [u8; 2] = [0x01, 0x01];
/// Offset of the first standard timing.
const STANDARD_OFFSET: usize = 38;
/// Number of standard timing slots.
const STANDARD_SLOTS: usize = 8;
/// Offset of the first 18-byte descriptor.
const DESCRIPTOR_OFFSET: usize = 54;
/// Bytes of one descriptor.
const DESCRIPTOR_SIZE: usize = 18;
/// Descriptor tag of the monitor's name.
const TAG_NAME: u8 = 0xfc;
/// Descriptor tag of the range limits.
const TAG_RANGE: u8 = 0xfd;
/// Detailed timing flags: digital separate sync; bits 2 and 1 are the two polarities.
const SYNC_DIGITAL_SEPARATE: u8 = 0x18;

/// A video mode with its exact timing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Pixel clock in kHz.
    pub clock_khz: u32,
    /// Active, sync start, sync end and total pixels of a line.
    pub horizontal: [u32; 4],
    /// Active, sync start, sync end and total lines of a frame.
    pub vertical: [u32; 4],
    /// Whether horizontal and vertical sync are positive.
    pub positive_sync: [bool; 2],
}

impl Mode {
    /// 1024×768 at 60 Hz (VESA DMT).
    pub const XGA: Mode = Mode {
        clock_khz: 65_000,
        horizontal: [1024, 1048, 1184, 1344],
        vertical: [768, 771, 777, 806],
        positive_sync: [false, false],
    };
    /// 1280×1024 at 60 Hz (VESA DMT).
    pub const SXGA: Mode = Mode {
        clock_khz: 108_000,
        horizontal: [1280, 1328, 1440, 1688],
        vertical: [1024, 1025, 1028, 1066],
        positive_sync: [true, true],
    };
    /// 1920×1080 at 60 Hz (CEA-861).
    pub const FULL_HD: Mode = Mode {
        clock_khz: 148_500,
        horizontal: [1920, 2008, 2052, 2200],
        vertical: [1080, 1084, 1089, 1125],
        positive_sync: [true, true],
    };

    /// Active size in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.horizontal[0], self.vertical[0])
    }

    /// Refresh rate in Hz, rounded.
    pub fn refresh_hz(&self) -> u32 {
        let pixels = u64::from(self.horizontal[3]) * u64::from(self.vertical[3]);
        ((u64::from(self.clock_khz) * 1000 + pixels / 2) / pixels) as u32
    }

    /// The two bytes of a standard timing, if the format has this aspect ratio.
    fn standard_timing(&self) -> Option<[u8; 2]> {
        let (width, height) = self.size();
        let aspect = match (width * 9 / height, width * 3 / height, width * 4 / height) {
            (16, _, _) => 3,
            (_, 4, _) => 1,
            (_, _, 5) => 2,
            _ => return None,
        };
        let columns = u8::try_from((width / 8).checked_sub(31)?).ok()?;
        let rate = u8::try_from(self.refresh_hz().checked_sub(60)?).ok()?;
        Some([columns, aspect << 6 | rate])
    }

    /// The 18 bytes of a detailed timing descriptor.
    fn detailed_timing(&self) -> [u8; DESCRIPTOR_SIZE] {
        let [h_active, h_sync, h_sync_end, h_total] = self.horizontal;
        let [v_active, v_sync, v_sync_end, v_total] = self.vertical;
        let (h_blank, v_blank) = (h_total - h_active, v_total - v_active);
        let (h_front, h_width) = (h_sync - h_active, h_sync_end - h_sync);
        let (v_front, v_width) = (v_sync - v_active, v_sync_end - v_sync);
        let clock = (self.clock_khz / 10) as u16;
        let (width_mm, height_mm) = (h_active / 4, v_active / 4);
        let low = |v: u32| v as u8;
        let high = |v: u32| (v >> 8) as u8 & 0xf;
        let sync = u8::from(self.positive_sync[1]) << 2 | u8::from(self.positive_sync[0]) << 1;
        [
            clock as u8,
            (clock >> 8) as u8,
            low(h_active),
            low(h_blank),
            high(h_active) << 4 | high(h_blank),
            low(v_active),
            low(v_blank),
            high(v_active) << 4 | high(v_blank),
            low(h_front),
            low(h_width),
            (v_front as u8 & 0xf) << 4 | (v_width as u8 & 0xf),
            ((h_front >> 8 & 3) << 6
                | (h_width >> 8 & 3) << 4
                | (v_front >> 4 & 3) << 2
                | (v_width >> 4 & 3)) as u8,
            low(width_mm),
            low(height_mm),
            high(width_mm) << 4 | high(height_mm),
            0,
            0,
            SYNC_DIGITAL_SEPARATE | sync,
        ]
    }
}

/// Builds the EDID of a monitor called `name` (at most 13 bytes) that offers `modes`.
///
/// The first mode is the preferred one. Modes beyond the second appear only as standard timings.
pub fn build(name: &str, modes: &[Mode]) -> [u8; BLOCK_SIZE] {
    let mut edid = [0u8; BLOCK_SIZE];
    edid[..8].copy_from_slice(&HEADER);
    edid[8..10].copy_from_slice(&manufacturer(b"GVT"));
    edid[10] = 9; // Product code, little endian: 9, for the GPU generation.
    edid[12] = 1; // Serial number.
    edid[16] = 1; // Week of manufacture.
    edid[17] = 34; // Year of manufacture, counted from 1990.
    edid[18] = 1; // EDID 1.4.
    edid[19] = 4;
    edid[20] = INPUT_DIGITAL_8BPC;
    if let Some((width, height)) = modes.first().map(Mode::size) {
        edid[21] = (width / 40) as u8; // Centimetres at 4 pixels a millimetre.
        edid[22] = (height / 40) as u8;
    }
    edid[23] = GAMMA_2_2;
    edid[24] = FEATURE_PREFERRED_TIMING;
    edid[25..35].copy_from_slice(&SRGB_CHROMATICITY);
    for slot in 0..STANDARD_SLOTS {
        let bytes = modes
            .get(slot)
            .and_then(Mode::standard_timing)
            .unwrap_or(STANDARD_UNUSED);
        let at = STANDARD_OFFSET + 2 * slot;
        edid[at..at + 2].copy_from_slice(&bytes);
    }
    let mut descriptors: Vec<[u8; DESCRIPTOR_SIZE]> =
        modes.iter().take(2).map(Mode::detailed_timing).collect();
    descriptors.push(name_descriptor(name));
    descriptors.push(range_descriptor(modes));
    for (index, descriptor) in descriptors.iter().take(4).enumerate() {
        let at = DESCRIPTOR_OFFSET + DESCRIPTOR_SIZE * index;
        edid[at..at + DESCRIPTOR_SIZE].copy_from_slice(descriptor);
    }
    edid[BLOCK_SIZE - 1] = checksum(&edid[..BLOCK_SIZE - 1]);
    edid
}

/// The byte that makes the sum of a block zero.
pub fn checksum(bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(0u8, |sum, byte| sum.wrapping_add(*byte))
        .wrapping_neg()
}

/// Packs three capital letters into the two bytes of a manufacturer's id.
fn manufacturer(letters: &[u8; 3]) -> [u8; 2] {
    let five = |letter: u8| u16::from(letter - b'A' + 1);
    (five(letters[0]) << 10 | five(letters[1]) << 5 | five(letters[2])).to_be_bytes()
}

/// The descriptor that carries the monitor's name.
fn name_descriptor(name: &str) -> [u8; DESCRIPTOR_SIZE] {
    let mut descriptor = [b' '; DESCRIPTOR_SIZE];
    descriptor[..5].copy_from_slice(&[0, 0, 0, TAG_NAME, 0]);
    let text = name.bytes().take(13);
    let length = text.len();
    descriptor[5..]
        .iter_mut()
        .zip(text)
        .for_each(|(slot, byte)| *slot = byte);
    if length < 13 {
        descriptor[5 + length] = b'\n';
    }
    descriptor
}

/// The descriptor that states which rates the monitor follows.
fn range_descriptor(modes: &[Mode]) -> [u8; DESCRIPTOR_SIZE] {
    let fastest = modes.iter().map(|mode| mode.clock_khz).max().unwrap_or(0);
    let mut descriptor = [b' '; DESCRIPTOR_SIZE];
    descriptor[..12].copy_from_slice(&[
        0,
        0,
        0,
        TAG_RANGE,
        0,
        50, // Vertical rates in Hz.
        75,
        30, // Horizontal rates in kHz.
        90,
        fastest.div_ceil(10_000) as u8, // Pixel clock in units of 10 MHz.
        1,                              // Range limits only.
        b'\n',
    ]);
    descriptor
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Mode; 3] = [Mode::XGA, Mode::SXGA, Mode::FULL_HD];

    #[test]
    fn edid_when_built_sums_to_zero_and_has_the_header() {
        let edid = build("Software panel", &ALL);

        assert_eq!(edid[..8], HEADER);
        assert_eq!(edid.iter().fold(0u8, |sum, b| sum.wrapping_add(*b)), 0);
    }

    #[test]
    fn detailed_timing_when_built_holds_the_preferred_mode() {
        let edid = build("x", &ALL);
        let timing = &edid[54..72];

        assert_eq!(u16::from_le_bytes([timing[0], timing[1]]), 6500);
        assert_eq!(u32::from(timing[2]) | u32::from(timing[4] >> 4) << 8, 1024);
        assert_eq!(u32::from(timing[3]) | u32::from(timing[4] & 15) << 8, 320);
        assert_eq!(u32::from(timing[5]) | u32::from(timing[7] >> 4) << 8, 768);
        assert_eq!(u32::from(timing[8]), 24);
        assert_eq!(timing[10], 3 << 4 | 6);
    }

    #[test]
    fn standard_timings_when_built_name_all_modes() {
        let edid = build("x", &ALL);

        // Columns / 8 - 31, then aspect ratio (4:3, 5:4, 16:9) and the rate above 60 Hz.
        assert_eq!(edid[38..44], [97, 0x40, 129, 0x80, 209, 0xc0]);
        assert_eq!(edid[44..46], STANDARD_UNUSED);
    }

    #[test]
    fn refresh_rate_when_computed_is_sixty() {
        assert_eq!(ALL.map(|mode| mode.refresh_hz()), [60, 60, 60]);
    }
}
