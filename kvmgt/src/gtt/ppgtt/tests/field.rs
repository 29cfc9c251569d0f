// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What broke GVT-g in the field.

use super::bed::dma;
use super::*;

const TABLES: [u64; 4] = [10, 11, 12, 13];

/// Numbers that look random, the same in each run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        // Marsaglia's xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// gvt-linux #153: a guest uses the pages of tables for other data before it says DESTROY. While
/// that goes on it submits on another address space, and even on the one that is garbage.
#[test]
fn gvt_linux_153_tables_that_are_used_for_other_data_before_they_are_withdrawn() {
    for tracks in [true, false] {
        let limits = Limits {
            tables: 200,
            ..Limits::DEFAULT
        };
        let mut bed = Bed::with_limits(limits);
        bed.state.borrow_mut().tracks = tracks;
        let good = bed.four_levels([20, 21, 22, 23]);
        let bad = bed.four_levels(TABLES);
        for root in [good, bad] {
            bed.with(|ppgtt, backing| ppgtt.announce(backing, root));
        }
        let host = bed.submit(good);
        let bad_host = bed.submit(bad);
        bed.complete(bad, bad_host);
        let mut noise = Noise(153);

        for round in 0..600 {
            let gfn = TABLES[(noise.next() % 4) as usize];
            let size = 1 + (noise.next() % 64) as usize;
            let offset = (noise.next() % (4097 - size as u64)) as usize;
            let data: std::vec::Vec<u8> = match round % 3 {
                // What pages are mostly full of: one byte, small numbers, anything.
                0 => std::vec![noise.next() as u8; size],
                1 => (0..size).map(|byte| u8::from(byte % 8 == 0)).collect(),
                _ => (0..size).map(|_| noise.next() as u8).collect(),
            };
            bed.write_bytes(gfn, offset, &data);
            if round % 7 == 0 {
                bed.prepare(good);
                assert_eq!(bed.gpu(host, 0), Some(dma(100)));
            }
            if round % 50 == 0 {
                bed.pin(bad);
                if let Ok(garbage) = bed.try_prepare(bad) {
                    bed.state.borrow_mut().in_use.push(garbage);
                    walk::check_all(&bed.state.borrow());
                    bed.complete(bad, garbage);
                }
                bed.flush();
            }
        }
        bed.with(|ppgtt, backing| ppgtt.withdraw(backing, bad));
        bed.flush();

        assert_eq!(
            (bed.ppgtt.counts().tables, bed.pinned()),
            (4, std::vec![100])
        );
        bed.end();
    }
}

/// The same while only the good one is submitted: garbage costs nothing then.
#[test]
fn gvt_linux_153_garbage_in_tables_that_are_not_submitted_is_not_even_read() {
    let mut bed = Bed::new();
    let good = bed.four_levels([20, 21, 22, 23]);
    let bad = bed.four_levels(TABLES);
    bed.submit(good);
    let host = bed.submit(bad);
    bed.complete(bad, host);
    let before = bed.ppgtt.counters();

    for index in 0..512 {
        for gfn in TABLES {
            bed.write(gfn, index, 0x0101_0101_0101_0101 * (1 + index as u64 % 255));
        }
        bed.prepare(good);
    }

    let after = bed.ppgtt.counters();
    assert_eq!(after.read, before.read);
    assert_eq!(after.notified - before.notified, 4 * u64::from(HOT_WRITES));
    bed.end();
}

/// gvt-linux #120: RLIMIT_MEMLOCK is exceeded in the middle of a shadow build.
#[test]
fn gvt_linux_120_pinning_that_is_refused_half_way_leaves_scratch_and_is_tried_again() {
    for limit in [0, 1, 10, 100, 511] {
        let mut bed = Bed::new();
        let root = bed.four_levels(TABLES);
        for index in 0..400 {
            bed.write(13, index, (100 + index as u64) << 12 | PAGE);
        }
        bed.write(12, 1, 1024 << 12 | LARGE);
        bed.state.borrow_mut().pin_limit = limit;

        let host = bed.submit(root);

        {
            let state = bed.state.borrow();
            walk::check_all(&state);
            walk::Judge::new(&state, false, true).compare(root, host);
            assert_eq!(state.pinned.len(), limit);
            let bound = limit + 1000;
            assert!(
                state.pin_attempts < bound,
                "{}: not each in vain",
                state.pin_attempts
            );
        }
        let refusals = bed.refusals();
        assert!(
            !refusals.is_empty() && refusals.len() <= 2,
            "once for each table"
        );
        assert!(refusals.iter().all(|why| *why == Refusal::Page(ENOMEM)));
        bed.prepare(root);
        assert_eq!(bed.refusals(), refusals, "and not again and again");

        bed.state.borrow_mut().pin_limit = usize::MAX;
        bed.prepare(root);
        walk::Judge::new(&bed.state.borrow(), false, false).compare(root, host);
        bed.end();
    }
}

/// The same, but what fills the account only waits for a flush.
#[test]
fn gvt_linux_120_pinning_that_is_refused_lets_go_of_what_waits_and_tries_again() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    for index in 0..64 {
        bed.write(13, index, (100 + index as u64) << 12 | PAGE);
    }
    bed.state.borrow_mut().pin_limit = 80;
    let host = bed.submit(root);

    for index in 0..64 {
        bed.write(13, index, 0);
        bed.write(13, 100 + index, (200 + index as u64) << 12 | PAGE);
    }
    bed.prepare(root);

    assert_eq!(bed.gpu(host, 163 << 12), Some(dma(263)));
    assert!(bed.refusals().is_empty());
    bed.end();
}
