// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What each side executes: store all registers, wait, and store them all again.

use crate::commands::{
    all, store, store_in_ppgtt, store_register, store_register_in_ppgtt, wait, wait_in_ppgtt,
};

/// Dwords of the page that results go to: what was stored before the wait, and behind it.
const BEFORE: u64 = 0;
const BEHIND: u64 = 256;
/// The number of the run that has begun, that may go on, and that has ended.
pub const BEGUN: u64 = 1020;
/// See [`BEGUN`].
pub const RELEASED: u64 = 1021;
/// See [`BEGUN`].
pub const ENDED: u64 = 1022;

/// Where the page of results is.
#[derive(Clone, Copy, Debug)]
pub enum Results {
    /// In the GGTT.
    Ggtt(u64),
    /// In a PPGTT.
    Ppgtt(u64),
}

impl Results {
    fn store(self, dword: u64, value: u32) -> Vec<u32> {
        match self {
            Self::Ggtt(page) => store(page + 4 * dword, value),
            Self::Ppgtt(page) => store_in_ppgtt(page + 4 * dword, value),
        }
    }

    fn store_register(self, register: u32, dword: u64) -> Vec<u32> {
        match self {
            Self::Ggtt(page) => store_register(register, page + 4 * dword),
            Self::Ppgtt(page) => store_register_in_ppgtt(register, page + 4 * dword),
        }
    }

    fn wait(self, dword: u64, value: u32) -> Vec<u32> {
        match self {
            Self::Ggtt(page) => wait(page + 4 * dword, value),
            Self::Ppgtt(page) => wait_in_ppgtt(page + 4 * dword, value),
        }
    }
}

/// The commands of a run.
pub fn script(
    results: Results,
    registers: impl Iterator<Item = u32> + Clone,
    run: u32,
) -> Vec<u32> {
    let pass = |first| {
        let registers = registers.clone().zip(first..);
        registers.map(move |(register, dword)| results.store_register(register, dword))
    };
    all(pass(BEFORE)
        .chain([results.store(BEGUN, run), results.wait(RELEASED, run)])
        .chain(pass(BEHIND))
        .chain([results.store(ENDED, run)]))
}

/// Compares what a run has stored with what it had to; gives the first difference.
pub fn check(
    load: impl Fn(u64) -> u32,
    expected: impl Iterator<Item = (u32, u32)> + Clone,
) -> Result<(), String> {
    for (first, when) in [(BEFORE, "before"), (BEHIND, "behind")] {
        for (dword, (register, value)) in (first..).zip(expected.clone()) {
            let found = load(dword);
            if found != value {
                return Err(format!(
                    "register {register:#x} was {found:#x} and not {value:#x} {when} the wait"
                ));
            }
        }
    }
    Ok(())
}
