// SPDX-License-Identifier: GPL-2.0 OR MIT
//! libFuzzer target: one vfio-user session from arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vfio_user_server::fuzz::fuzz_session(input));
