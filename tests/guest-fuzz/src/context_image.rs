// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Images of contexts: from what a guest has in its memory to what an engine restores.
//!
//! An input is an image, and how it is submitted. Between the submission and its execution the
//! image that the engine will restore is compared with the default state, command by command, by
//! the software GPU's decoder: only values are the guest's, and of registers only some. Then it is
//! executed, and the judge looks at what was reached.

use crate::bytes::Bytes;
use crate::stage::{self, ENGINES};
use gen9_gpu::engine::command::{decode, mi, Kind};
use gen9_gpu::EngineId;
use isolation::arena::Arena;
use isolation::commands::store;
use isolation::guest::{BATCH, CONTEXT, DATA, FIRST, PDP0, TAIL};
use kvmgt_core::address::{Gfn, PAGE_SIZE};
use kvmgt_core::hardware::Engine;

/// Dwords of a page.
const DWORDS: u64 = PAGE_SIZE / 4;
/// Dwords of the ring context.
const RING_CONTEXT: usize = 0x50;
/// Values of the ring context that say what is executed (PRM Vol 7, Register State Context).
const RING_VALUES: [u64; 11] = [
    0x03, 0x05, TAIL, 0x09, 0x0b, 0x19, 0x1b, 0x1d, 0x23, 0x31, PDP0,
];
/// CTX_CONTEXT_CONTROL of a context that never ran, and of one that did.
const CONTROL: [u32; 4] = [0x0009_0008, 0x0009_0008, 0x0009_0008, 0x0009_0009];
/// The most dwords that are changed one by one.
const CHANGES: usize = 60;

/// Offsets in an engine's block of registers that no guest may supply: the ring, the status page,
/// interrupts, modes, where batches go on, batches of a restore, slots, clocks. Those of them that
/// the host half writes itself at a submission are left out.
const HOSTS: [u32; 20] = [
    0x080, 0x098, 0x09c, 0x0a8, 0x0b0, 0x0b4, 0x0b8, 0x0d0, 0x110, 0x114, 0x118, 0x11c, 0x140,
    0x158, 0x168, 0x1c0, 0x1c4, 0x1c8, 0x29c, 0x4d0,
];

fn id_of(engine: Engine) -> EngineId {
    match engine {
        Engine::Rcs => EngineId::Rcs0,
        _ => EngineId::Bcs0,
    }
}

/// A value of an image: addresses of its own and of others, registers, headers of commands.
fn value(bytes: &mut Bytes<'_>, arena: &mut Arena<'_>) -> u32 {
    match bytes.u8() {
        0..=63 => arena.attacker().gma(bytes.below(40) as u64) as u32 | u32::from(bytes.u8() % 4),
        64..=79 => {
            let forbidden = arena.forbidden();
            forbidden[bytes.below(forbidden.len())] as u32 | u32::from(bytes.u8() % 4)
        }
        80..=95 => mi::load_register_imm(1, true),
        96..=111 => 0x2000 + bytes.below(0x200) as u32 * 4,
        112..=127 => mi::BATCH_BUFFER_END,
        128..=143 => u32::from(bytes.u16()) << 3,
        144..=159 => 0,
        _ => bytes.u32(),
    }
}

/// Fills the whole image behind the status page.
fn fill(bytes: &mut Bytes<'_>, arena: &mut Arena<'_>, default: &[u32]) {
    let kind = bytes.u8();
    let word = bytes.u32();
    for (dword, default) in (0..).zip(&default[DWORDS as usize..]) {
        let value = match kind {
            0..=95 => *default,
            96..=127 => word,
            128..=159 => *default ^ word.rotate_left(dword),
            160..=191 => [mi::load_register_imm(1, true), word & 0x7f_fffc, 1][dword as usize % 3],
            192..=223 => 0,
            _ => word.wrapping_mul(dword | 1),
        };
        store_dword(arena, u64::from(dword), value);
    }
}

/// Writes a dword of the image behind the status page.
fn store_dword(arena: &mut Arena<'_>, dword: u64, value: u32) {
    let gfn = Gfn(FIRST.0 + CONTEXT + 1 + dword / DWORDS);
    arena.attacker().store(gfn, dword % DWORDS, value);
}

/// That the image that an engine will restore has the commands of the default state.
fn compare(engine: Engine, default: &[u32], image: &[u32]) {
    let id = id_of(engine);
    let base = id.mmio_base().0;
    let mut at = DWORDS as usize;
    while let Some(header) = default.get(at).copied() {
        let Some(command) = decode(id, header) else {
            return;
        };
        let end = at + command.length as usize;
        let (Some(wanted), Some(found)) = (default.get(at..end), image.get(at..end)) else {
            return;
        };
        match command.kind {
            Kind::Mi(mi::LOAD_REGISTER_IMM) => {
                assert_eq!(found[0], wanted[0], "the header at {at:#x}");
                let pairs = wanted[1..].chunks(2).zip(found[1..].chunks(2));
                for (wanted, found) in pairs {
                    assert_eq!(found[0], wanted[0], "a register at {at:#x}");
                    if HOSTS.contains(&wanted[0].wrapping_sub(base)) {
                        assert_eq!(found[1], wanted[1], "register {:#x}", wanted[0]);
                    }
                }
            }
            Kind::Mi(_) | Kind::PipeControl => assert_eq!(found, wanted, "at {at:#x}"),
            Kind::Skipped if wanted.len() == 1 => {
                assert_eq!(found[0] >> 16, wanted[0] >> 16, "at {at:#x}");
            }
            Kind::Skipped | Kind::Blit(_) => assert_eq!(found[0], wanted[0], "at {at:#x}"),
        }
        if command.kind == Kind::Mi(mi::opcode(mi::BATCH_BUFFER_END).unwrap_or_default()) {
            return;
        }
        at = end;
    }
}

/// Submits an image.
///
/// # Panics
///
/// The engine would restore a command, or a value of the host's, of the guest; or it reaches what is
/// not the guest's.
pub fn check(input: &[u8]) {
    stage::with(|arena| {
        let mut bytes = Bytes::new(input);
        let engine = bytes.pick(&ENGINES);
        let default = arena.default_state(engine);
        let data = arena.attacker().gma(DATA);
        fill(&mut bytes, arena, &default);
        arena.attacker().put(BATCH, &[mi::BATCH_BUFFER_END; 16]);
        arena.attacker().context(&store(data, 1));
        store_dword(arena, 0x03, bytes.pick(&CONTROL));
        let last = default.len() - DWORDS as usize;
        let mut changes = 0;
        while !bytes.is_empty() && changes < CHANGES {
            let dword = match bytes.u8() {
                0..=127 => bytes.pick(&RING_VALUES),
                128..=159 => bytes.below(RING_CONTEXT) as u64,
                _ => bytes.u32() as u64 % last as u64,
            };
            let value = value(&mut bytes, arena);
            store_dword(arena, dword, value);
            changes += 1;
        }
        let place = arena.attacker().gma(CONTEXT);
        let descriptor = arena.attacker().descriptor(place);
        arena.attacker().submit_as(engine, descriptor);
        for image in arena.images() {
            compare(engine, &default, &image);
        }
    });
}
