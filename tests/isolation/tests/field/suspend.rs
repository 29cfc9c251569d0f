// SPDX-License-Identifier: GPL-2.0 OR MIT
//! gvt-linux #156: the host suspends with vGPUs alive, and resumes. Guests may find that their engines
//! hang; they recover by their own reset.

use super::assert_clean;
use super::noise::Noise;
use gen9_gpu::gpu::DEFAULT_SLICE;
use gvt_host::events;
use isolation::arena::{self, Arena};
use isolation::commands::{all, store, store_in_ppgtt, wait};
use isolation::guest::{Guest, DATA, ENGINES, FIRST, PPGTT, STATUS};
use kvmgt_core::address::Gfn;

/// Dwords of a status page that nobody else uses: what is waited for, and what is stored then.
const FLAG: u64 = 0x100;
const DONE: u64 = 0x110;
/// What all have submitted, and how far it is, when the host suspends.
const PLACES: [Place; 5] = [
    Place::Nothing,
    Place::Queued,
    Place::Waiting,
    Place::Executed,
    Place::Ended,
];
/// Rounds of a life in which anything happens.
const ROUNDS: u32 = 150;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nothing is submitted.
    Nothing,
    /// No engine has begun.
    Queued,
    /// All engines wait in the midst of it.
    Waiting,
    /// All is executed, and nobody has looked.
    Executed,
    /// The vGPUs are told.
    Ended,
}

/// The page that an engine's work uses.
fn page(engine: usize) -> u64 {
    STATUS[engine]
}

/// A guest submits on an engine: it waits for a flag in the midst.
fn submit(guest: &mut Guest<'_>, engine: usize, number: u32) {
    let status = guest.gma(page(engine));
    let commands = all([
        store_in_ppgtt(PPGTT, number),
        wait(status + FLAG * 4, number),
        store(status + DONE * 4, number),
    ]);
    guest.context(&commands);
    guest.submit(ENGINES[engine]);
}

/// What the guest waits for is there, on all engines.
fn release(guest: &Guest<'_>, number: u32) {
    for engine in 0..ENGINES.len() {
        guest.store(Gfn(FIRST.0 + page(engine)), FLAG, number);
    }
}

/// How many engines have done all of it.
fn done(guest: &Guest<'_>, number: u32) -> usize {
    let pages = (0..ENGINES.len()).map(|engine| Gfn(FIRST.0 + page(engine)));
    pages
        .filter(|page| guest.load(*page, DONE) == number)
        .count()
}

/// The host sleeps while each guest has something on each engine. How many of all are done.
fn sleep_at(arena: &mut Arena<'_>, place: Place, number: u32) -> usize {
    if place != Place::Nothing {
        for guest in &mut arena.guests {
            (0..ENGINES.len()).for_each(|engine| submit(guest, engine, number));
        }
    }
    if !matches!(place, Place::Nothing | Place::Queued | Place::Waiting) {
        arena.guests.iter().for_each(|guest| release(guest, number));
    }
    match place {
        Place::Nothing | Place::Queued => {}
        Place::Waiting => {
            arena.card().run_engines();
        }
        Place::Executed => {
            arena.machine().gpu().run(DEFAULT_SLICE);
        }
        Place::Ended => arena.execute(),
    }
    arena.sleep();
    arena.guests.iter().for_each(|guest| release(guest, number));
    arena.execute();
    let all = arena.guests.iter().map(|guest| done(guest, number));
    all.sum()
}

#[test]
fn gvt_linux_156_host_that_suspends_with_vgpus_alive_at_any_place_of_their_work() {
    for place in PLACES {
        let verdict = arena::run(|arena| {
            for number in 1..4 {
                let done = sleep_at(arena, place, number);
                let all = 2 * ENGINES.len();
                match place {
                    Place::Ended => assert_eq!(done, all),
                    Place::Nothing => {}
                    // What had not ended is lost, but for what an engine had executed.
                    _ => assert!(done < all, "{place:?}: {done}"),
                }
                for guest in &mut arena.guests {
                    guest.reset_engines();
                }
                arena.check_work();
            }
            assert_eq!(arena.look_at_all(), Vec::<String>::new(), "{place:?}");
        });
        assert_clean(&verdict, &format!("{place:?}"));
    }
}

#[test]
fn gvt_linux_156_guest_that_had_nothing_to_do_goes_on_without_a_reset() {
    let verdict = arena::run(|arena| {
        arena.check_work();
        for _ in 0..3 {
            arena.sleep();
            arena.check_work();
        }
    });
    assert_clean(&verdict, "all in all");
}

#[test]
fn gvt_linux_156_what_is_submitted_between_suspend_and_resume_is_executed_then() {
    let verdict = arena::run(|arena| {
        events::suspend(arena.card());
        let data = arena.guests[0].gma(DATA);
        arena.execute_with(ENGINES[0], &store(data, 1));
        assert_eq!(arena.attacker().load(Gfn(FIRST.0 + DATA), 0), 0);
        assert_eq!(arena.attacker().complaints(), Vec::<String>::new());
        events::resume(arena.card());
        arena.attacker().work();
        arena.execute();

        assert_eq!(arena.attacker().load(Gfn(FIRST.0 + DATA), 0), 1);
        assert_eq!(arena.attacker().complaints(), Vec::<String>::new());
        arena.check_work();
    });
    assert_clean(&verdict, "all in all");
}

#[test]
fn gvt_linux_156_suspends_and_resets_of_the_host_and_of_guests_in_any_order() {
    let verdict = arena::run(|arena| {
        let mut noise = Noise::new(156);
        for number in 1..=ROUNDS {
            let who = noise.below(2) as usize;
            let engine = noise.below(ENGINES.len() as u64) as usize;
            match noise.below(10) {
                0 => arena.sleep(),
                1 => arena.reset_gpu(),
                2 => arena.guests[who].reset_engines(),
                3 => release(&arena.guests[who], number),
                4 => {
                    arena.machine().gpu().run(DEFAULT_SLICE);
                }
                5 => {
                    arena.card().run_slice();
                }
                6 => {
                    arena.guests[who].work();
                }
                _ => submit(&mut arena.guests[who], engine, number),
            }
            arena.judge.look(&arena.guests);
            if number % 25 == 0 {
                arena.execute();
                for guest in &mut arena.guests {
                    guest.reset_engines();
                    guest.complaints();
                }
                arena.check_work();
            }
        }
    });
    assert_clean(&verdict, "all in all");
}
