// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The C types as the kernel maps them, which is not everywhere as `core::ffi` does.

/// Kernels are built with `-funsigned-char`.
#[expect(non_camel_case_types, reason = "the name of the C type")]
pub type c_char = u8;
/// As in C.
#[expect(non_camel_case_types, reason = "the name of the C type")]
pub type c_int = i32;
/// As in C.
#[expect(non_camel_case_types, reason = "the name of the C type")]
pub type c_uint = u32;
pub use core::ffi::{c_void, CStr};
