// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What `shim.h` declares, made by bindgen at build time.
//!
//! bindgen sees that one header, of plain types and opaque pointers, and nothing of i915: its
//! structures stay on the C side, where the compiler checks them, and a change of i915 is a change
//! of `shim.c` at the most. Written by hand these declarations could differ from the header
//! unseen; made by bindgen they can't.

#![allow(
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    clippy::all,
    reason = "it is made by bindgen"
)]

include!(concat!(
    env!("OBJTREE"),
    "/drivers/gpu/drm/i915/gvt_host/linux/shim_bindings.rs"
));
