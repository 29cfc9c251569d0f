// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::line;

#[test]
fn line_when_numbers_are_given_then_in_their_places() {
    let version = line("i915.", "gvt_interface=#.#", 10, &[1, 2]);
    assert_eq!(&version, b"i915.gvt_interface=1.2\0");
    assert_eq!(&line("", "hash=0x####", 16, &[0xab]), b"hash=0x00ab\0");
}

#[test]
fn line_when_a_number_has_more_digits_then_longer() {
    assert_eq!(&line("", "#.#", 10, &[10, 345]), b"10.345\0");
    assert_eq!(&line("", "0x#;", 16, &[1 << 40]), b"0x10000000000;\0");
    assert_eq!(&line("", "0x#", 16, &[u64::MAX]), b"0xffffffffffffffff\0");
}

#[test]
#[should_panic(expected = "more numbers")]
fn line_when_a_number_has_no_place_then_panics() {
    let _: [u8; 2] = line("", "#", 10, &[1, 2]);
}
