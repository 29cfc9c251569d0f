// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Registers: those that a guest writes from its CPU, those that its commands load and store, and
//! what it asks for by them.
//!
//! An input is what a whole guest does: accesses to BAR 0 of any size, entries of the GGTT,
//! commands with registers in its ring and in a batch without privilege, submissions, resets. The
//! judge looks at what the GPU has reached, and at the registers of the host.

use crate::bytes::Bytes;
use crate::stage::{self, ENGINES};
use iface::registers::{self, Platform};
use isolation::arena::Arena;
use isolation::commands::{
    all, batch_end, batch_in_ppgtt, copy_register, flush, load, load_register, pipe_control,
    store_register, store_register_in_ppgtt,
};
use isolation::guest::{DATA, FIRST, MAPPED, PPGTT, PRESENT, USER_BATCH, WRITABLE};
use kvmgt_core::address::{Gfn, PAGE_SIZE};
use std::sync::OnceLock;

/// The most operations of an input.
const MOST: usize = 100;
/// The most commands of a ring or batch.
const COMMANDS: usize = 60;
/// Where registers end in BAR 0.
const REGISTERS: u32 = 2 << 20;
/// First bytes of the blocks of engines, and bytes of one.
const BLOCKS: [u32; 4] = [0x2000, 0x2_2000, 0x1_2000, 0x1_a000];
const BLOCK: usize = 0x800;
/// Registers that ask for something: resets, submission, slots, modes, PVINFO's notices.
const REQUESTS: [u32; 14] = [
    0x941c, 0x2230, 0x2_2230, 0x20d0, 0x2_20d0, 0x229c, 0x2_229c, 0x2080, 0x24d0, 0x24d4, 0x7_8810,
    0x7_8818, 0x7_8040, 0x4ab8,
];
/// Sizes of accesses, mostly that of a register.
const SIZES: [usize; 8] = [4, 4, 4, 4, 4, 1, 2, 8];

/// All registers that are tracked.
fn tracked() -> &'static [u32] {
    static TRACKED: OnceLock<Vec<u32>> = OnceLock::new();
    TRACKED.get_or_init(|| {
        let rows = registers::rows(Platform::Kbl, false);
        let dwords = rows.flat_map(|row| (row.range().offset..row.range().end()).step_by(4));
        dwords.collect()
    })
}

/// The offset of a register.
fn register(bytes: &mut Bytes<'_>) -> u32 {
    match bytes.u8() {
        0..=95 => bytes.pick(tracked()),
        96..=175 => bytes.pick(&BLOCKS) + bytes.below(BLOCK / 4) as u32 * 4,
        176..=239 => bytes.pick(&REQUESTS),
        240..=247 => 0xc800 + bytes.below(128) as u32 * 4,
        _ => bytes.u32() % REGISTERS,
    }
}

/// A value: bits, masked bits, addresses of its own and of others.
fn value(bytes: &mut Bytes<'_>, arena: &mut Arena<'_>) -> u32 {
    match bytes.u8() {
        0..=63 => 1 << (bytes.u8() % 32),
        64..=127 => 0x1_0001 << (bytes.u8() % 16),
        128..=159 => arena.attacker().gma(bytes.below(40) as u64) as u32,
        160..=175 => {
            let forbidden = arena.forbidden();
            forbidden[bytes.below(forbidden.len())] as u32
        }
        176..=183 => u32::MAX,
        184..=191 => 0,
        _ => bytes.u32(),
    }
}

/// A command with a register, for the ring or a batch without privilege.
fn command(bytes: &mut Bytes<'_>, arena: &mut Arena<'_>, privileged: bool) -> Vec<u32> {
    let own = match privileged {
        true => arena.attacker().gma(DATA),
        false => PPGTT,
    } + u64::from(bytes.u8()) * 8;
    let to = match bytes.u8() {
        0..=239 => own,
        _ => {
            let forbidden = arena.forbidden();
            forbidden[bytes.below(forbidden.len())]
        }
    };
    match bytes.u8() % 8 {
        0..=3 => {
            let register = register(bytes) & !3;
            load(register, value(bytes, arena))
        }
        4 if privileged => store_register(register(bytes) & !3, to),
        4 => store_register_in_ppgtt(register(bytes) & !3, to),
        5 => load_register(register(bytes) & !3, to),
        6 => copy_register(register(bytes) & !3, register(bytes) & !3),
        _ if privileged => flush(u32::from(bytes.u8() % 4), to, 1),
        _ => pipe_control(u32::from(bytes.u8() % 4), to, 1),
    }
}

/// Writes an entry of the GGTT: of its own part, beside it, of anybody.
fn write_entry(bytes: &mut Bytes<'_>, arena: &mut Arena<'_>) {
    let page = match bytes.u8() {
        0..=199 => arena.attacker().gma(bytes.below(40) as u64),
        200..=231 => {
            let forbidden = arena.forbidden();
            forbidden[bytes.below(forbidden.len())]
        }
        _ => u64::from(bytes.u32()),
    };
    let entry = match bytes.u8() {
        0..=159 => ((FIRST.0 + bytes.below(48) as u64) * PAGE_SIZE) | PRESENT,
        160..=191 => arena.hosts.1 | PRESENT | WRITABLE,
        192..=215 => 0,
        _ => bytes.u64(),
    };
    arena.attacker().map_address(page, entry);
}

/// What one operation adds to what is submitted next.
#[derive(Default)]
struct Pending {
    ring: Vec<Vec<u32>>,
    batch: Vec<Vec<u32>>,
}

impl Pending {
    /// Submits all of it in a new context.
    fn submit(&mut self, bytes: &mut Bytes<'_>, arena: &mut Arena<'_>) {
        let engine = bytes.pick(&ENGINES);
        let mut ring = std::mem::take(&mut self.ring);
        if !self.batch.is_empty() {
            let mut batch = all(std::mem::take(&mut self.batch));
            batch.extend(batch_end());
            let gfn = Gfn(MAPPED.0 + USER_BATCH);
            arena.attacker().put_memory(gfn, &batch);
            ring.push(batch_in_ppgtt(PPGTT + USER_BATCH * PAGE_SIZE));
        }
        arena.attacker().context(&all(ring));
        arena.attacker().submit(engine);
    }
}

fn operation(bytes: &mut Bytes<'_>, arena: &mut Arena<'_>, pending: &mut Pending) {
    match bytes.u8() {
        0..=99 => {
            let at = u64::from(register(bytes)) + u64::from(bytes.u8() / 224);
            let (low, high) = (value(bytes, arena), value(bytes, arena));
            let data = (u64::from(high) << 32 | u64::from(low)).to_le_bytes();
            arena.attacker().write(at, &data[..bytes.pick(&SIZES)]);
        }
        100..=111 => {
            let at = u64::from(register(bytes));
            arena.attacker().read(at, &mut [0; 8][..bytes.pick(&SIZES)]);
        }
        112..=135 => write_entry(bytes, arena),
        136..=175 if pending.ring.len() < COMMANDS => {
            pending.ring.push(command(bytes, arena, true));
        }
        176..=209 if pending.batch.len() < COMMANDS => {
            pending.batch.push(command(bytes, arena, false));
        }
        210..=235 => pending.submit(bytes, arena),
        236..=245 => arena.execute(),
        246..=250 => arena.attacker().reset_engines(),
        251 => arena.attacker().set_up(),
        _ => {}
    }
}

/// Lets a guest do all that, and what it has begun.
///
/// # Panics
///
/// It reaches what is not its own.
pub fn check(input: &[u8]) {
    stage::with(|arena| {
        let mut bytes = Bytes::new(input);
        let mut pending = Pending::default();
        let mut count = 0;
        while !bytes.is_empty() && count < MOST {
            operation(&mut bytes, arena, &mut pending);
            count += 1;
        }
        pending.submit(&mut bytes, arena);
    });
}
