// SPDX-License-Identifier: GPL-2.0 OR MIT
//! 3D, media and GPGPU commands of the render engine. Only PIPE_CONTROL is executed.

use super::skipped;
use super::Command;
use super::Kind;

/// Opcode: bits 31:16 of the header.
const OPCODE_SHIFT: u32 = 16;
const PIPE_CONTROL: u32 = 0x7a00;
const PRIMITIVE_3D: u32 = 0x7b00;
const GPGPU_WALKER: u32 = 0x7105;
const MEDIA_OBJECT_WALKER: u32 = 0x7103;
const MEDIA_STATE_FLUSH: u32 = 0x7004;
const PIPELINE_SELECT: u32 = 0x6904;
const VF_STATISTICS: u32 = 0x780b;
const VF_STATISTICS_GM45: u32 = 0x680b;

/// Opcodes with the length in bits 7:0, first and last of each run.
const SHORT: &[(u32, u32)] = &[
    (0x6003, 0x6003), // STATE_PREFETCH
    (0x6101, 0x6104), // STATE_BASE_ADDRESS, STATE_SIP, SWTESS, GPGPU_CSR
    (0x7105, 0x7105), // GPGPU_WALKER
    (0x7804, 0x780a), // depth, stencil, vertex buffers and elements, index buffer
    (0x780c, 0x7838), // 3DSTATE of the pipeline stages
    (0x783b, 0x7842), // 3DSTATE_DX9 constants
    (0x7849, 0x7852), // VF, WM, PS, raster, SBE
    (0x7855, 0x7855), // 3DSTATE_COMPONENT_PACKING
    (0x7900, 0x7916), // drawing rectangle, palettes, stipples, push constants
    (0x7918, 0x791e), // stream output buffers, pools, sample pattern
    (0x7a00, 0x7a00), // PIPE_CONTROL
    (0x7b00, 0x7b00), // 3DPRIMITIVE
];

/// Opcodes with the length in bits 8:0.
const NINE_BITS: &[(u32, u32)] = &[
    (0x7843, 0x7847), // 3DSTATE_BINDING_TABLE_EDIT
    (0x7917, 0x7917), // 3DSTATE_SO_DECL_LIST
];

/// Opcodes with the length in bits 10:0.
const ELEVEN_BITS: &[(u32, u32)] = &[(0x7839, 0x783a)]; // 3DSTATE_DX9_CONSTANTF

/// Media opcodes with the length in bits 15:0.
const LONG: &[(u32, u32)] = &[
    (0x7000, 0x7005), // MEDIA_VFE_STATE … MEDIA_POOL_STATE
    (0x7100, 0x7103), // MEDIA_OBJECT …
];

/// Decodes a header of the render client.
pub fn decode(header: u32) -> Option<Command> {
    let opcode = header >> OPCODE_SHIFT;
    if matches!(opcode, PIPELINE_SELECT | VF_STATISTICS | VF_STATISTICS_GM45) {
        return Some(skipped(1, false));
    }
    let listed = |runs: &[(u32, u32)]| runs.iter().any(|(a, b)| (*a..=*b).contains(&opcode));
    let mask = if listed(SHORT) {
        0xff
    } else if listed(NINE_BITS) {
        0x1ff
    } else if listed(ELEVEN_BITS) {
        0x7ff
    } else if listed(LONG) {
        0xffff
    } else {
        return None;
    };
    let length = (header & mask) + 2;
    let arbitrates = matches!(
        opcode,
        PRIMITIVE_3D | GPGPU_WALKER | MEDIA_OBJECT_WALKER | MEDIA_STATE_FLUSH
    );
    Some(match opcode {
        PIPE_CONTROL => Command {
            kind: Kind::PipeControl,
            length,
            arbitrates,
        },
        _ => skipped(length, arbitrates),
    })
}
