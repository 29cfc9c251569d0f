// SPDX-License-Identifier: GPL-2.0 OR MIT
//! C strings.

pub use crate::prelude::CStr;
