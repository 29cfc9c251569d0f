// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The host half of GVT-g: what i915 contributes so that kvmgt can share its GPU.
//!
//! This crate is the part that does not depend on where it runs. In the kernel it sits on C shims
//! that are linked into i915; hosted it sits on the software GPU. What the two have in common is
//! the [`World`] trait.
//!
//! | module | holds |
//! |---|---|
//! | [`world`] | what the host half asks of the GPU and of the world it runs in |
//! | [`config`] | the copy of the configuration space |
//! | [`capture`] | the golden snapshot |
//! | [`store`] | snapshots kept for as long as i915 is loaded |
//! | [`session`] | opening, closing, wakerefs |
//! | [`mmio`] | the register gate |
//! | [`ggtt`] | ranges of the GGTT |
//! | [`fences`] | fence registers |
//! | [`buffers`] | memory in the host's part of the GGTT |
//! | [`contexts`] | logical contexts, and what they execute |
//! | [`events`] | what i915 tells the client, and what is restored before |
//! | [`table`] | the functions of the contract's table: the only unsafe code |

#![cfg_attr(not(MODULE), no_std)]

pub mod buffers;
pub mod capture;
pub mod config;
pub mod contexts;
pub mod events;
pub mod fences;
pub mod ggtt;
pub mod mmio;
pub mod session;
mod slots;
pub mod store;
pub mod table;
pub mod world;

pub use session::State;
pub use world::World;

#[cfg(MODULE)]
#[allow(
    dead_code,
    reason = "the printing macros of the kernel crate look for it"
)]
const __LOG_PREFIX: &[u8] = b"i915-gvt-host\0";
