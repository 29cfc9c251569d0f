// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A stand-in for the parts of Rust-for-Linux's `kernel` crate that this project uses.
//!
//! `i915-gvt-host/src` and `kvmgt/src` are compiled twice: by Kbuild against the real `kernel`
//! crate, and by Cargo against this one. So everything public here, but for [`testing`], must exist
//! in the real crate under the same path and with the same shape. `standin-check` proves that from
//! the kernel's source; a Kbuild compile proves it again.
//!
//! It is small on purpose. The shared code takes `&mut self` and holds no locks, so there is nothing
//! about locks, threads or pinning here: what is not used by shipped code does not belong.
//!
//! Three differences are known and wanted:
//! - [`KBox`](alloc::KBox) does not coerce to a trait object (that needs an unstable feature), so
//!   shared code is generic instead;
//! - [`fmt::Display`] is `core`'s trait, where the kernel has one of its own: a type that only
//!   implements `core::fmt::Display` (such as those of `iface`) is printed as
//!   `format_args!("{value}")` by code that must compile in both worlds;
//! - allocations are counted and can be made to fail: see [`testing`].

// `macro_rules!` of the printing module are used by others.
#[macro_use]
pub mod print;

pub mod alloc;
pub mod error;
pub mod ffi;
pub mod fmt;
pub mod prelude;
pub mod rbtree;
pub mod testing;
pub mod transmute;

/// What the stand-in's own messages are marked with.
const __LOG_PREFIX: &[u8] = b"kernel\0";
