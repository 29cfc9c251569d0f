// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The contract between i915's GVT-g host half and kvmgt: the only thing that both share.
//!
//! i915-gvt-host publishes one auxiliary device `i915.gvt.N` per supported GPU; its platform data
//! points to a [`HostTable`]. kvmgt binds to that device, checks the table's [`Header`] by the
//! rule of [`version`], and opens it with a [`ClientTable`] of its own. Nothing else crosses: no
//! exported symbol, no structure of i915, no global list.
//!
//! | module | holds |
//! |---|---|
//! | [`version`] | the header, and the rule by which each side accepts the other |
//! | [`host`] | the operations that i915 offers |
//! | [`events`] | the call-backs that kvmgt offers |
//! | [`types`] | the plain structures that both use |
//! | [`snapshot`] | the golden snapshot's format, and a checked reader of it |
//! | [`fence`] | what a fence register lets the CPU reach |
//! | [`image`] | which part of a context's image is the client's |
//! | [`registers`] | the register table |
//! | [`client`] | the safe face: the only code that calls through a [`HostTable`] |
//! | [`table`] | how each side takes over the other's table |
//! | [`layout`] | offsets, sizes, signatures and numbers as data, and their hash |
//! | [`modinfo`](mod@modinfo) | what a header says, for `modinfo` |
//!
//! All of it is `no_std`, has no dependency, and compiles both under Kbuild and under Cargo.

#![cfg_attr(not(MODULE), no_std)]

pub mod client;
pub mod errno;
pub mod events;
pub mod fence;
pub mod hash;
pub mod host;
pub mod image;
pub mod layout;
pub mod modinfo;
pub mod registers;
pub mod snapshot;
pub mod table;
pub mod types;
pub mod version;

pub use events::ClientTable;
pub use host::HostTable;
pub use version::Header;
