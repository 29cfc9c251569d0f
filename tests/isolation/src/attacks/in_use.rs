// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The VMM takes memory away that a running workload uses: it unmaps it for DMA, or removes a memory
//! slot. From then on nothing reaches it, whatever translations the GPU still has.

use crate::arena::Arena;
use crate::commands::{
    all, batch_in_ppgtt, copy, copy_in_ppgtt, increment, store, store_in_ppgtt, wait,
};
use crate::guest::{
    Pages, Spot, Tables, ALL_PAGES, BATCH, CONTEXT, DATA, ENGINES, FIRST, LARGE, MAPPED, PPGTT,
    RING, SMALLER, STATUS, TABLES, USER_BATCH,
};
use kvmgt_core::address::{Gfn, PAGE_SIZE};
use kvmgt_core::hardware::Engine;

/// Tables of a context with three levels.
const THREE: Gfn = Gfn(0x280);
/// The context.
const SPOT: Spot = Spot {
    image: CONTEXT,
    ring: RING,
    id: 10,
};
/// The page whose front is waited for, and what it becomes.
const FLAG: u64 = BATCH;
const GO: u32 = 0x60;

/// What the workload reaches before it waits, and once more behind that.
fn reach(arena: &Arena<'_>) -> Vec<u32> {
    let guest = &arena.guests[0];
    let data = guest.gma(DATA);
    let places = (0..USER_BATCH).map(|page| PPGTT + page * PAGE_SIZE).chain([
        LARGE,
        LARGE + 5 * PAGE_SIZE,
        SMALLER + 15 * PAGE_SIZE,
    ]);
    let places = places.flat_map(|at| [store_in_ppgtt(at, 0xbad), copy_in_ppgtt(at + 8, at)]);
    let ggtt = [
        store(data, 0xbad),
        copy(data + 8, data),
        increment(data + 64),
    ];
    all(ggtt.into_iter().chain(places))
}

/// A workload that has reached everything waits on an engine for a flag.
fn begin(arena: &mut Arena<'_>, engine: Engine, tables: Tables) {
    let flag = arena.guests[0].gma(FLAG);
    let reached = reach(arena);
    let batch = batch_in_ppgtt(PPGTT + USER_BATCH * PAGE_SIZE);
    let commands = all([reached.clone(), wait(flag, GO), reached, batch]);
    let guest = arena.attacker();
    guest.store(Gfn(FIRST.0 + FLAG), 0, 0);
    let batch = store_in_ppgtt(PPGTT, 0xbad);
    let batch = [batch, crate::commands::batch_end()].concat();
    guest.put_memory(Gfn(MAPPED.0 + USER_BATCH), &batch);
    guest.put_context(SPOT, tables, false, &commands);
    let descriptor = guest.descriptor_of(SPOT, tables);
    guest.submit_as(engine, descriptor);
    arena.card().run_engines();
    arena.judge.look(&arena.guests);
}

/// It goes on, as far as it gets.
fn go_on(arena: &mut Arena<'_>) {
    arena.attacker().store(Gfn(FIRST.0 + FLAG), 0, GO);
    arena.execute();
    arena.attacker().reset_engines();
}

/// All that a workload uses: pages of both kinds of tables, tables, what its context consists of.
fn used(pages: &Pages, tables: Tables) -> Vec<(Gfn, u64)> {
    let of_ggtt = [DATA, RING, FLAG, CONTEXT, CONTEXT + 1].into_iter();
    let of_ggtt = of_ggtt.chain(STATUS).map(|page| (Gfn(FIRST.0 + page), 1));
    let mapped = [(MAPPED, 1), (Gfn(MAPPED.0 + 1), 7)];
    let roots = tables.pointers().map(|gfn| (gfn, 1));
    let roots = roots.into_iter().filter(|(gfn, _)| *gfn != Gfn(0));
    // And all of it at a time, as when a VM goes away.
    let everything = [(Gfn(0), ALL_PAGES)];
    of_ggtt
        .chain(mapped)
        .chain(pages.parts())
        .chain(roots)
        .chain(everything)
        .collect()
}

/// Memory goes away that is in use, and comes back; the guest goes on when it has reset its engines,
/// and has mapped again what its GGTT led to.
fn forgotten(arena: &mut Arena<'_>, three: bool) {
    let mut engines = ENGINES.into_iter().cycle();
    arena.attacker().set_pages_64k(true);
    let guest = arena.attacker();
    let tables = match three {
        true => guest.lay_out_three(THREE, MAPPED),
        false => guest.lay_out(TABLES, MAPPED),
    };
    let pages = guest.lay_out_large(tables);
    for (first, count) in used(&pages, tables) {
        let reached = Gfn(MAPPED.0 + 1);
        arena.attacker().store(reached, 0, 0);
        begin(arena, engines.next().unwrap_or(Engine::Bcs), tables);
        let said = arena.attacker().complaints();
        assert_eq!(arena.attacker().load(reached, 0), 0xbad, "{said:?}");
        arena.attacker().forget(first, count);
        go_on(arena);
        // Without it, too.
        begin(arena, engines.next().unwrap_or(Engine::Bcs), tables);
        go_on(arena);
        arena.attacker().regain(first, count);
        arena.attacker().map_all();
        arena.check_work_of(0);
    }
}

pub(super) fn s_10_unmapped_in_use(arena: &mut Arena<'_>) {
    forgotten(arena, false);
}

/// The same while writes to tables are told, as KVM does, which has to stop with the memory.
pub(super) fn s_10_unmapped_in_use_by_three_levels(arena: &mut Arena<'_>) {
    arena.attacker().watch();
    forgotten(arena, true);
}
