// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the two halves of GVT-g are given in place of Linux.
//!
//! [`client`] is the glue of kvmgt: it attaches to a host table, and lets go of it.

pub mod client;
