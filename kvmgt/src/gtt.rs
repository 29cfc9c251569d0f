// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Graphics memory: how what a guest writes into its page tables becomes what the GPU uses.

pub mod entry;
pub mod ggtt;
pub mod pins;
pub mod ppgtt;
pub mod ranges;
