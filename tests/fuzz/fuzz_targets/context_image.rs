// SPDX-License-Identifier: GPL-2.0 OR MIT
//! libFuzzer target: the image of a context.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| guest_fuzz::context_image::check(input));
