// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the two halves of GVT-g are given in place of Linux.
//!
//! [`machine`] is a computer with the software GPU, [`i915`] what i915 does to it as far as the host
//! half notices, [`card`] the host half's view of a bound GPU. [`client`] is the glue of kvmgt: it
//! attaches to a host table, and lets go of it. [`bed`], [`vm`] and [`raw`] are for tests: all of it
//! in one process, a VM for a vGPU, and calls as a client makes them that does not use `iface`'s safe
//! face.

pub mod bed;
pub mod card;
pub mod client;
pub mod i915;
pub mod layout;
pub mod machine;
pub mod raw;
pub mod vm;
