// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Neither the host nor a guest ever finds what another one has in registers of an engine.

use isolation::contest;
use kvmgt_core::schedule::time::Span;

/// Where all that looks random comes from.
const SEED: u64 = 0x5eed;

fn nobody_sees_what_is_anothers(time: Span) {
    let outcome = contest::run(time, SEED);

    assert_eq!(outcome.verdict.violations, Vec::<String>::new());
    assert_eq!(outcome.verdict.left, Vec::<String>::new());
    assert!(outcome.time >= time);
    // Everybody had a turn, over and over, and was interrupted.
    let each_second = time.0 / Span::from_millis(1000).0;
    let runs = outcome.host_runs.iter().chain(&outcome.guest_runs);
    assert!(
        runs.clone().all(|runs| *runs >= 10 * each_second),
        "{outcome:?}"
    );
    assert!(outcome.interrupted >= 10 * each_second, "{outcome:?}");
    assert!(outcome.preempted >= each_second, "{outcome:?}");
}

#[test]
fn switched_registers_are_their_owners_for_60_s_under_time_slicing_and_preemption() {
    nobody_sees_what_is_anothers(Span::from_millis(60_000));
}
