// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Somebody holds a vGPU: its client stops a thread of kvmgt for ever, in the midst of a copy of its
//! memory. Nobody else waits for that.

use kvmgt_core::schedule::time::Span;
use kvmgt_core::schedule::Settings;
use sharing::field::{self, Field};

const GPU: &str = "kbl,display=off,aperture=1G";
/// Who is held, and who is not.
const HELD: usize = 0;
const OTHER: usize = 1;

/// The other one submits, and waits no longer than the deadline, and for its own work.
#[track_caller]
fn assert_goes_on(field: &mut Field<'_>) {
    let begun = field.now();
    field.tenants[OTHER].submit();
    field.until(|field| field.tenants[OTHER].is_done());
    let waited = field.now().since(begun);
    let most = Settings::USUAL.deadline.plus(Span::from_millis(1));
    assert!(waited.0 <= most.0, "{waited:?}");
}

#[test]
fn s_72_workload_that_ends_while_its_vgpu_is_held_lets_others_have_the_engine() {
    field::run(GPU, &[8, 8], |field| {
        field.tenants[HELD].submit();
        field.stuck = Some(HELD);
        for _ in 0..5 {
            assert_goes_on(field);
        }
        // By then it is executed, though its vGPU does not know.
        assert!(field.tenants[HELD].is_done());
        field.stuck = None;
        field.drain();
    });
}

#[test]
fn s_72_turn_that_a_vgpu_does_not_take_while_it_is_held_goes_to_others() {
    field::run(GPU, &[8, 8], |field| {
        // The second one waits for the first, so its turn comes while it is held.
        field.tenants[HELD].submit();
        field.tenants[HELD].submit();
        field.stuck = Some(HELD);
        for _ in 0..5 {
            assert_goes_on(field);
        }
        assert!(!field.tenants[HELD].is_done());
        field.stuck = None;
        field.tenants[OTHER].want(true);
        field.until(|field| field.tenants[HELD].is_done());
        field.drain();
    });
}

#[test]
fn s_73_host_that_suspends_and_resumes_waits_for_no_vgpu() {
    field::run(GPU, &[8, 8], |field| {
        for tenant in &mut field.tenants {
            tenant.submit();
        }
        field.stuck = Some(HELD);
        field.sleep();
        // What was not executed is lost; the other one resets its engine, and goes on.
        field.tenants[OTHER].guest.work();
        field.tenants[OTHER].recover();
        for _ in 0..3 {
            assert_goes_on(field);
        }
        field.stuck = None;
        field.tenants[HELD].guest.work();
        field.tenants[HELD].recover();
        field.tenants[HELD].submit();
        field.until(|field| field.tenants[HELD].is_done());
        field.drain();
    });
}
