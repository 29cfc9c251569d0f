// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Halves of GVT-g of older and newer interfaces, and which of them work together.
//!
//! A [`Variant`] is this tree with another version of the interface, as somebody would write it: 1.1 has
//! an operation and a call-back more, 2.0 an order of its own; others offer and need something else. A
//! [`Tree`] is its sources. The [`matrix`] says of each i915 and each kvmgt what happens to them; the
//! table in the interface's document is made from it, and shared objects and modules are tried by it.

pub mod matrix;
mod tree;
mod variant;

pub use tree::{Tree, SHIPPED};
pub use variant::{Needs, Registers, Variant, Version};
