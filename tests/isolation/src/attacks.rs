// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What hostile guests try, by name. Those of the hardening list have its numbers.

use crate::arena::Arena;

mod aperture;
mod commands;
mod images;
mod in_use;
mod registers;
mod tables;
mod widths;

/// An attack.
#[derive(Clone, Copy)]
pub struct Attack {
    /// What it is called.
    pub name: &'static str,
    /// What it does.
    pub run: fn(&mut Arena<'_>),
}

macro_rules! attacks {
    ($($module:ident: $($name:ident)*;)*) => {
        /// All of them.
        pub static ALL: &[Attack] = &[$($(Attack {
            name: stringify!($name),
            run: $module::$name,
        }),*),*];
    };
}

attacks! {
    commands:
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
        s_58_changed_after_submission;
    images:
        s_65_descriptors
        s_50_rings
        s_55_s_56_restore_batches
        s_57_commands
        s_57_registers;
    tables:
        ggtt_entries
        s_45_ggtt_unmapped
        s_10_ggtt_forgotten
        ppgtt_entries
        s_45c_ppgtt_unmapped
        s_10_ppgtt_forgotten
        s_40_levels
        roots;
    widths:
        widths
        three_level_roots
        s_10_large_forgotten;
    in_use:
        s_10_unmapped_in_use
        s_10_unmapped_in_use_by_three_levels;
    aperture:
        aperture;
    registers:
        s_22_slots
        s_28_registers_of_the_whole_gpu
        s_21_registers
        s_20_fences
        s_20_rows
        switched
        switched_after_hang;
}

/// The attack of that name.
///
/// # Panics
///
/// If there is none.
pub fn named(name: &str) -> Attack {
    let found = ALL.iter().find(|attack| attack.name == name);
    *found.unwrap_or_else(|| panic!("no attack is called {name}"))
}
