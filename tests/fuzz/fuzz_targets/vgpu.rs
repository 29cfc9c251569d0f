// SPDX-License-Identifier: GPL-2.0 OR MIT
//! libFuzzer target: one session of VFIO operations on a vGPU from arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hosted_front::fuzz::fuzz_vgpu(input));
