// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The Linux side of i915-gvt-host: what stands between i915 and the crate `gvt_host`.
//!
//! i915's own files call hooks (`i915_gvt_host.h`); `hooks.c` decides which GPUs take part and
//! hands events over to [`hooks`]. In the other direction [`gpu`] implements what `gvt_host` asks
//! of a GPU by the functions of `shim.h`.
//!
//! | module | holds |
//! |---|---|
//! | [`hooks`] | the functions that C calls |
//! | [`golden`] | the snapshots of all GPUs, for as long as i915 is loaded |
//! | [`gpu`] | a GPU that is offered to kvmgt |
//! | [`interface`] | what i915 offers to kvmgt and needs of it, in `modinfo` and sysfs |
//! | [`shim`] | safe names for the C functions |
//! | [`bindings`] | their declarations |
//! | [`contract`] | that their numbers are those of the contract |
//!
//! Unsafe code is in `hooks`, `shim` and, where a lock or an address is vouched for, in `golden`
//! and `gpu`.

mod bindings;
mod contract;
mod golden;
mod gpu;
mod hooks;
mod interface;
mod shim;

/// What the printing macros of the kernel crate put in front.
const __LOG_PREFIX: &[u8] = b"i915-gvt-host\0";
