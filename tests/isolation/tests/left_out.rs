// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Each register that is not switched is noticed, in each contest that leaves one out.

use isolation::contest;

#[test]
fn contest_notices_each_register_that_is_not_switched() {
    let registers = contest::left_out::registers();

    assert_eq!(contest::left_out::missed(&registers), []);
}
