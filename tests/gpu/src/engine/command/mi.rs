// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Memory interface (MI) commands: opcodes and fields (PRM Vol 2a).

use crate::platform::EngineId;

/// No operation; as a whole header.
pub const NOOP: u32 = 0;
/// End of a batch; as a whole header.
pub const BATCH_BUFFER_END: u32 = OPCODE_BATCH_BUFFER_END << OPCODE_SHIFT;

/// Position of the opcode in a header.
pub const OPCODE_SHIFT: u32 = 23;
const OPCODE_MASK: u32 = 0x3f;

/// MI_NOOP.
pub const OPCODE_NOOP: u32 = 0x00;
/// MI_SET_PREDICATE.
pub const SET_PREDICATE: u32 = 0x01;
/// MI_USER_INTERRUPT.
pub const USER_INTERRUPT: u32 = 0x02;
/// MI_WAIT_FOR_EVENT.
pub const WAIT_FOR_EVENT: u32 = 0x03;
/// MI_ARB_CHECK.
pub const ARB_CHECK: u32 = 0x05;
/// MI_ARB_ON_OFF.
pub const ARB_ON_OFF: u32 = 0x08;
/// MI_BATCH_BUFFER_END.
pub const OPCODE_BATCH_BUFFER_END: u32 = 0x0a;
/// MI_PREDICATE.
pub const PREDICATE: u32 = 0x0c;
/// MI_LOAD_SCAN_LINES_INCL.
pub const LOAD_SCAN_LINES: u32 = 0x12;
/// MI_DISPLAY_FLIP.
pub const DISPLAY_FLIP: u32 = 0x14;
/// MI_MATH.
pub const MATH: u32 = 0x1a;
/// MI_SEMAPHORE_SIGNAL.
pub const SEMAPHORE_SIGNAL: u32 = 0x1b;
/// MI_SEMAPHORE_WAIT.
pub const SEMAPHORE_WAIT: u32 = 0x1c;
/// MI_STORE_DATA_IMM.
pub const STORE_DATA_IMM: u32 = 0x20;
/// MI_STORE_DATA_INDEX.
pub const STORE_DATA_INDEX: u32 = 0x21;
/// MI_LOAD_REGISTER_IMM.
pub const LOAD_REGISTER_IMM: u32 = 0x22;
/// MI_UPDATE_GTT.
pub const UPDATE_GTT: u32 = 0x23;
/// MI_STORE_REGISTER_MEM.
pub const STORE_REGISTER_MEM: u32 = 0x24;
/// MI_FLUSH_DW.
pub const FLUSH_DW: u32 = 0x26;
/// MI_CLFLUSH.
pub const CLFLUSH: u32 = 0x27;
/// MI_REPORT_PERF_COUNT.
pub const REPORT_PERF_COUNT: u32 = 0x28;
/// MI_LOAD_REGISTER_MEM.
pub const LOAD_REGISTER_MEM: u32 = 0x29;
/// MI_LOAD_REGISTER_REG.
pub const LOAD_REGISTER_REG: u32 = 0x2a;
/// MI_COPY_MEM_MEM.
pub const COPY_MEM_MEM: u32 = 0x2e;
/// MI_ATOMIC.
pub const ATOMIC: u32 = 0x2f;
/// MI_BATCH_BUFFER_START.
pub const BATCH_BUFFER_START: u32 = 0x31;
/// MI_CONDITIONAL_BATCH_BUFFER_END.
pub const CONDITIONAL_BATCH_BUFFER_END: u32 = 0x36;

/// Bit of many headers: the address is in the GGTT.
pub const USE_GGTT: u32 = 1 << 22;
/// Bit of copies: the destination is in the GGTT.
pub const DESTINATION_GGTT: u32 = 1 << 21;
/// Bit of STORE_DATA_IMM: a qword is stored.
pub const STORE_QWORD: u32 = 1 << 21;
/// Bit of STORE_REGISTER_MEM and BATCH_BUFFER_START: only if the predicate holds.
pub const SRM_PREDICATED: u32 = 1 << 21;
/// Bit of BATCH_BUFFER_START: only if the predicate holds.
pub const BATCH_PREDICATED: u32 = 1 << 15;
/// Bit of BATCH_BUFFER_START: a second-level batch.
pub const BATCH_SECOND_LEVEL: u32 = 1 << 22;
/// Bit of BATCH_BUFFER_START: the batch is in the PPGTT.
pub const BATCH_IN_PPGTT: u32 = 1 << 8;
/// Bit of ARB_ON_OFF.
pub const ARB_ENABLE: u32 = 1 << 0;
/// Bit of LOAD_REGISTER_IMM: writes are posted.
pub const LRI_POSTED: u32 = 1 << 12;
/// Bit of SEMAPHORE_WAIT: look again and again, not only when signalled.
pub const SEMAPHORE_POLL: u32 = 1 << 15;
/// Position of SEMAPHORE_WAIT's comparison.
pub const SEMAPHORE_COMPARE_SHIFT: u32 = 12;
/// Position of SEMAPHORE_SIGNAL's engine.
pub const SEMAPHORE_TARGET_SHIFT: u32 = 15;
/// Mask of three-bit fields.
pub const THREE_BITS: u32 = 0x7;
/// Bits of a register offset in a command.
pub const REGISTER_OFFSET: u32 = 0x007f_fffc;
/// Bits of the offset in STORE_DATA_INDEX and of indexed post-sync writes.
pub const STATUS_PAGE_OFFSET: u32 = 0xffc;

const FLAG: Option<u32> = Some(1);
const SHORT_LENGTH: u32 = 0x3f;
const USUAL_LENGTH: u32 = 0xff;
const STORE_LENGTH: u32 = 0x3ff;

/// The opcode, if the header is one of an MI command.
pub const fn opcode(header: u32) -> Option<u32> {
    if header >> 29 == 0 {
        Some(header >> OPCODE_SHIFT & OPCODE_MASK)
    } else {
        None
    }
}

/// Dwords behind the header of a command with the usual length field.
pub const fn payload(header: u32) -> u32 {
    (header & USUAL_LENGTH) + 1
}

/// The header of a load of `count` registers.
pub const fn load_register_imm(count: u32, posted: bool) -> u32 {
    let flags = if posted { LRI_POSTED } else { 0 };
    LOAD_REGISTER_IMM << OPCODE_SHIFT | flags | (2 * count - 1)
}

/// Dwords of the command with this header; none if `engine` does not know it.
pub fn length(engine: EngineId, header: u32) -> Option<u32> {
    let render = engine == EngineId::Rcs0;
    let scans = render || engine == EngineId::Bcs0;
    let with = |mask: u32| Some((header & mask) + 2);
    match opcode(header)? {
        OPCODE_NOOP..=USER_INTERRUPT | 0x04 | ARB_CHECK | 0x07 | ARB_ON_OFF => FLAG,
        OPCODE_BATCH_BUFFER_END | 0x0b | 0x0d | 0x0e => FLAG,
        WAIT_FOR_EVENT if scans => FLAG,
        0x06 | 0x09 | PREDICATE | 0x0f if render => FLAG,
        LOAD_SCAN_LINES if scans => Some(2),
        DISPLAY_FLIP if scans => with(USUAL_LENGTH),
        0x19 | 0x2b..=0x2d if render => with(USUAL_LENGTH),
        0x16 | MATH | SEMAPHORE_SIGNAL | SEMAPHORE_WAIT | STORE_DATA_INDEX => with(USUAL_LENGTH),
        LOAD_REGISTER_IMM | STORE_REGISTER_MEM | LOAD_REGISTER_MEM => with(USUAL_LENGTH),
        LOAD_REGISTER_REG | COPY_MEM_MEM | ATOMIC | BATCH_BUFFER_START => with(USUAL_LENGTH),
        CONDITIONAL_BATCH_BUFFER_END => with(USUAL_LENGTH),
        STORE_DATA_IMM | UPDATE_GTT | CLFLUSH => with(STORE_LENGTH),
        FLUSH_DW | REPORT_PERF_COUNT => with(SHORT_LENGTH),
        _ => None,
    }
}
