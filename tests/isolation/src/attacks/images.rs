// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Contexts whose descriptor or image says what it must not.

use crate::arena::Arena;
use crate::commands::{all, load, store, NOOP};
use crate::guest::{
    BATCH, CONTEXT, DATA, ENGINES, FIRST, INDIRECT, PER_CONTEXT, RING_CONTROL, START, TAIL,
};
use gen9_gpu::engine::command::mi;
use gen9_gpu::regs::engine;
use kvmgt_core::address::{Gfn, PAGE_SIZE};
use kvmgt_core::hardware::Engine;

const RENDER: u32 = 0x2000;
/// Dwords of the ring context.
const RING_CONTEXT: u64 = 0x50;
/// Dwords of a page.
const DWORDS: u64 = PAGE_SIZE / 4;
/// Pages of the image behind the status page.
const IMAGE: u64 = 20;

/// Submits the attacker's context as it is now, and resets its engines behind that.
fn go(arena: &mut Arena<'_>, engine: Engine) {
    arena.attacker().submit(engine);
    arena.execute();
    arena.attacker().reset_engines();
}

/// Images outside, across an edge, and in the other guest; without page tables, and with other modes.
pub(super) fn s_65_descriptors(arena: &mut Arena<'_>) {
    for engine in ENGINES {
        descriptors_on(arena, engine);
    }
}

fn descriptors_on(arena: &mut Arena<'_>, engine: Engine) {
    let end = arena.attacker().aperture().end;
    let mut places = arena.forbidden();
    places.push(end - PAGE_SIZE);
    for place in places {
        let guest = arena.attacker();
        let data = guest.gma(DATA);
        guest.context(&store(data, 1));
        let descriptor = guest.descriptor(place & !(PAGE_SIZE - 1));
        guest.submit_as(engine, descriptor);
        arena.execute();
        arena.attacker().reset_engines();
    }
    let right = arena.attacker().gma(CONTEXT);
    for changed in [1 << 8, 1 << 4, 3 << 3, 1 << 11] {
        let guest = arena.attacker();
        let data = guest.gma(DATA);
        guest.context(&store(data, 1));
        let descriptor = guest.descriptor(right) ^ changed;
        guest.submit_as(engine, descriptor);
        arena.execute();
        arena.attacker().reset_engines();
    }
}

/// Rings outside, beyond the end, with a head or a tail that is not in them.
pub(super) fn s_50_rings(arena: &mut Arena<'_>) {
    for engine in ENGINES {
        rings_on(arena, engine);
    }
}

fn rings_on(arena: &mut Arena<'_>, engine: Engine) {
    for place in arena.forbidden() {
        arena.attacker().context(&[NOOP; 64]);
        arena.attacker().set_image(START, place as u32);
        go(arena, engine);
    }
    let last = arena.attacker().aperture().end - PAGE_SIZE;
    for (dword, value) in [
        (TAIL, 0x1f_fff8),
        (TAIL, 0x1004),
        (RING_CONTROL, 0x1f_f001),
        (START, last as u32 + 8),
    ] {
        let guest = arena.attacker();
        guest.context(&[NOOP; 64]);
        guest.set_image(START, last as u32);
        guest.set_image(dword, value);
        go(arena, engine);
    }
}

/// Batches that a restore executes, with privilege: outside, and with commands that are not allowed.
pub(super) fn s_55_s_56_restore_batches(arena: &mut Arena<'_>) {
    for engine in ENGINES {
        restore_batches_on(arena, engine);
    }
}

fn restore_batches_on(arena: &mut Arena<'_>, engine: Engine) {
    for place in arena.forbidden() {
        for dword in [INDIRECT, PER_CONTEXT] {
            arena.attacker().context(&[NOOP; 2]);
            arena.attacker().set_image(dword, place as u32 & !0x3f | 1);
            go(arena, engine);
        }
        let guest = arena.attacker();
        let at = guest.gma(BATCH) as u32;
        guest.put(
            BATCH,
            &all([store(place, 0xbad), vec![mi::BATCH_BUFFER_END; 12]]),
        );
        for dword in [INDIRECT, PER_CONTEXT] {
            arena.attacker().context(&[NOOP; 2]);
            arena.attacker().set_image(dword, at | 1);
            go(arena, engine);
        }
    }
}

/// The image that the engine saved gets other commands: whatever they are, only values are taken.
pub(super) fn s_57_commands(arena: &mut Arena<'_>) {
    for engine in ENGINES {
        commands_on(arena, engine);
    }
}

fn commands_on(arena: &mut Arena<'_>, engine: Engine) {
    let data = arena.attacker().gma(DATA);
    arena.attacker().context(&store(data, 1));
    arena.attacker().submit(engine);
    arena.execute();
    let hostile = load(RENDER + engine::HWS_PGA, 0x000f_f000);
    let mut page = all(std::iter::repeat_n(hostile, (DWORDS / 3) as usize));
    page.push(NOOP);
    for number in 0..IMAGE {
        let from = if number == 0 { RING_CONTEXT } else { 0 };
        for dword in from..DWORDS {
            let value = page[(dword - from) as usize];
            let gfn = Gfn(FIRST.0 + CONTEXT + 1 + number);
            arena.attacker().store(gfn, dword, value);
        }
    }
    arena.attacker().go_on(&store(data, 2));
    go(arena, engine);
}

/// The image says where batches of the restore are. They are audited when it is submitted, and
/// changed before the engine would find them.
pub(super) fn s_57_registers(arena: &mut Arena<'_>) {
    for engine in ENGINES {
        registers_on(arena, engine);
    }
}

fn registers_on(arena: &mut Arena<'_>, engine: Engine) {
    let data = arena.attacker().gma(DATA);
    arena.attacker().context(&store(data, 1));
    arena.attacker().submit(engine);
    arena.execute();
    let at = arena.attacker().gma(BATCH) as u32;
    for dword in [INDIRECT, PER_CONTEXT] {
        for place in arena.forbidden() {
            let guest = arena.attacker();
            guest.put(BATCH, &[mi::BATCH_BUFFER_END; 16]);
            if dword == INDIRECT {
                guest.put(BATCH, &[NOOP; 16]);
            }
            guest.go_on(&store(data, 2));
            guest.set_image(INDIRECT, 0);
            guest.set_image(PER_CONTEXT, 0);
            guest.set_image(dword, at | 1);
            guest.submit(engine);
            guest.put(BATCH, &store(place, 0xbad));
            arena.execute();
            arena.attacker().reset_engines();
        }
    }
}
