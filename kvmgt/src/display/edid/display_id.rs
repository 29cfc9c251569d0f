// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Extensions of EDIDs in the format of DisplayID (VESA DisplayID 1.3): for timings that are too
//! large for an EDID.

use super::writer::Writer;
use super::{at_most, low, millimetres, Block, GAMMA};
use crate::display::mode::{Mode, Timing};

/// What an extension of this kind begins with.
const EXTENSION: u8 = 0x70;
/// Version 1, revision 3 (DisplayID 1.3, section 2.1).
const VERSION: u8 = 0x13;
/// Bytes that blocks of data take: those between the header of five bytes and two checksums.
const SECTION: u8 = 121;
/// It is a monitor that stands alone (section 2.1, table 2-3).
const STANDALONE: u8 = 0x03;
/// Extensions of the extension: none.
const NO_MORE: u8 = 0;

/// A block of data: who has made it (section 4.1).
const PRODUCT: u8 = 0x00;
/// Bytes of that: without a name there are 12.
const PRODUCT_SIZE: u8 = 12;
/// Letters of the maker, its product, no serial number, the year of the model (2026, counted from
/// 2000), no name.
const PRODUCT_DATA: [u8; PRODUCT_SIZE as usize] =
    [b'G', b'V', b'T', 0x01, 0x00, 0, 0, 0, 0, 0xff, 26, 0];
/// A block of data: how large the picture is (section 4.2).
const PARAMETERS: u8 = 0x01;
/// Bytes of that.
const PARAMETERS_SIZE: u8 = 12;
/// What it can do besides: nothing.
const NO_FEATURES: u8 = 0;
/// Bits of each colour, less one: those that are taken, and those that are shown.
const DEPTH: u8 = 0x77;
/// A block of data: how it is connected (section 4.9).
const INTERFACE: u8 = 0x0f;
/// Bytes of that.
const INTERFACE_SIZE: u8 = 10;
/// DisplayPort with four lanes, version 1.2, nothing that protects what is shown, and nothing else.
const INTERFACE_DATA: [u8; INTERFACE_SIZE as usize] = [0x84, 0x12, 0, 0, 0, 0, 0, 0, 0, 0];
/// A block of data: detailed timings (section 4.4.1: type I).
const TIMINGS: u8 = 0x03;
/// Bytes of one.
const TIMING_SIZE: u8 = 20;
/// All of such blocks have a revision, which is the first.
const REVISION: u8 = 0;

/// Options of a timing: it is preferred (bit 7).
const PREFERRED: u8 = 1 << 7;
/// Its shape is none that has a number (bits 3:0).
const NO_SHAPE: u8 = 0x8;
/// Before how many pixels a pulse comes, and that it is positive (bit 15).
const POSITIVE: u16 = 1 << 15;

/// An extension with the timings of two modes, or with those of one if both are the same.
pub(super) fn extension(preferred: &Mode, largest: &Mode) -> Block {
    let both = [(preferred, PREFERRED), (largest, 0)];
    let count = match preferred == largest {
        true => 1,
        false => both.len(),
    };
    let mut block = Writer::default();
    block.put(&[EXTENSION]);
    let start = block.len();
    block.put(&[VERSION, SECTION, STANDALONE, NO_MORE]);
    block.put(&[PRODUCT, REVISION, PRODUCT_SIZE]);
    block.put(&PRODUCT_DATA);
    parameters(&mut block, preferred);
    block.put(&[INTERFACE, REVISION, INTERFACE_SIZE]);
    block.put(&INTERFACE_DATA);
    let size = TIMING_SIZE.saturating_mul(u8::try_from(count).unwrap_or(1));
    block.put(&[TIMINGS, REVISION, size]);
    for (mode, options) in both.into_iter().take(count) {
        timing(&mut block, mode, options);
    }
    let filled = usize::from(SECTION).saturating_add(5);
    for _ in block.len()..filled {
        block.put(&[0]);
    }
    let checksum = block.checksum(start);
    block.put(&[checksum]);
    block.finish()
}

/// How large the picture of a mode is, in tenths of a millimetre and in pixels.
fn parameters(block: &mut Writer, mode: &Mode) {
    let (width, height) = millimetres(mode);
    block.put(&[PARAMETERS, REVISION, PARAMETERS_SIZE]);
    let (across, down) = (mode.line.active, mode.frame.active);
    for value in [
        width.saturating_mul(10),
        height.saturating_mul(10),
        across,
        down,
    ] {
        block.put(&[low(value), low(value >> 8)]);
    }
    block.put(&[NO_FEATURES, GAMMA, shape(across, down), DEPTH]);
}

/// How many hundredths longer the one side is than the other.
fn shape(across: u32, down: u32) -> u8 {
    let (short, long) = (across.min(down), across.max(down));
    let longer = long.saturating_sub(short).saturating_mul(100);
    at_most(longer.checked_div(short).unwrap_or(0))
}

/// A timing; all numbers are told without one.
fn timing(block: &mut Writer, mode: &Mode, options: u8) {
    let [first, second, third, _] = mode.clock.saturating_sub(1).to_le_bytes();
    block.put(&[first, second, third, options | NO_SHAPE]);
    pixels(block, &mode.line, POSITIVE);
    pixels(block, &mode.frame, 0);
}

/// Pixels of a line, or lines of a frame.
fn pixels(block: &mut Writer, timing: &Timing, polarity: u16) {
    let Timing {
        active,
        blank,
        front,
        sync,
    } = timing;
    for (value, options) in [(active, 0), (blank, 0), (front, polarity), (sync, 0)] {
        let value = value.saturating_sub(1);
        let field = u16::from_le_bytes([low(value), low(value >> 8)]) | options;
        block.put(&field.to_le_bytes());
    }
}
