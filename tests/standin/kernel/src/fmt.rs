// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Formatting: shared code uses this in place of `core::fmt`.

pub use core::fmt::{Arguments, Debug, Display, Error, Formatter, Result, Write};
