// SPDX-License-Identifier: GPL-2.0 OR MIT
//! gvt-linux #120: pinning is refused in the middle of a shadow build, as it is when RLIMIT_MEMLOCK
//! is exceeded; or there is no memory for the shadows themselves.

use super::assert_clean;
use isolation::arena::{self, Arena};
use isolation::commands::{all, store_in_ppgtt};
use isolation::guest::{Guest, MAPPED, PPGTT};
use kvmgt_core::address::{Gfn, PAGE_SIZE};
use kvmgt_core::hardware::Engine;

/// Pages that commands reach in a PPGTT.
const PAGES: u64 = 8;
/// Levels of its tables: each has a shadow.
const LEVELS: u64 = 4;
/// More pins than there are.
const ALL: u64 = u64::MAX;

/// Stores something in each page that is mapped.
fn store_in_all(arena: &mut Arena<'_>, value: u32) {
    let pages = (0..PAGES).map(|page| store_in_ppgtt(PPGTT + page * PAGE_SIZE, value));
    arena.execute_with(Engine::Rcs, &all(pages));
}

/// What is in the pages.
fn found(guest: &Guest<'_>) -> Vec<u32> {
    let pages = (0..PAGES).map(|page| guest.load(Gfn(MAPPED.0 + page), 0));
    pages.collect()
}

#[test]
fn gvt_linux_120_no_memory_for_shadows_at_each_place_of_a_shadow_build() {
    let verdict = arena::run(|arena| {
        let pool = arena.guests[0].pool.clone();
        // What was there is given back, so that all of it is asked for.
        arena.attacker().start_again();
        pool.refuse(0..0);
        store_in_all(arena, 1);
        let pages = pool.attempts();
        assert!(pages >= LEVELS, "{pages} pages");
        for first in 0..pages {
            for last in [first + 1, ALL] {
                arena.attacker().start_again();
                pool.refuse(first..last);
                store_in_all(arena, 1);
                arena.check_work_of(1);
                assert_eq!(arena.look(), Vec::<String>::new(), "pages {first}..{last}");

                pool.refuse(0..0);
                arena.attacker().reset_engines();
                store_in_all(arena, 2);
                assert_eq!(found(arena.attacker()), [2; PAGES as usize]);
            }
        }
    });
    assert_clean(&verdict, "all in all");
}

/// How often a guest pins that does `act`, and then what happens if it is refused from each of those
/// times on, or once.
fn at_each_pin(act: impl Fn(&mut Arena<'_>), recover: impl Fn(&mut Arena<'_>)) {
    let verdict = arena::run(|arena| {
        arena.attacker().refuse_pins(0..0);
        act(arena);
        let pins = arena.attacker().pin_attempts();
        assert!(pins >= PAGES, "{pins} pins");
        for first in 0..pins {
            for last in [first + 1, ALL] {
                arena.attacker().start_again();
                arena.attacker().refuse_pins(first..last);
                act(arena);
                // Nobody else notices, while that goes on.
                arena.check_work_of(1);
                assert_eq!(arena.look(), Vec::<String>::new(), "pins {first}..{last}");

                arena.attacker().refuse_pins(0..0);
                recover(arena);
                arena.check_work_of(0);
            }
        }
    });
    assert_clean(&verdict, "all in all");
}

#[test]
fn gvt_linux_120_pinning_refused_at_each_place_of_a_shadow_build() {
    at_each_pin(
        |arena| store_in_all(arena, 1),
        |arena| {
            // The driver resets its engines: no more.
            arena.attacker().reset_engines();
            store_in_all(arena, 2);
            assert_eq!(found(arena.attacker()), [2; PAGES as usize]);
        },
    );
}

#[test]
fn gvt_linux_120_pinning_refused_at_each_place_of_a_drivers_start() {
    at_each_pin(
        |arena| {
            arena.attacker().load_driver();
            store_in_all(arena, 1);
        },
        |arena| arena.attacker().load_driver(),
    );
}

#[test]
fn gvt_linux_120_pages_that_are_refused_are_scratch_and_the_others_are_there() {
    let verdict = arena::run(|arena| {
        for pinned in 0..=PAGES {
            arena.attacker().start_again();
            arena.attacker().refuse_pins(pinned..ALL);

            store_in_all(arena, 7);

            let mut expected = [0; PAGES as usize];
            expected[..pinned as usize].fill(7);
            assert_eq!(found(arena.attacker()), expected);
            arena.attacker().refuse_pins(0..0);
        }
    });
    assert_clean(&verdict, "all in all");
}
