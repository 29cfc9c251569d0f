// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is done inside VMs, and what must come of it.

mod checks;
mod console;
mod drawing;
mod hotplug;
mod monitor;
mod nested;

pub mod anytime;
pub mod beside_c;
pub mod boot;
pub mod c_gvt;
pub mod contract;
pub mod debug;
pub mod desktop;
pub mod differential;
pub mod gem_work;
pub mod golden;
pub mod guest;
pub mod igt;
pub mod killed;
pub mod mdev;
pub mod native;
pub mod order;
pub mod override_file;
pub mod power;
pub mod program;
pub mod reader;
pub mod refusals;
pub mod skew;
pub mod synthetic;
pub mod taken_away;
pub mod two_commits;
pub mod vgpu;
