// SPDX-License-Identifier: GPL-2.0 OR MIT
//! gvt-linux #156: the host suspends with vGPUs alive. Between the word of that and the resume the host half
//! takes nothing: what guests have to do waits.

use sharing::field::{self, Field};

const GPU: &str = "kbl,display=off,aperture=1G";
/// How long the host sleeps, and how long all may take afterwards, in milliseconds. Who has a turn for as long
/// as the former, and does nothing, loses it.
const ASLEEP: u64 = 2_000;
const AWAKE: u64 = 10;

/// Nobody starts anything, for a while.
#[track_caller]
fn assert_all_wait(field: &mut Field<'_>, done: [u32; 2]) {
    field.pass(ASLEEP);
    assert_eq!([0, 1].map(|number| field.tenants[number].done()), done);
}

/// All that was submitted is executed at once, rightly, and nobody was complained about.
#[track_caller]
fn assert_goes_on(field: &mut Field<'_>) {
    field.pass(AWAKE);
    for tenant in &mut field.tenants {
        assert_eq!(tenant.guest.complaints(), Vec::<String>::new());
        assert!(tenant.is_done());
    }
    field.drain();
}

#[test]
fn gvt_linux_156_what_is_submitted_between_suspend_and_resume_is_executed_then() {
    field::run(GPU, &[8, 8], |field| {
        for round in 0..3 {
            field.suspend();
            for tenant in &mut field.tenants {
                tenant.submit();
            }
            assert_all_wait(field, [round; 2]);
            field.resume();
            assert_goes_on(field);
        }
    });
}

#[test]
fn gvt_linux_156_what_executes_at_the_suspend_ends_and_what_follows_it_waits() {
    field::run(GPU, &[8, 8], |field| {
        // The first one has the engine, with one more behind that; the second one waits for it.
        field.tenants[0].submit();
        field.tenants[0].submit();
        field.tenants[1].submit();
        field.suspend();
        assert_all_wait(field, [1, 0]);
        field.resume();
        assert_goes_on(field);
    });
}

#[test]
fn gvt_linux_156_turn_that_was_not_taken_at_the_suspend_comes_again() {
    field::run(GPU, &[8, 8], |field| {
        field.tenants[0].submit();
        field.tenants[1].submit();
        // Its turn comes while somebody holds it.
        field.stuck = Some(1);
        field.pass(AWAKE);
        field.suspend();
        field.stuck = None;
        assert_all_wait(field, [1, 0]);
        field.resume();
        assert_goes_on(field);
    });
}

#[test]
fn gvt_linux_156_what_a_guest_has_reset_meanwhile_is_not_executed() {
    field::run(GPU, &[8, 8], |field| {
        field.suspend();
        for tenant in &mut field.tenants {
            tenant.submit();
        }
        field.tenants[0].recover();
        assert_all_wait(field, [0, 0]);
        field.resume();
        field.pass(AWAKE);
        assert_eq!([0, 1].map(|number| field.tenants[number].done()), [0, 1]);
        field.tenants[0].submit();
        assert_goes_on(field);
    });
}
