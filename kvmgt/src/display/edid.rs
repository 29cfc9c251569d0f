// SPDX-License-Identifier: GPL-2.0 OR MIT
//! EDIDs: what a monitor tells of itself (VESA E-EDID 1.4).
//!
//! One is generated for each resolution. It has the timings of that first; those of the largest
//! resolution that the monitor can show, if that is another one; and those of VESA's modes in
//! between. Where a mode does not fit into the fields of an EDID, an extension has it, in the
//! format of DisplayID.
//!
//! An EDID that somebody else has made is checked for what readers need to trust: its header, its
//! size, and its checksums.

use super::mode::{Mode, Timing};
use super::Resolution;
use kernel::prelude::*;

mod display_id;
mod writer;

use writer::Writer;

/// Bytes of a block.
pub(crate) const BLOCK_SIZE: usize = 128;
/// A block: an EDID has one, and one for each extension.
pub(crate) type Block = [u8; BLOCK_SIZE];

/// What an EDID begins with (E-EDID 1.4, section 3.3).
const HEADER: [u8; 8] = [0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00];
/// Offset of the version, which is before the revision (section 3.5).
const VERSION_AT: usize = 18;
/// The version of all EDIDs.
const VERSION: u8 = 1;
/// The revision that this file writes.
const REVISION: u8 = 4;
/// Offset of the number of extensions (section 3.11).
const EXTENSIONS_AT: usize = 126;

/// Who has made it: the letters `GVT`, five bits each (section 3.4.1).
const MANUFACTURER: [u8; 2] = [0x1e, 0xd4];
/// What it is; everybody counts their own products (section 3.4.2).
const PRODUCT: [u8; 2] = [0x01, 0x00];
/// Its serial number: none (section 3.4.3).
const SERIAL: [u8; 4] = [0; 4];
/// In place of a week: what follows is the year of the model (section 3.4.4).
const MODEL_YEAR: u8 = 0xff;
/// The year, counted from 1990: 2026.
const YEAR: u8 = 36;
/// Its input: digital, 8 bits for each colour, DisplayPort (section 3.6.1).
const INPUT: u8 = 0x80 | 0x20 | 0x05;
/// Gamma 2.2, times 100, without 100 (section 3.6.3).
const GAMMA: u8 = 120;
/// Its colours are those of sRGB, and the first timings are its native ones (section 3.6.4).
const FEATURES: u8 = 0x04 | 0x02;
/// Chromaticity of sRGB: red, green, blue and white (section 3.7; IEC 61966-2-1).
const CHROMATICITY: [u8; 10] = [0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54];
/// Its name, in the 13 bytes that there are.
const NAME: &[u8; 13] = b"GVT-g monitor";

/// What the tag of a descriptor that is no timing begins with (section 3.10.3).
const DESCRIPTOR: [u8; 3] = [0; 3];
/// A descriptor: the name.
const TAG_NAME: u8 = 0xfc;
/// A descriptor: limits of the rates.
const TAG_RANGE: u8 = 0xfd;
/// A descriptor: the third part of VESA's modes.
const TAG_ESTABLISHED: u8 = 0xf7;
/// Its revision (section 3.10.3.9).
const ESTABLISHED_REVISION: u8 = 0x0a;
/// Limits: there is nothing else in the descriptor (section 3.10.3.3.1).
const RANGE_ONLY: u8 = 0x01;
/// Bytes that fill such a descriptor.
const RANGE_FILL: [u8; 7] = [0x0a, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20];
/// Limits of frames a second: VESA's modes have 60, and one 70.
const FRAME_RATES: [u8; 2] = [50, 75];
/// The lowest number of lines a second, in kHz: 640x480 has 30.
const LOWEST_LINE_RATE: u8 = 25;
/// A detailed timing: digital sync with two lines, positive for lines (section 3.10.2; reduced
/// blanking is told by that).
const SYNC: u8 = 0x18 | 0x02;
/// A standard timing that is none (section 3.9).
const NO_STANDARD: [u8; 2] = [0x01, 0x01];
/// Standard timings there are.
const STANDARDS: usize = 8;

/// Pixels of an inch, and tenths of a millimetre in one: as large as that the picture is.
const INCH_PIXELS: u32 = 96;
const INCH: u32 = 254;
/// The longest side that an EDID can tell, in millimetres.
const LONGEST: u32 = 2550;
/// The largest number that a field of a detailed timing has room for (section 3.10.2: 12 bits).
const FIELD: u32 = 0xfff;
/// The largest pixel clock there, in 10 kHz.
const FIELD_CLOCK: u32 = 0xffff;

/// VESA's modes that EDIDs have a bit for, by byte; all but one have 60 Hz (section 3.8; bit 7 is
/// the first).
const ESTABLISHED: [&[(u8, u32, u32)]; 3] = [
    &[(1 << 7, 720, 400), (1 << 5, 640, 480), (1 << 0, 800, 600)],
    &[(1 << 3, 1024, 768)],
    &[],
];
/// The same in their third part, of which not all are here (section 3.10.3.9).
const ESTABLISHED_III: [&[(u8, u32, u32)]; 6] = [
    &[(1 << 3, 848, 480)],
    &[(1 << 6, 1280, 768), (1 << 3, 1280, 960)],
    &[(1 << 7, 1360, 768), (1 << 1, 1400, 1050)],
    &[],
    &[],
    &[],
];
/// Those that are named by their width and shape.
const STANDARD: [(u32, u32); STANDARDS] = [
    (1280, 720),
    (1280, 800),
    (1280, 1024),
    (1440, 900),
    (1600, 900),
    (1680, 1050),
    (1920, 1080),
    (1600, 1200),
];

/// An EDID.
#[derive(Debug)]
pub(crate) struct Edid {
    /// What all have.
    pub(crate) base: Block,
    /// What few need.
    pub(crate) extension: Option<Block>,
}

impl Edid {
    /// That of a monitor which prefers a resolution, and can show others up to the largest one.
    ///
    /// # Errors
    ///
    /// `EINVAL` there are no timings for one of them.
    pub(crate) fn new(preferred: Resolution, largest: Resolution) -> Result<Self> {
        let first = Mode::new(preferred)?;
        let limit = Mode::new(largest)?;
        let extension = match fits(&first) && fits(&limit) {
            true => None,
            false => Some(display_id::extension(&first, &limit)),
        };
        Ok(Self {
            base: base(&first, &limit, extension.is_some())?,
            extension,
        })
    }
}

/// Whether a detailed timing has room for a mode.
fn fits(mode: &Mode) -> bool {
    let has_room = |timing: &Timing| timing.active <= FIELD && timing.blank <= FIELD;
    mode.clock <= FIELD_CLOCK && has_room(&mode.line) && has_room(&mode.frame)
}

/// The first block.
fn base(preferred: &Mode, largest: &Mode, extended: bool) -> Result<Block> {
    // Where the extension has the preferred timings, those of a mode that fits stand in for them.
    let stand_in = Mode::new(Resolution {
        width: 1920,
        height: 1080,
    })?;
    let first = match fits(preferred) {
        true => preferred,
        false => &stand_in,
    };
    let size = millimetres(preferred);
    let centimetres = |length: u32| low(length.saturating_add(5) / 10);
    let shown = |width, height| width <= largest.line.active && height <= largest.frame.active;

    let mut block = Writer::default();
    block.put(&HEADER);
    block.put(&MANUFACTURER);
    block.put(&PRODUCT);
    block.put(&SERIAL);
    block.put(&[MODEL_YEAR, YEAR, VERSION, REVISION, INPUT]);
    block.put(&[centimetres(size.0), centimetres(size.1), GAMMA, FEATURES]);
    block.put(&CHROMATICITY);
    block.put(&ESTABLISHED.map(|modes| bits(modes, shown)));
    for (width, height) in STANDARD {
        block.put(&standard(width, height, shown(width, height)));
    }
    detailed(&mut block, first, size);
    if fits(largest) && (largest.line, largest.frame) != (first.line, first.frame) {
        detailed(&mut block, largest, size);
    } else {
        block.put(&DESCRIPTOR);
        block.put(&[TAG_ESTABLISHED, 0, ESTABLISHED_REVISION]);
        block.put(&ESTABLISHED_III.map(|modes| bits(modes, shown)));
        block.put(&[0; 6]);
    }
    range(&mut block, first, largest);
    block.put(&DESCRIPTOR);
    block.put(&[TAG_NAME, 0]);
    block.put(NAME);
    block.put(&[u8::from(extended)]);
    Ok(block.finish())
}

/// The bits of those modes that are shown.
fn bits(modes: &[(u8, u32, u32)], shown: impl Fn(u32, u32) -> bool) -> u8 {
    let shown = modes
        .iter()
        .filter(|(_, width, height)| shown(*width, *height));
    shown.fold(0, |bits, (bit, _, _)| bits | bit)
}

/// A standard timing (section 3.9): a width, a shape, and 60 Hz.
fn standard(width: u32, height: u32, shown: bool) -> [u8; 2] {
    const SHAPES: [(u32, u32, u8); 4] = [(16, 10, 0), (4, 3, 1), (5, 4, 2), (16, 9, 3)];
    /// Where in the second byte the shape is.
    const SHAPE_SHIFT: u32 = 6;
    let is = |(across, down, _): &&(u32, u32, u8)| {
        width.saturating_mul(*down) == height.saturating_mul(*across)
    };
    match SHAPES.iter().find(is) {
        Some((_, _, shape)) if shown => {
            let width = (width / 8).saturating_sub(31);
            [low(width), shape.wrapping_shl(SHAPE_SHIFT)]
        }
        _ => NO_STANDARD,
    }
}

/// A detailed timing (section 3.10.2), shown at a size in millimetres.
fn detailed(block: &mut Writer, mode: &Mode, (width, height): (u32, u32)) {
    let Mode { clock, line, frame } = mode;
    block.put(&[low(*clock), low(clock >> 8)]);
    for timing in [line, frame] {
        block.put(&[low(timing.active), low(timing.blank)]);
        block.put(&[nibbles(timing.active >> 8, timing.blank >> 8)]);
    }
    block.put(&[low(line.front), low(line.sync)]);
    block.put(&[nibbles(frame.front, frame.sync)]);
    let above = [
        line.front >> 8,
        line.sync >> 8,
        frame.front >> 4,
        frame.sync >> 4,
    ];
    block.put(&[above
        .into_iter()
        .fold(0, |bits, pair| bits << 2 | low(pair & 0x3))]);
    block.put(&[low(width), low(height), nibbles(width >> 8, height >> 8)]);
    // No borders.
    block.put(&[0, 0, SYNC]);
}

/// Limits of the rates, which VESA's modes are within, too: without reduced blanking, they need a
/// quarter more.
fn range(block: &mut Writer, first: &Mode, largest: &Mode) {
    let with_blanking = |rate: u32| rate.saturating_mul(5).div_ceil(4);
    let line_rate = with_blanking(first.line_rate().max(largest.line_rate()));
    let clock = with_blanking(first.clock.max(largest.clock)).div_ceil(1000);
    block.put(&DESCRIPTOR);
    block.put(&[TAG_RANGE, 0]);
    block.put(&FRAME_RATES);
    block.put(&[LOWEST_LINE_RATE, at_most(line_rate), at_most(clock)]);
    block.put(&[RANGE_ONLY]);
    block.put(&RANGE_FILL);
}

/// How large a picture is in millimetres, with pixels of a usual size.
fn millimetres(mode: &Mode) -> (u32, u32) {
    let length = |pixels: u32| {
        let tenths = pixels.saturating_mul(INCH) / INCH_PIXELS;
        (tenths / 10).min(LONGEST)
    };
    (length(mode.line.active), length(mode.frame.active))
}

/// The lowest byte.
fn low(value: u32) -> u8 {
    let [byte, ..] = value.to_le_bytes();
    byte
}

/// Two halves of a byte.
fn nibbles(upper: u32, lower: u32) -> u8 {
    low(upper & 0xf) << 4 | low(lower & 0xf)
}

/// A number that is no larger than a byte can tell.
fn at_most(value: u32) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

/// Whether bytes are an EDID: all of one, and nothing else.
///
/// # Errors
///
/// `EINVAL` they are not.
pub(crate) fn check(edid: &[u8]) -> Result {
    let extensions = edid.get(EXTENSIONS_AT).ok_or(EINVAL)?;
    let size = BLOCK_SIZE.saturating_mul(usize::from(*extensions).saturating_add(1));
    let is_edid = edid.starts_with(&HEADER) && edid.get(VERSION_AT) == Some(&VERSION);
    let is_whole = edid.len() == size && edid.chunks(BLOCK_SIZE).all(|block| sum(block) == 0);
    match is_edid && is_whole {
        true => Ok(()),
        false => Err(EINVAL),
    }
}

/// The sum of bytes, which that of a block makes zero.
fn sum(bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(0, |sum: u8, byte| sum.wrapping_add(*byte))
}

#[cfg(test)]
mod tests;
