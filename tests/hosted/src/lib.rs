// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The hosted world: the two halves of GVT-g as shared objects, over the software GPU, without a
//! kernel.
//!
//! [`loader`] is the stand-in for a kernel's module loader and auxiliary bus. It opens the host half
//! and kvmgt one after the other, in any order, and never looks at what passes between them.
//! [`demo`] shows the main job on it.

pub mod demo;
pub mod loader;
