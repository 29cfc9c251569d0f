// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The judge is judged: with each hole in the mediator it objects to the attack that goes for it.

use isolation::arena;
use isolation::attacks;
use isolation::contest::left_out;
use kvmgt_core::mutant::{self, Mutant};

/// Each so manieth register is left out.
const EACH: usize = 16;

/// The attack that a hole lets through.
fn attack(mutant: Mutant) -> &'static str {
    match mutant {
        Mutant::StoreData => "store_data",
        Mutant::CopyMemory => "s_63_copy_memory",
        Mutant::Atomic => "atomic",
        Mutant::StoreRegister => "s_63_store_register",
        Mutant::LoadRegister => "s_63_load_register",
        Mutant::LoadImmediate => "s_22_s_64_load_immediate",
        Mutant::CopyRegister => "s_63_copy_register",
        Mutant::FlushDw => "s_51_flush_dw",
        Mutant::PipeControl => "s_52_s_53_pipe_control",
        Mutant::SemaphoreWait => "s_63_semaphore_wait",
        Mutant::ConditionalEnd => "s_63_conditional_end",
        Mutant::Refused => "s_21_s_63_refused",
        Mutant::Flip => "flip",
        Mutant::BatchCopy => "s_58_changed_after_submission",
        Mutant::GgttAddress => "ggtt_entries",
        Mutant::GgttUnmapped => "s_45_ggtt_unmapped",
        Mutant::GgttForgotten => "s_10_ggtt_forgotten",
        Mutant::PpgttAddress => "ppgtt_entries",
        Mutant::PpgttUnmapped => "s_45c_ppgtt_unmapped",
        Mutant::PpgttForgotten => "s_10_ppgtt_forgotten",
        Mutant::PpgttRoot => "roots",
        Mutant::Slot => "s_22_slots",
        Mutant::SwitchBack | Mutant::SwitchTo => "switched",
        Mutant::SwitchAfterHang => "switched_after_hang",
        Mutant::ImageCommands => "s_57_commands",
        Mutant::ImageRegisters => "s_57_registers",
    }
}

/// More attacks that a hole lets through: each that goes another way has to notice one.
const MORE: [(Mutant, &str); 8] = [
    (Mutant::PpgttAddress, "widths"),
    (Mutant::PpgttUnmapped, "widths"),
    (Mutant::PpgttForgotten, "s_10_large_forgotten"),
    (Mutant::PpgttForgotten, "s_10_unmapped_in_use"),
    (
        Mutant::PpgttForgotten,
        "s_10_unmapped_in_use_by_three_levels",
    ),
    (Mutant::GgttForgotten, "s_10_unmapped_in_use"),
    (Mutant::GgttForgotten, "aperture"),
    (Mutant::GgttAddress, "aperture"),
];

/// One test, since a hole is open in all of the process.
#[test]
fn judge_notices_every_hole_and_registers_that_are_not_switched() {
    judge_notices_every_hole();
    contest_notices_registers_that_are_not_switched();
}

fn judge_notices_every_hole() {
    let all = Mutant::ALL
        .into_iter()
        .map(|mutant| (mutant, attack(mutant)));
    let missed: Vec<_> = all
        .chain(MORE)
        .filter(|(mutant, name)| {
            let attack = attacks::named(name);
            mutant::open(Some(*mutant));
            let verdict = arena::run(attack.run);
            mutant::open(None);
            println!("{mutant:?}: {name}: {:?}", verdict.violations.first());
            verdict.violations.is_empty()
        })
        .collect();

    assert_eq!(missed, []);
}

/// Some of the registers; `left_out` tries all.
fn contest_notices_registers_that_are_not_switched() {
    assert!(!left_out::is_noticed(), "nothing is wrong");
    for mutant in [Mutant::SwitchTo, Mutant::SwitchBack] {
        mutant::open(Some(mutant));
        assert!(left_out::is_noticed(), "{mutant:?}");
    }
    mutant::open(None);
    let registers = left_out::registers().into_iter().step_by(EACH);

    assert_eq!(left_out::missed(&registers.collect::<Vec<_>>()), []);
}
