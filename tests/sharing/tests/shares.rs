// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What guests get of an engine that all want, by the GPU's own counters, and what nobody else pays.

use gen9_gpu::clock::{Cycles, Nanos};
use kvmgt_core::schedule::time::Span;
use kvmgt_core::schedule::Settings;
use sharing::field::{self, Field};

/// A GPU that seven vGPUs of the smallest type fit on.
const GPU: &str = "kbl,display=off,aperture=1G";
/// What divides a GPU's time among so many of its types, by the `n` of their names.
const SMALLEST: u32 = 8;
/// How far what a guest gets is from its share at most, in percent of it.
const TOLERANCE: u64 = 10;
/// Milliseconds that are measured: five periods, and where many have short slices twenty, so that a
/// slice more or less is a twentieth.
const MEASURED: u64 = 120;
const LONG: u64 = 480;
/// What may be lost between two workloads of one guest, in percent of the time.
const LOST: u64 = 5;

/// The time of a GPU that always runs at 1 GHz, in its cycles.
fn cycles(time: Span) -> u64 {
    Cycles::from(Nanos(time.0)).0
}

/// Each got its part of what all got together.
fn assert_shared(got: &[u64], weights: &[u64]) {
    println!("weights {weights:?}: {got:?} cycles");
    let (sum, all): (u64, u64) = (got.iter().sum(), weights.iter().sum());
    for (number, (got_it, weight)) in got.iter().zip(weights).enumerate() {
        let wanted = sum * weight / all;
        assert!(
            got_it.abs_diff(wanted) * 100 <= wanted * TOLERANCE,
            "number {number} of weight {weight} got {got_it} and not {wanted} cycles: {got:?}"
        );
    }
}

/// The engine was never idle, and what it did was for guests.
fn assert_all_is_used(field: &Field<'_>, got: &[u64], time: Span) {
    let (sum, all) = (got.iter().sum::<u64>(), cycles(time));
    assert_eq!(field.idle(), Nanos(0));
    assert!(sum * 100 >= all * (100 - LOST), "{sum} of {all} cycles");
}

/// All of them want the engine, and get it by their weights.
///
/// The first one comes first, and gets a slice for somebody who is alone. That it repays before
/// anything is measured.
fn share(kinds: &[u32], weights: &[u64], micros: impl Fn(usize) -> u64) {
    let all: u64 = weights.iter().sum();
    let settle = (Settings::USUAL.period.0 * (all / weights[0] + 2)).div_ceil(1_000_000);
    field::run(GPU, kinds, |field| {
        for (number, tenant) in field.tenants.iter_mut().enumerate() {
            tenant.set_unit(micros(number));
        }
        field.all_want();
        field.pass(settle);

        let got = field.pass(LONG);

        assert_shared(&got, weights);
        assert_all_is_used(field, &got, Span::from_millis(LONG));
        field.drain();
    });
}

#[test]
fn seven_smallest_when_all_want_the_engine_then_equal_shares() {
    share(&[SMALLEST; 7], &[2; 7], |number| 200 + 50 * number as u64);
}

#[test]
fn mixed_types_when_all_want_the_engine_then_shares_by_their_weights() {
    share(&[2, 4, 8, 8, 8], &[8, 4, 2, 2, 2], |number| {
        500 - 75 * number as u64
    });
}

#[test]
fn largest_and_smallest_when_both_want_the_engine_then_shares_by_their_weights() {
    share(&[1, 8], &[16, 2], |_| 300);
}

#[test]
fn idle_vgpus_cost_nothing() {
    field::run(GPU, &[2, 4, 8, 8, 8], |field| {
        let busy = 4;
        field.tenants[busy].want(true);
        field.pass(1);

        let got = field.pass(MEASURED);

        // Who is alone has all of it, and no schedule waits for a time to come.
        assert_all_is_used(field, &got, Span::from_millis(MEASURED));
        assert_eq!(field.turns().due(), None);
        for number in 0..busy {
            assert_eq!(field.busy(number), Cycles(0), "number {number}");
            assert_eq!(field.woken(number), 0, "number {number}");
        }
        field.drain();
    });
}

#[test]
fn who_has_been_idle_has_saved_up_nothing() {
    field::run(GPU, &[8, 8], |field| {
        field.tenants[0].want(true);
        field.pass(MEASURED);
        field.tenants[1].want(true);
        field.pass(1);

        let got = field.pass(MEASURED);

        assert_shared(&got, &[1, 1]);
        field.drain();
    });
}

#[test]
fn a_debt_is_repaid() {
    field::run(GPU, &[8, 8], |field| {
        // One that begins alone, and has workloads that are long, while the other one waits.
        field.tenants[0].set_unit(8_000);
        field.tenants[0].want(true);
        field.pass(1);
        field.tenants[1].want(true);
        let first = field.pass(16);
        assert_eq!(first[1], 0, "the first one has it: {first:?}");
        field.tenants[0].set_unit(300);

        let then = field.pass(144);

        let both = [first[0] + then[0], first[1] + then[1]];
        assert!(then[1] > then[0], "it pays for that: {then:?}");
        assert_shared(&both, &[1, 1]);
        field.drain();
    });
}

#[test]
fn who_hangs_delays_another_no_longer_than_the_deadline() {
    field::run(GPU, &[8, 8], |field| {
        let settings = Settings::USUAL;
        field.tenants[0].hang();
        field.tenants[0].submit();
        field.pass(1);
        let mut held = settings.held;
        for offence in 1..=2 {
            let begun = field.now();
            field.tenants[1].submit();
            field.until(|field| field.tenants[1].is_done());

            // The deadline, its own work, and what the engine does between two looks at it.
            let waited = field.now().since(begun);
            let own = Span::from_millis(1);
            let most = settings.deadline.plus(own);
            assert!(waited.0 <= most.0, "offence {offence}: waited {waited:?}");
            assert!(
                waited.0 >= settings.deadline.0,
                "offence {offence}: {waited:?}"
            );

            // It resets its engine and hangs it again: that is not before it was held so long.
            let killed = field.now();
            field.tenants[0].recover();
            field.tenants[0].submit();
            field.until(|field| field.tenants[0].is_done());
            let waited = field.now().since(killed);
            assert!(
                waited.0 >= held.minus(own).0,
                "offence {offence}: held {waited:?}"
            );
            assert!(
                waited.0 <= held.plus(own).0,
                "offence {offence}: held {waited:?}"
            );
            held = held.times(2);
            field.tenants[0].hang();
            field.tenants[0].submit();
            field.pass(1);
        }
        field.tenants[1].submit();
        field.until(|field| field.tenants[1].is_done());
        field.tenants[0].recover();
        field.drain();
    });
}
