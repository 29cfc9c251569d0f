// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Registers outside of the display engine: their names, and what reading and writing them does.

pub mod fuse;
