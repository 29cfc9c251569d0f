// SPDX-License-Identifier: GPL-2.0 OR MIT
//! No attack reaches anything, and nothing is left of it. What is right works, before and behind.

use isolation::arena;
use isolation::attacks;
use isolation::commands;
use isolation::guest::{DATA, FIRST, PRESENT};
use kvmgt_core::address::Gfn;
use kvmgt_core::hardware::Engine;

#[test]
fn well_behaved_guests_work_and_the_judge_is_content() {
    let verdict = arena::run(|arena| arena.check_work());

    assert_eq!(verdict.violations, Vec::<String>::new());
    assert_eq!(verdict.left, Vec::<String>::new());
}

#[test]
fn guests_that_are_there_at_a_time_are_told_apart() {
    let verdict = arena::run(|arena| {
        for guest in &mut arena.guests {
            let data = guest.gma(DATA);
            guest.context(&commands::store(data, guest.id().number()));
            guest.submit(Engine::Rcs);
        }
        arena.execute();

        for guest in &arena.guests {
            let found = guest.load(Gfn(FIRST.0 + DATA), 0);
            assert_eq!(found, guest.id().number());
        }
    });

    assert_eq!(verdict.violations, Vec::<String>::new());
}

#[test]
fn judge_objects_to_a_page_that_is_nobodys() {
    let verdict = arena::run(|arena| {
        // Behind the mediator's back: the guest's own data is where the host has a secret.
        let page = arena.guests[0].gma(DATA) >> 12;
        let entry = arena.hosts.1 | PRESENT;
        let old = arena.replace_entry(page, entry);
        let data = arena.guests[0].gma(DATA);
        arena.attack_with(Engine::Rcs, &commands::store(data, 1));
        arena.replace_entry(page, old);
    });

    assert!(!verdict.violations.is_empty());
}

#[test]
fn attacks_reach_nothing_on_other_gpus() {
    for gpu in ["bdw,display=off", "bxt,display=off"] {
        for attack in attacks::ALL {
            // Broadwell has no MOCS, which that is about.
            if gpu.starts_with("bdw") && attack.name.starts_with("switched") {
                continue;
            }
            let verdict = arena::run_on(gpu, attack.run);

            assert_eq!(
                verdict.violations,
                Vec::<String>::new(),
                "{gpu}: {}",
                attack.name
            );
            assert_eq!(verdict.left, Vec::<String>::new(), "{gpu}: {}", attack.name);
        }
    }
}

macro_rules! attacks {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            let attack = attacks::named(stringify!($name));
            let verdict = arena::run(|arena| {
                (attack.run)(arena);
                // Whom it was to hit notices nothing.
                arena.check_work_of(1);
            });

            assert_eq!(verdict.violations, Vec::<String>::new());
            assert_eq!(verdict.left, Vec::<String>::new());
        })*

        #[test]
        fn every_attack_is_a_test() {
            let names = [$(stringify!($name)),*];
            let all = attacks::ALL.iter().map(|attack| attack.name);
            assert!(all.eq(names));
        }
    };
}

attacks! {
    store_data
    s_63_copy_memory
    atomic
    s_63_store_register
    s_63_load_register
    s_22_s_64_load_immediate
    s_63_copy_register
    s_51_flush_dw
    s_52_s_53_pipe_control
    s_63_semaphore_wait
    s_63_conditional_end
    s_21_s_63_refused
    flip
    batches_outside
    s_58_changed_after_submission
    s_65_descriptors
    s_50_rings
    s_55_s_56_restore_batches
    s_57_commands
    s_57_registers
    ggtt_entries
    s_45_ggtt_unmapped
    s_10_ggtt_forgotten
    ppgtt_entries
    s_45c_ppgtt_unmapped
    s_10_ppgtt_forgotten
    s_40_levels
    roots
    widths
    three_level_roots
    s_10_large_forgotten
    s_10_unmapped_in_use
    s_10_unmapped_in_use_by_three_levels
    aperture
    s_22_slots
    s_28_registers_of_the_whole_gpu
    s_21_registers
    s_20_fences
    s_20_rows
    switched
    switched_after_hang
}
