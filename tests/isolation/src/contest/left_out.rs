// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The contest is judged: it notices if one register is not switched.

use super::{registers, run};
use crate::guest::ENGINES;
use iface::registers::Platform;
use kvmgt_core::address::MmioOffset;
use kvmgt_core::mutant;
use kvmgt_core::schedule::time::Span;

/// Where all that looks random in a contest comes from, and how long it is.
const SEED: u64 = 0x5eed;
const TIME: Span = Span::from_millis(200);

/// The registers of all engines.
pub fn registers() -> Vec<u32> {
    let registers = ENGINES.into_iter();
    let registers = registers.flat_map(|engine| registers::contested(Platform::Kbl, engine));
    registers.map(|register| register.offset).collect()
}

/// Whether a short contest objects to anything.
pub fn is_noticed() -> bool {
    !run(TIME, SEED).verdict.violations.is_empty()
}

/// The registers that nobody misses when they are left out, one at a time.
pub fn missed(registers: &[u32]) -> Vec<u32> {
    let missed = registers.iter().copied().filter(|offset| {
        mutant::leave_out(Some(MmioOffset(*offset)));
        !is_noticed()
    });
    let missed = missed.collect();
    mutant::leave_out(None);
    missed
}
