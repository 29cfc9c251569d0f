// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is done inside VMs, and what must come of it.

pub mod boot;
