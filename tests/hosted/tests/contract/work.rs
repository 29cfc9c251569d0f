// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Commands for contexts, and what they are to reach.

use gen9_gpu::engine::command::mi;
use gen9_gpu::{DmaAddress, EngineId};
use hosted_glue::bed::Bed;
use hosted_glue::card::engine_mask;
use hosted_glue::client::{Attachment, Event};
use iface::client::{Host, Outcome};
use iface::types::{Buffer, Context, ContextRequest, GGTT_PAGE_SIZE};

/// The page tables of contexts that use none: an empty table.
pub const NO_TABLES: u64 = 0x4000_0000;
/// Dwords of the submissions below, at the most.
pub const COMMANDS: u64 = 64;
/// No command of any engine.
pub const GARBAGE: u32 = 0xffff_ffff;
/// The command that is done when it is executed.
pub const NOOP: u32 = mi::NOOP;

/// Compares equal.
const EQUAL: u32 = 4 << mi::SEMAPHORE_COMPARE_SHIFT;

/// Stores a dword at an address of the GGTT.
pub fn store(address: u64, value: u32) -> [u32; 4] {
    let header = mi::STORE_DATA_IMM << mi::OPCODE_SHIFT | mi::USE_GGTT | 2;
    [header, address as u32, (address >> 32) as u32, value]
}

/// Stores a dword at an address of the PPGTT.
pub fn store_in_ppgtt(address: u64, value: u32) -> [u32; 4] {
    let [header, low, high, value] = store(address, value);
    [header & !mi::USE_GGTT, low, high, value]
}

/// Waits until the dword at an address of the GGTT is `value`.
pub fn wait(address: u64, value: u32) -> [u32; 4] {
    let header =
        mi::SEMAPHORE_WAIT << mi::OPCODE_SHIFT | mi::USE_GGTT | mi::SEMAPHORE_POLL | EQUAL | 2;
    [header, value, address as u32, (address >> 32) as u32]
}

/// Loads a register.
pub fn load(register: u32, value: u32) -> [u32; 4] {
    [mi::load_register_imm(1, false), register, value, NOOP]
}

/// A context on an engine.
pub fn context(host: &Host<'_>, engine: EngineId) -> Context {
    let request = ContextRequest {
        engine: engine_mask(engine),
        commands: COMMANDS,
        ..ContextRequest::default()
    };
    host.ctx_create(&request).unwrap()
}

/// A buffer of one page.
pub fn page(host: &Host<'_>) -> Buffer {
    host.buffer_alloc(GGTT_PAGE_SIZE).unwrap()
}

/// Dword number `index` of a buffer.
pub fn dword(host: &Host<'_>, buffer: &Buffer, index: u64) -> u32 {
    let mut data = [0; 4];
    host.buffer_read(buffer.handle, 4 * index, &mut data)
        .unwrap();
    u32::from_le_bytes(data)
}

/// Sets dword 0 of a buffer, which somebody waits for.
pub fn signal(host: &Host<'_>, buffer: &Buffer, value: u32) {
    host.buffer_write(buffer.handle, 0, &value.to_le_bytes())
        .unwrap();
}

/// The ends of submissions since the events were last looked at.
pub fn ends(kvmgt: &Attachment<'_>) -> Vec<(u64, u64, Outcome)> {
    let events = kvmgt.events().take().into_iter();
    events
        .filter_map(|event| match event {
            Event::Done(context, tag, outcome) => Some((context, tag, outcome)),
            _ => None,
        })
        .collect()
}

/// Makes tables that map the page at `address` of a PPGTT to a page of memory; gives their root.
pub fn tables(bed: &Bed, address: u64, page: u64) -> u64 {
    const PRESENT_WRITABLE: u64 = 3;
    const FIRST: u64 = 0x5000_0000;
    let memory = bed.machine().memory();
    // A table of each level, the fourth first, each with one entry.
    for (n, level) in (0..).zip([39, 30, 21, 12]) {
        let table = FIRST + n * GGTT_PAGE_SIZE;
        let next = if level == 12 {
            page
        } else {
            table + GGTT_PAGE_SIZE
        };
        let entry = table + (address >> level) % 512 * 8;
        memory
            .write_u64(DmaAddress(entry), next | PRESENT_WRITABLE)
            .unwrap();
    }
    FIRST
}
