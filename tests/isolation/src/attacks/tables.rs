// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Entries of the GGTT, and page tables, that lead to what the guest has not, or has no more.

use crate::arena::Arena;
use crate::commands::{all, copy, copy_in_ppgtt, store, store_in_ppgtt};
use crate::guest::{
    DATA, ENGINES, FIRST, MAPPED, PDP0, PPGTT, PRESENT, SECRET, TABLES, UNMAPPED, WRITABLE,
};
use kvmgt_core::address::{Gfn, PAGE_SHIFT, PAGE_SIZE};
use kvmgt_core::hardware::Engine;

/// An entry of a page directory that maps a large page.
const LARGE: u64 = 1 << 7;
/// Bytes that an entry of a page directory maps.
const DIRECTORY: u64 = 2 << 20;

/// Addresses of memory that are not the guest's pages: of the host, of the other guest, its own as
/// the host sees them, and none.
pub(super) fn forbidden(arena: &Arena<'_>) -> Vec<u64> {
    let victim = &arena.guests[1];
    vec![
        arena.hosts.1,
        victim.address(Gfn(FIRST.0 + SECRET)),
        victim.address(UNMAPPED),
        arena.guests[0].address(UNMAPPED),
        1 << 45,
    ]
}

/// All entries that the guest may write, and those that it may not, with addresses that it has not.
pub(super) fn ggtt_entries(arena: &mut Arena<'_>) {
    for address in forbidden(arena) {
        let guest = arena.attacker();
        guest.map(DATA, address | PRESENT);
        let (own, other) = (guest.gma(DATA), guest.gma(DATA + 1));
        arena.attack_with(Engine::Rcs, &all([store(own, 0xbad), copy(other, own)]));
        for at in arena.forbidden() {
            arena.attacker().map_address(at, address | PRESENT);
            arena.attack_with(Engine::Rcs, &store(own, 0xbad));
        }
    }
    // Its own page again: by its number, which is another one's address.
    let entry = (FIRST.0 + DATA) << PAGE_SHIFT | PRESENT;
    arena.attacker().map(DATA, entry);
    let own = arena.attacker().gma(DATA);
    arena.attack_with(Engine::Rcs, &store(own, 1));
}

/// Pages that were mapped, and are not any more, or by half of an entry.
pub(super) fn s_45_ggtt_unmapped(arena: &mut Arena<'_>) {
    let own = arena.attacker().gma(DATA);
    arena.attack_with(Engine::Rcs, &store(own, 1));
    arena.attacker().map(DATA, 0);
    arena.attack_with(Engine::Rcs, &store(own, 0xbad));
    arena.attacker().map(DATA, UNMAPPED.0 << PAGE_SHIFT);
    arena.attack_with(Engine::Rcs, &store(own, 0xbad));
}

/// Memory that a guest's GGTT maps goes away.
pub(super) fn s_10_ggtt_forgotten(arena: &mut Arena<'_>) {
    let own = arena.attacker().gma(DATA);
    arena.attack_with(Engine::Rcs, &store(own, 1));
    arena.attacker().forget(Gfn(FIRST.0 + DATA), 1);
    arena.attack_with(Engine::Rcs, &store(own, 0xbad));
}

/// Stores to, and copies from, each of the mapped pages of the PPGTT, on all engines.
fn reach_all(arena: &mut Arena<'_>) {
    for engine in ENGINES {
        reach_all_on(arena, engine);
    }
}

fn reach_all_on(arena: &mut Arena<'_>, engine: Engine) {
    let pages = (0..8).map(|page| PPGTT + page * PAGE_SIZE);
    let commands = pages.flat_map(|at| [store_in_ppgtt(at, 0xbad), copy_in_ppgtt(at + 8, at)]);
    let commands = all(commands);
    arena.attack_with(engine, &commands);
}

pub(super) fn ppgtt_entries(arena: &mut Arena<'_>) {
    reach_all(arena);
    for address in forbidden(arena) {
        arena
            .attacker()
            .map_in_ppgtt(1, address | PRESENT | WRITABLE);
        reach_all(arena);
    }
}

/// Entries that the guest has taken away: the GPU finds nothing there at the next submission.
pub(super) fn s_45c_ppgtt_unmapped(arena: &mut Arena<'_>) {
    reach_all(arena);
    arena.attacker().map_in_ppgtt(1, 0);
    // What was pinned for it is let go behind the first flush.
    reach_all(arena);
    reach_all(arena);
}

/// Memory that a guest's page tables map goes away, and tables themselves.
pub(super) fn s_10_ppgtt_forgotten(arena: &mut Arena<'_>) {
    reach_all(arena);
    arena.attacker().forget(MAPPED, 2);
    reach_all(arena);
    for level in 0..4 {
        arena.attacker().forget(Gfn(TABLES.0 + level), 1);
        reach_all(arena);
    }
}

/// Tables that are their own, or of another level, or pages of data that look like tables.
pub(super) fn s_40_levels(arena: &mut Arena<'_>) {
    let mut engines = ENGINES.into_iter().cycle();
    reach_all_on(arena, engines.next().unwrap_or(Engine::Bcs));
    let index = |level: u64| PPGTT >> (39 - 9 * level) & 511;
    for target in forbidden(arena) {
        // A page of data whose dwords are entries.
        for entry in 0..512 {
            let guest = arena.attacker();
            guest.write_entry(MAPPED, entry, target | PRESENT | WRITABLE);
        }
        for level in 0..3 {
            for next in [TABLES.0, TABLES.0 + level, TABLES.0 + 3, MAPPED.0] {
                let entry = next << PAGE_SHIFT | PRESENT | WRITABLE;
                let guest = arena.attacker();
                guest.write_entry(Gfn(TABLES.0 + level), index(level), entry);
                reach_all_on(arena, engines.next().unwrap_or(Engine::Bcs));
            }
            let large = target & !(DIRECTORY - 1) | PRESENT | WRITABLE | LARGE;
            let guest = arena.attacker();
            guest.write_entry(Gfn(TABLES.0 + level), index(level), large);
            reach_all_on(arena, engines.next().unwrap_or(Engine::Bcs));
            arena.attacker().set_up();
        }
    }
}

/// Page tables that begin where the guest has none.
pub(super) fn roots(arena: &mut Arena<'_>) {
    for address in forbidden(arena) {
        let guest = arena.attacker();
        guest.context(&all([
            store_in_ppgtt(PPGTT, 0xbad),
            copy_in_ppgtt(PPGTT + 8, PPGTT),
        ]));
        guest.set_image(PDP0, address as u32);
        guest.set_image(PDP0 - 2, (address >> 32) as u32);
        for engine in ENGINES {
            arena.attacker().submit(engine);
            arena.execute();
            arena.attacker().reset_engines();
        }
    }
}
