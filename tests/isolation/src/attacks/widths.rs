// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Address spaces of both widths, and pages of all sizes, that lead to what the guest has not, or has
//! no more.

use super::tables::forbidden;
use crate::arena::Arena;
use crate::commands::{all, copy_in_ppgtt, store_in_ppgtt};
use crate::guest::{Pages, Tables, MAPPED, PPGTT, PRESENT, TABLES, WRITABLE};
use crate::guest::{Spot, FIRST, LARGE, SMALLER};
use crate::guest::{CONTEXT, ENGINES, RING};
use kvmgt_core::address::{Gfn, PAGE_SHIFT, PAGE_SIZE};
use kvmgt_core::hardware::Engine;

/// Tables of a context with three levels.
const THREE: Gfn = Gfn(0x280);
/// The context.
const SPOT: Spot = Spot {
    image: CONTEXT,
    ring: RING,
    id: 32,
};
/// Bytes of a GiB, each of which a page directory of a context with three levels maps.
const GIB: u64 = 1 << 30;
/// Bytes that an entry of a page directory maps.
const DIRECTORY: u64 = 2 << 20;

/// What the guest has to begin with: tables of four levels, or of three, with pages of all sizes.
fn lay_out(arena: &mut Arena<'_>, three: bool) -> (Tables, Pages) {
    let guest = arena.attacker();
    let tables = match three {
        true => guest.lay_out_three(THREE, MAPPED),
        false => guest.lay_out(TABLES, MAPPED),
    };
    (tables, guest.lay_out_large(tables))
}

/// Stores to, and copies from, pages of all sizes, at their edges.
fn reach(arena: &mut Arena<'_>, engine: Engine, tables: Tables) {
    let places = [
        PPGTT,
        PPGTT + PAGE_SIZE,
        LARGE,
        LARGE + PAGE_SIZE * 5,
        LARGE + DIRECTORY - 16,
        SMALLER,
        SMALLER + PAGE_SIZE * 15,
        SMALLER + PAGE_SIZE * 16,
        SMALLER + DIRECTORY - 16,
    ];
    let others = match tables {
        Tables::Three(_) => vec![GIB + PPGTT, 2 * GIB + PPGTT, 4 * GIB - 16],
        Tables::Four(_) => vec![GIB + PPGTT, 1 << 39 | PPGTT, (1 << 48) - 16],
    };
    let places = places.into_iter().chain(others);
    let commands = places.flat_map(|at| [store_in_ppgtt(at, 0xbad), copy_in_ppgtt(at + 8, at)]);
    let commands = all(commands);
    let guest = arena.attacker();
    guest.put_context(SPOT, tables, false, &commands);
    let descriptor = guest.descriptor_of(SPOT, tables);
    guest.submit_as(engine, descriptor);
    arena.execute();
    arena.attacker().reset_engines();
}

/// Entries at each level of both kinds of tables, as pages of each size and as tables.
pub(super) fn widths(arena: &mut Arena<'_>) {
    let mut engines = ENGINES.into_iter().cycle();
    for three in [false, true] {
        arena.attacker().set_pages_64k(true);
        for target in forbidden(arena) {
            let (tables, pages) = lay_out(arena, three);
            let entry = target & !(PAGE_SIZE - 1) | PRESENT | WRITABLE;
            for (table, index) in pages.entries() {
                let (tables, _) = lay_out(arena, three);
                reach(arena, engines.next().unwrap_or(Engine::Bcs), tables);
                for bits in Pages::BITS {
                    arena.attacker().write_entry(table, index, entry | bits);
                    reach(arena, engines.next().unwrap_or(Engine::Bcs), tables);
                }
            }
            // Data that looks like tables, at the end of everything.
            arena.attacker().write_entry(MAPPED, 0, entry);
            reach(arena, Engine::Rcs, tables);
        }
        arena.attacker().set_pages_64k(false);
        let (tables, _) = lay_out(arena, three);
        reach(arena, Engine::Rcs, tables);
    }
}

/// Page directories of a context with three levels that are where the guest has none, or are pages
/// of tables of four levels, of data, and one for all.
pub(super) fn three_level_roots(arena: &mut Arena<'_>) {
    let (tables, _) = lay_out(arena, true);
    let Tables::Three(own) = tables else { return };
    let mut engines = ENGINES.into_iter().cycle();
    let others = [TABLES, Gfn(TABLES.0 + 3), MAPPED, FIRST, own[0]];
    let targets = forbidden(arena).into_iter().map(|at| Gfn(at >> PAGE_SHIFT));
    for target in targets.chain(others) {
        for place in 0..own.len() {
            let mut roots = own;
            roots[place] = target;
            let engine = engines.next().unwrap_or(Engine::Bcs);
            reach(arena, engine, Tables::Three(roots));
        }
        reach(arena, Engine::Vcs, Tables::Three([target; 4]));
        // The same pages as a context of four levels.
        reach(arena, Engine::Bcs, Tables::Four(target));
    }
}

/// Memory goes away that large pages, or tables of both widths, are in.
pub(super) fn s_10_large_forgotten(arena: &mut Arena<'_>) {
    for three in [false, true] {
        arena.attacker().set_pages_64k(true);
        let (tables, pages) = lay_out(arena, three);
        reach(arena, Engine::Rcs, tables);
        for (first, count) in pages.parts() {
            arena.attacker().forget(first, count);
            reach(arena, Engine::Vecs, tables);
            arena.attacker().regain(first, count);
            reach(arena, Engine::Rcs, tables);
        }
    }
}
