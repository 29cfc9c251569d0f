// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What broke GVT-g in the field, by the number of the report: neither the host nor another guest
//! notices, and who did it recovers by its own reset.

mod lengths;
mod noise;
mod pins;
mod reuse;
mod scaling;
mod suspend;

use isolation::arena::Verdict;

/// Asserts that nothing was reached, and nothing is left.
#[track_caller]
fn assert_clean(verdict: &Verdict, what: &str) {
    assert_eq!(verdict.violations, Vec::<String>::new(), "{what}");
    assert_eq!(verdict.left, Vec::<String>::new(), "{what}");
}
