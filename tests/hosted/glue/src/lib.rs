// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the two halves of GVT-g are given in place of Linux.
//!
//! [`machine`] is a computer with the software GPU, [`i915`] what i915 does to it as far as the host
//! half notices, [`card`] the host half's view of a bound GPU. [`client`] is the glue of kvmgt: it
//! attaches to a host table, and lets go of it. [`turns`] and [`shadow`] are what a vGPU is given of the
//! GPU's time and of the machine's memory. [`lent`] is memory that others reach too. [`bed`], [`vm`],
//! [`raw`] and [`lacking`] are for tests: all of it in one process, a VM for a vGPU and who watches it
//! ([`watch`]), calls as a client makes them that does not use `iface`'s safe face, and a vGPU's world
//! without some of its parts. [`guest`] is a VM whose driver is a test, with [`commands`] for it to
//! submit, and [`ends`] of what it has submitted.

pub mod bed;
pub mod card;
pub mod client;
pub mod commands;
pub mod ends;
pub mod guest;
pub mod i915;
pub mod lacking;
pub mod layout;
pub mod lent;
pub mod machine;
pub mod raw;
pub mod shadow;
pub mod turns;
pub mod vm;
pub mod watch;
