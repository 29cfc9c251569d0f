// SPDX-License-Identifier: GPL-2.0 OR MIT
//! libFuzzer target: what a guest does with registers.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| guest_fuzz::registers::check(input));
