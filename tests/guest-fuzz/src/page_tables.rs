// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Page tables: what a guest writes into them, and what becomes of its memory.
//!
//! An input is a history of one guest, step by step, in the shadows alone. After each the judge of
//! kvmgt's own tests looks at all shadows, and compares the GPU's view with the guest's at each
//! submission.

use crate::bytes::Bytes;

#[path = "../../../kvmgt/src/gtt/ppgtt/tests/bed.rs"]
#[allow(dead_code, reason = "tests of kvmgt use the rest")]
mod bed;
#[path = "../../../kvmgt/src/gtt/ppgtt/tests/history.rs"]
mod history;
#[path = "../../../kvmgt/src/gtt/ppgtt/tests/walk.rs"]
#[allow(dead_code, reason = "tests of kvmgt use the rest")]
mod walk;

use bed::{LARGE, PAGES_64K, TABLE};
use history::{run, Step, ROOTS};

/// Pages that tables, and what they lead to, are mostly made of.
const PAGES: usize = 10;
/// Entries that are mostly written.
const INDEXES: [usize; 6] = [0, 1, 15, 16, 17, 511];
/// Pages at the end of the guest's memory.
const END: u64 = 4094;
/// Pages that 2 MiB begin with.
const LARGE_PAGES: [u64; 3] = [0, 512, 1024];
/// The most steps of a history.
const STEPS: usize = 200;

/// An entry of a table.
fn entry(bytes: &mut Bytes<'_>) -> u64 {
    let choice = bytes.u8();
    let page = match choice & 0xf {
        0xf => END + bytes.below(4) as u64,
        _ => bytes.below(PAGES) as u64,
    };
    match choice >> 4 {
        0..=8 => page << 12 | TABLE,
        9..=10 => page << 12 | PAGES_64K,
        11 => page << 12 | u64::from(bytes.u8()),
        12 => 0,
        13..=14 => (bytes.pick(&LARGE_PAGES) + u64::from(choice & 1)) << 12 | LARGE,
        _ => bytes.u64(),
    }
}

/// The next thing that happens.
fn step(bytes: &mut Bytes<'_>) -> Step {
    let choice = bytes.u8();
    match choice {
        0..=109 => {
            let (gfn, index) = (bytes.below(PAGES) as u64, bytes.pick(&INDEXES));
            Step::Entry(gfn, index, entry(bytes))
        }
        110..=117 => {
            let (gfn, at) = (bytes.below(PAGES) as u64, bytes.below(4076));
            let length = 1 + bytes.below(20);
            Step::Bytes(gfn, at, (0..length).map(|_| bytes.u8()).collect())
        }
        118..=121 => Step::Lie(
            bytes.below(PAGES) as u64,
            bytes.below(5000) as u64,
            bytes.below(9000) as u64,
        ),
        122..=129 => Step::Announce(bytes.below(ROOTS.len())),
        130..=137 => Step::Withdraw(bytes.below(ROOTS.len())),
        138..=181 => Step::Submit(bytes.below(ROOTS.len())),
        182..=209 => Step::Complete,
        210..=217 => Step::BeginFlush,
        218..=225 => Step::EndFlush,
        226..=233 => Step::Forget(
            bytes.below(PAGES) as u64,
            1 + bytes.below(3) as u64,
            choice % 2 == 0,
        ),
        234 => Step::Forget(700, 1, false),
        235..=239 => Step::Return,
        240..=241 => Step::PinLimit(bytes.below(12)),
        242..=243 => Step::PinLimit(usize::MAX),
        244..=245 => Step::PageLimit(4 + bytes.below(26)),
        246..=247 => Step::PageLimit(usize::MAX),
        248..=250 => Step::Pages64k(choice % 2 == 0),
        251..=253 => Step::FlushFails(choice % 2 == 0),
        _ => Step::Clear,
    }
}

/// Lives through a history.
///
/// # Panics
///
/// The GPU would see what the guest does not, or a page that is not pinned for it.
pub fn check(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let tracks = bytes.is_below(128);
    let tables = match bytes.is_below(192) {
        true => 8192,
        false => 4 + bytes.below(36),
    };
    let steps = std::iter::from_fn(|| (!bytes.is_empty()).then(|| step(&mut bytes)));
    run(tracks, tables, steps.take(STEPS));
}
