// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Commands of the video engines. They are skipped by their length.

use super::skipped;
use super::Command;

/// Opcode: bits 31:16 of the header.
const OPCODE_SHIFT: u32 = 16;
const MFX_WAIT: u32 = 0x6800;
const MFX_WAIT_LENGTH: u32 = 0x3f;
const LENGTH: u32 = 0xfff;
const LONG_LENGTH: u32 = 0xffff;

/// Opcodes of the decode engines, first and last of each run.
const VIDEO: &[(u32, u32)] = &[
    (0x7000, 0x7008), // MFX common state
    (0x7029, 0x7029), // MFD_IT_OBJECT
    (0x7048, 0x704a), // MFX_PAK_INSERT_OBJECT, MFX_STITCH_OBJECT
    (0x7100, 0x7105), // AVC state
    (0x7125, 0x7128), // AVC decode objects
    (0x7149, 0x7149), // MFC_AVC_PAK_OBJECT
    (0x7201, 0x7202), // VC1 state
    (0x7220, 0x7228), // VC1 objects
    (0x7300, 0x7301), // MPEG2 state
    (0x7328, 0x7349), // MPEG2 objects
    (0x7380, 0x73bf), // HEVC and VP9
    (0x7580, 0x75bf), // HuC
    (0x7700, 0x7702), // JPEG state
    (0x7728, 0x7728), // MFD_JPEG_BSD_OBJECT
];

/// Opcodes of the decode engines with a longer length field.
const VIDEO_LONG: &[(u32, u32)] = &[(0x7600, 0x7600), (0x7608, 0x7609)];

/// Opcodes of the enhancement engine.
const ENHANCEMENT: &[(u32, u32)] = &[(0x7400, 0x7400), (0x7402, 0x7403)];

fn listed(runs: &[(u32, u32)], opcode: u32) -> bool {
    runs.iter()
        .any(|(first, last)| (*first..=*last).contains(&opcode))
}

/// Decodes a header of the render client on a decode engine.
pub fn decode_video(header: u32) -> Option<Command> {
    let opcode = header >> OPCODE_SHIFT;
    if opcode == MFX_WAIT {
        return Some(skipped((header & MFX_WAIT_LENGTH) + 2, false));
    }
    let mask = if listed(VIDEO, opcode) {
        LENGTH
    } else if listed(VIDEO_LONG, opcode) {
        LONG_LENGTH
    } else {
        return None;
    };
    Some(skipped((header & mask) + 2, false))
}

/// Decodes a header of the render client on the enhancement engine.
pub fn decode_enhancement(header: u32) -> Option<Command> {
    let opcode = header >> OPCODE_SHIFT;
    listed(ENHANCEMENT, opcode).then(|| skipped((header & LENGTH) + 2, false))
}
