// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Commands as guests write them; addresses are of the GGTT where nothing else is said.

use gen9_gpu::engine::command::mi;

/// Does nothing.
pub const NOOP: u32 = mi::NOOP;
/// No command of any engine.
pub const GARBAGE: u32 = 0xffff_ffff;

/// PIPE_CONTROL of six dwords (PRM Vol 2a).
const PIPE_CONTROL: u32 = 0x7a00_0004;
/// PIPE_CONTROL: the address is one of the GGTT; the engine waits for all before.
const PIPE_GGTT: u32 = 1 << 24;
const PIPE_STALL: u32 = 1 << 20;
/// PIPE_CONTROL and MI_FLUSH_DW: the operation behind the flush.
const POST_SYNC_SHIFT: u32 = 14;
/// MI_FLUSH_DW: the address is one of the GGTT.
const FLUSH_GGTT: u64 = 1 << 2;
/// MI_ATOMIC: adds one.
const INCREMENT: u32 = 0x05 << 8;
/// Comparison that is true of equal values.
const EQUAL: u32 = 4 << mi::SEMAPHORE_COMPARE_SHIFT;

const fn header(opcode: u32, dwords: u32) -> u32 {
    opcode << mi::OPCODE_SHIFT | (dwords - 2)
}

const fn low(address: u64) -> u32 {
    address as u32
}

const fn high(address: u64) -> u32 {
    (address >> 32) as u32
}

/// Stores a dword.
pub fn store(to: u64, value: u32) -> Vec<u32> {
    let header = header(mi::STORE_DATA_IMM, 4) | mi::USE_GGTT;
    vec![header, low(to), high(to), value]
}

/// Stores a qword.
pub fn store_qword(to: u64, value: u64) -> Vec<u32> {
    let header = header(mi::STORE_DATA_IMM, 5) | mi::USE_GGTT | mi::STORE_QWORD;
    vec![header, low(to), high(to), low(value), high(value)]
}

/// Stores a dword to an address of the PPGTT.
pub fn store_in_ppgtt(to: u64, value: u32) -> Vec<u32> {
    vec![header(mi::STORE_DATA_IMM, 4), low(to), high(to), value]
}

/// Copies a dword.
pub fn copy(to: u64, from: u64) -> Vec<u32> {
    let header = header(mi::COPY_MEM_MEM, 5) | mi::USE_GGTT | mi::DESTINATION_GGTT;
    vec![header, low(to), high(to), low(from), high(from)]
}

/// Copies a dword between addresses of the PPGTT.
pub fn copy_in_ppgtt(to: u64, from: u64) -> Vec<u32> {
    let header = header(mi::COPY_MEM_MEM, 5);
    vec![header, low(to), high(to), low(from), high(from)]
}

/// Adds one to a dword.
pub fn increment(at: u64) -> Vec<u32> {
    let header = header(mi::ATOMIC, 3) | mi::USE_GGTT | INCREMENT;
    vec![header, low(at), high(at)]
}

/// Stores a register.
pub fn store_register(register: u32, to: u64) -> Vec<u32> {
    let header = header(mi::STORE_REGISTER_MEM, 4) | mi::USE_GGTT;
    vec![header, register, low(to), high(to)]
}

/// Stores a register to an address of the PPGTT.
pub fn store_register_in_ppgtt(register: u32, to: u64) -> Vec<u32> {
    let header = header(mi::STORE_REGISTER_MEM, 4);
    vec![header, register, low(to), high(to)]
}

/// Loads a register from memory.
pub fn load_register(register: u32, from: u64) -> Vec<u32> {
    let header = header(mi::LOAD_REGISTER_MEM, 4) | mi::USE_GGTT;
    vec![header, register, low(from), high(from)]
}

/// Loads a register.
pub fn load(register: u32, value: u32) -> Vec<u32> {
    vec![mi::load_register_imm(1, false), register, value]
}

/// Copies a register.
pub fn copy_register(to: u32, from: u32) -> Vec<u32> {
    vec![header(mi::LOAD_REGISTER_REG, 3), from, to]
}

/// MI_FLUSH_DW that does `operation` when it is done.
pub fn flush(operation: u32, to: u64, value: u32) -> Vec<u32> {
    let header = header(mi::FLUSH_DW, 5) | operation << POST_SYNC_SHIFT;
    vec![header, low(to | FLUSH_GGTT), high(to), value, 0]
}

/// PIPE_CONTROL that does `operation` when it is done.
pub fn pipe_control(operation: u32, to: u64, value: u32) -> Vec<u32> {
    let flags = PIPE_STALL | PIPE_GGTT | operation << POST_SYNC_SHIFT;
    vec![PIPE_CONTROL, flags, low(to), high(to), value, 0]
}

/// Waits until a dword has a value.
pub fn wait(at: u64, value: u32) -> Vec<u32> {
    let header = header(mi::SEMAPHORE_WAIT, 4) | mi::USE_GGTT | mi::SEMAPHORE_POLL | EQUAL;
    vec![header, value, low(at), high(at)]
}

/// The same of a dword of the PPGTT.
pub fn wait_in_ppgtt(at: u64, value: u32) -> Vec<u32> {
    let header = header(mi::SEMAPHORE_WAIT, 4) | mi::SEMAPHORE_POLL | EQUAL;
    vec![header, value, low(at), high(at)]
}

/// Ends a batch if a dword is not greater than `value`.
pub fn end_if(at: u64, value: u32) -> Vec<u32> {
    let header = header(mi::CONDITIONAL_BATCH_BUFFER_END, 4) | mi::USE_GGTT;
    vec![header, value, low(at), high(at)]
}

/// Starts a privileged batch.
pub fn batch(at: u64) -> Vec<u32> {
    vec![header(mi::BATCH_BUFFER_START, 3), low(at), high(at)]
}

/// Starts a batch of the PPGTT, which is not privileged.
pub fn batch_in_ppgtt(at: u64) -> Vec<u32> {
    let header = header(mi::BATCH_BUFFER_START, 3) | mi::BATCH_IN_PPGTT;
    vec![header, low(at), high(at)]
}

/// Ends a batch.
pub fn batch_end() -> Vec<u32> {
    vec![mi::BATCH_BUFFER_END]
}

/// Writes an entry of the GGTT.
pub fn update_ggtt(at: u64, entry: u64) -> Vec<u32> {
    vec![header(mi::UPDATE_GTT, 4), low(at), low(entry), high(entry)]
}

/// Stores a dword in the status page of the engine.
pub fn store_index(offset: u32, value: u32) -> Vec<u32> {
    vec![header(mi::STORE_DATA_INDEX, 3), offset, value]
}

/// Shows another surface on a plane.
pub fn flip(plane: u32, surface: u32) -> Vec<u32> {
    let header = header(mi::DISPLAY_FLIP, 3);
    vec![header | plane, 0, surface]
}

/// Interrupts the user.
pub fn user_interrupt() -> Vec<u32> {
    vec![mi::USER_INTERRUPT << mi::OPCODE_SHIFT]
}

/// One behind the other.
pub fn all(commands: impl IntoIterator<Item = Vec<u32>>) -> Vec<u32> {
    commands.into_iter().flatten().collect()
}
