// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A module loader and an auxiliary bus, as far as the two halves of GVT-g need them.
//!
//! Modules are shared objects. They are loaded and unloaded in any order; a device that appears is
//! bound to a driver that is there, and a driver that appears is bound to the devices that are. As
//! in the kernel, a driver is unbound before its device or its module goes.

mod bus;
mod library;

pub use bus::{Bus, LogLine};
pub use library::{path_of, Error, Loaded};
