// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Contexts of both address widths, and pages of all sizes, work on the GPU as the guest has laid
//! them out.

use isolation::arena::{self, Arena};
use isolation::commands::{all, copy_in_ppgtt, store_in_ppgtt};
use isolation::guest::{
    Notice, Spot, Tables, CONTEXT, ENGINES, LARGE, MAPPED, PPGTT, PRESENT, RING, SMALLER, TABLES,
    WRITABLE,
};
use kvmgt_core::address::{Gfn, PAGE_SHIFT, PAGE_SIZE};
use kvmgt_core::hardware::Engine;

/// Tables of a context with three levels.
const THREE: Gfn = Gfn(0x280);
const GIB: u64 = 1 << 30;
/// Two contexts of an engine that has small images, and for which there is room.
const SPOTS: [Spot; 2] = [
    Spot {
        image: CONTEXT,
        ring: RING,
        id: 1,
    },
    Spot {
        image: CONTEXT + 24,
        ring: CONTEXT + 28,
        id: 2,
    },
];
/// Addresses in pages of all sizes, at their edges.
const PLACES: [u64; 10] = [
    PPGTT,
    PPGTT + 7 * PAGE_SIZE + 0xff8,
    LARGE,
    LARGE + 0x12_3450,
    LARGE + (2 << 20) - 8,
    SMALLER,
    SMALLER + 15 * PAGE_SIZE + 0xff8,
    SMALLER + 16 * PAGE_SIZE,
    SMALLER + 0x12_3450,
    SMALLER + (2 << 20) - 8,
];

/// Commands that store a number at each place, and copy it to behind itself.
fn stores(places: &[u64], first: u32) -> Vec<u32> {
    let numbered = (first..).zip(places);
    all(numbered.flat_map(|(value, at)| [store_in_ppgtt(*at, value), copy_in_ppgtt(*at + 4, *at)]))
}

/// They are where the guest has mapped those places.
#[track_caller]
fn assert_stored(arena: &Arena<'_>, places: &[u64], first: u32) {
    let guest = &arena.guests[0];
    for (value, at) in (first..).zip(places) {
        let (gfn, dword) = guest.place_of(*at);
        let found = [guest.load(gfn, dword), guest.load(gfn, dword + 1)];
        assert_eq!(found, [value; 2], "{at:#x}");
    }
}

fn execute(arena: &mut Arena<'_>, engine: Engine, tables: Tables, commands: &[u32]) {
    let guest = arena.attacker();
    guest.put_context(SPOTS[0], tables, false, commands);
    let descriptor = guest.descriptor_of(SPOTS[0], tables);
    guest.submit_as(engine, descriptor);
    arena.execute();
    assert_eq!(arena.attacker().complaints(), Vec::<String>::new());
}

/// Lets a test happen on a GPU, and asserts that nothing else was reached.
fn on(gpu: &str, act: impl FnOnce(&mut Arena<'_>)) {
    let verdict = arena::run_on(gpu, act);
    assert_eq!(verdict.violations, Vec::<String>::new(), "{gpu}");
    assert_eq!(verdict.left, Vec::<String>::new(), "{gpu}");
}

#[test]
fn contexts_of_both_widths_find_pages_of_all_sizes_on_all_engines() {
    for announced in [true, false] {
        on("kbl,display=off", |arena| {
            let guest = arena.attacker();
            guest.set_pages_64k(true);
            let all = [
                guest.lay_out(TABLES, MAPPED),
                guest.lay_out_three(THREE, MAPPED),
            ];
            for tables in all {
                guest.lay_out_large(tables);
                if announced {
                    guest.notify(tables, Notice::Create);
                }
            }
            let mut first = 1;
            for engine in ENGINES {
                for tables in all {
                    execute(arena, engine, tables, &stores(&PLACES, first));
                    assert_stored(arena, &PLACES, first);
                    first += 100;
                }
            }
        });
    }
}

#[test]
fn three_level_contexts_find_their_pages_in_each_gib() {
    for gpu in ["kbl,display=off", "bdw,display=off", "bxt,display=off"] {
        on(gpu, |arena| {
            let tables = arena.attacker().lay_out_three(THREE, MAPPED);
            for gib in 0..4 {
                let places = [PPGTT, PPGTT + PAGE_SIZE].map(|at| at + gib * GIB);
                let first = 10 + gib as u32;
                execute(arena, Engine::Bcs, tables, &stores(&places, first));
                assert_stored(arena, &[PPGTT, PPGTT + PAGE_SIZE], first);
            }
        });
    }
}

#[test]
fn contexts_of_both_widths_go_in_one_submission() {
    on("kbl,display=off", |arena| {
        let guest = arena.attacker();
        let both = [
            guest.lay_out_three(THREE, MAPPED),
            guest.lay_out(TABLES, MAPPED),
        ];
        let places = [PPGTT + PAGE_SIZE, PPGTT + 2 * PAGE_SIZE];
        for ((spot, tables), at) in SPOTS.into_iter().zip(both).zip(places) {
            guest.put_context(spot, tables, false, &stores(&[at], 5));
        }
        let elements = [0, 1].map(|number| guest.descriptor_of(SPOTS[number], both[number]));
        guest.submit_list(Engine::Bcs, elements);
        arena.execute();

        assert_stored(arena, &places[..1], 5);
        assert_stored(arena, &places[1..], 5);
    });
}

#[test]
fn s_45b_page_that_is_mapped_by_itself_and_in_2_mib_is_found_by_both_in_any_order() {
    on("kbl,display=off", |arena| {
        let guest = arena.attacker();
        let tables = guest.lay_out(TABLES, MAPPED);
        let inside = LARGE + 5 * PAGE_SIZE;
        let (gfn, _) = guest.place_of(inside);
        let small = gfn.0 << PAGE_SHIFT | PRESENT | WRITABLE;
        let by_itself = PPGTT + PAGE_SIZE;
        let pages = guest.lay_out_large(tables);
        let (directory, index) = pages.large();
        let large = guest.entry(directory, index);
        // One, both, the other, both, none, and so on.
        let steps = [
            (0, large),
            (small, large),
            (small, 0),
            (small, large),
            (0, 0),
        ];
        for (number, (one, other)) in (1..).zip(steps.into_iter().cycle().take(12)) {
            let guest = arena.attacker();
            guest.map_in_ppgtt(1, one);
            guest.write_entry(directory, index, other);
            guest.store(gfn, 0, 0);
            guest.store(gfn, 2, 0);
            let commands = all([
                store_in_ppgtt(by_itself, number),
                store_in_ppgtt(inside + 8, number),
            ]);
            execute(arena, Engine::Vcs, tables, &commands);
            let guest = arena.attacker();
            let found = [guest.load(gfn, 0), guest.load(gfn, 2)];
            let expected = [one, other].map(|entry| if entry == 0 { 0 } else { number });
            assert_eq!(found, expected);
        }
        // It goes away while both lead there.
        arena.attacker().map_in_ppgtt(1, small);
        arena.attacker().write_entry(directory, index, large);
        execute(arena, Engine::Vcs, tables, &stores(&[inside], 5));
        arena.attacker().forget(gfn, 1);
        let places = [by_itself, inside, LARGE];
        let guest = arena.attacker();
        guest.put_context(SPOTS[0], tables, false, &stores(&places, 0xbad));
        let descriptor = guest.descriptor_of(SPOTS[0], tables);
        guest.submit_as(Engine::Vcs, descriptor);
        arena.execute();
        arena.attacker().regain(gfn, 1);
        assert_eq!(arena.attacker().load(gfn, 0), 5);
        assert_eq!(
            arena.attacker().complaints().len(),
            2,
            "once for each table"
        );
        execute(arena, Engine::Vcs, tables, &stores(&[inside], 6));
        assert_stored(arena, &[inside], 6);
    });
}

#[test]
fn pages_of_64_kib_become_what_their_entries_say_when_the_guest_switches_them_off() {
    on("kbl,display=off", |arena| {
        let guest = arena.attacker();
        guest.set_pages_64k(true);
        let tables = guest.lay_out(TABLES, MAPPED);
        guest.lay_out_large(tables);
        let (first, second) = (SMALLER, SMALLER + PAGE_SIZE);
        execute(arena, Engine::Rcs, tables, &stores(&[first, second], 1));
        assert_stored(arena, &[first, second], 1);

        // Only each 16th entry of the table is there.
        arena.attacker().set_pages_64k(false);
        execute(arena, Engine::Rcs, tables, &stores(&[first, second], 3));
        assert_stored(arena, &[first], 3);
        let (gfn, dword) = arena.guests[0].place_of(second);
        assert_eq!(arena.guests[0].load(gfn, dword), 2);

        arena.attacker().set_pages_64k(true);
        execute(arena, Engine::Rcs, tables, &stores(&[first, second], 5));
        assert_stored(arena, &[first, second], 5);
    });
}
