// SPDX-License-Identifier: GPL-2.0 OR MIT
//! libFuzzer target: one submission, audited.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| guest_fuzz::commands::check(input));
