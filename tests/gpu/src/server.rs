// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The GPU behind vfio-user.

pub mod control;
pub mod device;
pub mod links;
pub mod shared;
