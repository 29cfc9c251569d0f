// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is done inside VMs, and what must come of it.

pub mod anytime;
pub mod boot;
mod checks;
pub mod contract;
pub mod order;
pub mod override_file;
pub mod power;
pub mod refusals;
