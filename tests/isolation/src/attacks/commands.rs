// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Commands in rings and privileged batches that name what is not the guest's.

use crate::arena::Arena;
use crate::commands::{
    all, batch, batch_end, copy, copy_register, end_if, flip as flip_to, flush, increment, load,
    load_register, pipe_control, store, store_index, store_qword, store_register, update_ggtt,
    wait,
};
use crate::guest::{BATCH, DATA, PRESENT};
use gen9_gpu::regs::{engine, gt};
use kvmgt_core::hardware::Engine;

/// A register that holds what the guest put there, and two that are the host's.
const GPR: u32 = engine::GPR0;
const RENDER: u32 = 0x2000;

/// All engines, and where their registers begin.
const ENGINES: [(Engine, u32); 4] = [
    (Engine::Rcs, RENDER),
    (Engine::Bcs, 0x2_2000),
    (Engine::Vcs, 0x1_2000),
    (Engine::Vecs, 0x1_a000),
];

/// Tries what `make` makes of an engine's base and each address that is not the guest's.
fn try_addresses(arena: &mut Arena<'_>, make: impl Fn(u32, u64) -> Vec<u32>) {
    for (engine, base) in ENGINES {
        for address in arena.forbidden() {
            arena.attack_with(engine, &make(base, address));
        }
    }
}

pub(super) fn store_data(arena: &mut Arena<'_>) {
    try_addresses(arena, |_, at| store(at, 0xbad));
    // The first half of it is inside.
    let edge = arena.attacker().aperture().end - 4;
    arena.attack_with(Engine::Rcs, &store_qword(edge, 0xbad));
}

pub(super) fn s_63_copy_memory(arena: &mut Arena<'_>) {
    let own = arena.attacker().gma(DATA);
    try_addresses(arena, |_, at| copy(own, at));
    try_addresses(arena, |_, at| copy(at, own));
}

pub(super) fn atomic(arena: &mut Arena<'_>) {
    try_addresses(arena, |_, at| increment(at));
}

pub(super) fn s_63_store_register(arena: &mut Arena<'_>) {
    try_addresses(arena, |base, at| store_register(base + GPR, at));
}

pub(super) fn s_63_load_register(arena: &mut Arena<'_>) {
    try_addresses(arena, |base, at| load_register(base + GPR, at));
    let own = arena.attacker().gma(DATA);
    arena.attack_with(Engine::Rcs, &load_register(RENDER + engine::HWS_PGA, own));
}

pub(super) fn s_22_s_64_load_immediate(arena: &mut Arena<'_>) {
    for (engine, base) in ENGINES {
        for register in [
            base + engine::HWS_PGA,
            base + engine::MODE,
            base + engine::FORCE_TO_NONPRIV,
            base + engine::PDP0,
            gt::GDRST.0,
            0x10_0000,
        ] {
            let hostile = load(register, 0x000f_f000);
            arena.attack_with(engine, &hostile);
        }
    }
}

pub(super) fn s_63_copy_register(arena: &mut Arena<'_>) {
    for (engine, base) in ENGINES {
        let hostile = all([
            load(base + GPR, 0x000f_f000),
            copy_register(base + engine::HWS_PGA, base + GPR),
        ]);
        arena.attack_with(engine, &hostile);
    }
}

pub(super) fn s_51_flush_dw(arena: &mut Arena<'_>) {
    for operation in [1, 3] {
        // The render engine has PIPE_CONTROL in its place.
        for (engine, _) in &ENGINES[1..] {
            for address in arena.forbidden() {
                arena.attack_with(*engine, &flush(operation, address, 0xbad));
            }
        }
    }
}

pub(super) fn s_52_s_53_pipe_control(arena: &mut Arena<'_>) {
    for operation in [1, 2, 3] {
        for address in arena.forbidden() {
            arena.attack_with(Engine::Rcs, &pipe_control(operation, address, 0xbad));
        }
    }
}

pub(super) fn s_63_semaphore_wait(arena: &mut Arena<'_>) {
    try_addresses(arena, |_, at| wait(at, 0));
}

pub(super) fn s_63_conditional_end(arena: &mut Arena<'_>) {
    for (engine, _) in ENGINES {
        for address in arena.forbidden() {
            let at = arena.attacker().gma(BATCH);
            let hostile = all([end_if(address, 0), batch_end()]);
            arena.attacker().put(BATCH, &hostile);
            arena.attack_with(engine, &batch(at));
        }
    }
}

pub(super) fn s_21_s_63_refused(arena: &mut Arena<'_>) {
    for (engine, _) in ENGINES {
        arena.attack_with(engine, &store_index(0x40, 0xbad));
        for address in arena.forbidden() {
            let entry = arena.hosts.1 | PRESENT;
            arena.attack_with(engine, &update_ggtt(address, entry));
        }
    }
}

pub(super) fn flip(arena: &mut Arena<'_>) {
    let surface = arena.attacker().aperture().start as u32;
    arena.attack_with(Engine::Rcs, &flip_to(0, surface));
}

/// Batches that are privileged, where the guest has nothing.
pub(super) fn batches_outside(arena: &mut Arena<'_>) {
    try_addresses(arena, |_, at| batch(at));
    let edge = arena.attacker().aperture().end - 4;
    arena.attack_with(Engine::Rcs, &batch(edge));
}

/// What is executed is what was audited, whatever the guest's memory holds by then.
pub(super) fn s_58_changed_after_submission(arena: &mut Arena<'_>) {
    let forbidden = arena.forbidden();
    let targets = ENGINES.into_iter().flat_map(|(engine, _)| {
        let addresses = forbidden.iter();
        addresses.map(move |address| (engine, *address))
    });
    for (engine, address) in targets {
        let guest = arena.attacker();
        let (data, at) = (guest.gma(DATA), guest.gma(BATCH));
        let harmless = |value| all([store(data, value), batch_end()]);
        guest.put(BATCH, &harmless(1));
        guest.context(&all([store(data, 2), batch(at)]));
        guest.submit(engine);
        guest.put(BATCH, &all([store(address, 0xbad), batch_end()]));
        guest.put(crate::guest::RING, &store(address, 0xbad));
        arena.execute();
        arena.attacker().reset_engines();
    }
}
