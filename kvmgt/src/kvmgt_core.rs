// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The mediator: gives virtual machines GPUs of their own out of one real GPU.
//!
//! This crate is what kvmgt does, without a line about where it runs: it compiles into the kernel
//! module, and into a hosted program. It has no unsafe code, takes no locks and starts no threads;
//! who uses it brings those.
#![cfg_attr(not(any(MODULE, test)), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

#[cfg(test)]
extern crate self as kvmgt_core;

pub mod address;
pub mod command;
pub mod config_space;
pub mod device;
pub mod display;
pub mod engines;
pub mod execlist;
pub mod fences;
pub mod golden;
pub mod gtt;
pub mod guest;
pub mod hardware;
pub mod host;
pub mod interrupt;
pub mod message;
pub mod mmio;
#[cfg(feature = "mutants")]
pub mod mutant;
pub mod opregion;
pub mod pvinfo;
pub mod schedule;
pub mod vgpu;
pub mod workload;

#[cfg(test)]
mod testing;
