// SPDX-License-Identifier: GPL-2.0 OR MIT
//! libFuzzer target: a history of page tables.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| guest_fuzz::page_tables::check(input));
