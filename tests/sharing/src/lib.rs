// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Guests that want the engines of one software GPU at the same time, and what each gets.
//!
//! All is in one thread, and time is the GPU's own: commands take as long as they cost, and what
//! waits is let wait by whoever drives the test. So a run is the same each time, on any machine.
//!
//! Who got what is told by the GPU, which counts the cycles of each context; neither kvmgt nor the
//! host half has a part in that.

pub mod field;
pub mod tenant;
