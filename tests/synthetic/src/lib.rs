// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A guest without an operating system: drives a vGPU by the contract that real guests rely on.
//!
//! ```text
//!   checks     what must hold of a vGPU, by name
//!   dump       what a vGPU answers, for comparing two drivers
//!   work       contexts for the engines, and what they store compared
//!   replay     what accesses cost
//!   card       the host's own GPU, which takes what a vGPU shows
//!   host_ggtt  what the GPU's own GGTT has, past all drivers
//!   screen     a mode, planes and their surfaces
//!   aux, edid  what a monitor is asked, and what it answers
//!   plug       how a client of the vGPU plugs and unplugs the monitor
//!   guest      a vGPU with some RAM: registers, GGTT, aperture, interrupts
//!   transport  how it is reached: VFIO in a kernel's VM, vfio-user hosted
//! ```
//!
//! The checks know nothing of the transport but what it can't do: the same code is the client of
//! kvmgt.ko and of the hosted front.
#![deny(unsafe_code)]

pub mod aux;
pub mod card;
pub mod checks;
pub mod dump;
pub mod edid;
pub mod event;
pub mod guest;
pub mod hold;
pub mod host_ggtt;
pub mod plug;
pub mod ram;
pub mod registers;
pub mod replay;
pub mod screen;
pub mod transport;
pub mod work;

pub use checks::{Check, Verdict};
pub use guest::Guest;
pub use transport::{Opener, Transport};
