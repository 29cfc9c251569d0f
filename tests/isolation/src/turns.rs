// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Whose turn it is: everybody's at any time. The host half executes one after the other.

pub use hosted_glue::ends::{Anytime as Turns, Ends};
