// SPDX-License-Identifier: GPL-2.0 OR MIT
mod bed;
mod field;
mod hardening;
mod history;
mod lifetime;
mod property;
mod sync;
mod top;
mod walk;

use super::*;
use crate::address::Gfn;
use bed::{Bed, LARGE, PAGE, PAGES_64K, TABLE};
