// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The hosted front: a vGPU of kvmgt as a vfio-user device, without a kernel.
//!
//! ```text
//!   QEMU ── vfio-user ── VgpuDevice ── kvmgt_core::vgpu ── iface ── i915-gvt-host ── software GPU
//!    └────── memory by descriptor ───────── Memory (an IOMMU) ────────── DMA ────────────┘
//! ```
//!
//! One process holds a machine with one GPU, and as many vGPUs of it as fit. Each has a socket, a
//! lock, and two threads: one for its client, and a [`Worker`] that starts what it is its turn for.
//! The other locks are those of the turns, of the host half and of the machine.
//!
//! The protocol knows no opening and closing: a client that connects opens the vGPU, and closes it
//! when it leaves.
#![forbid(unsafe_code)]

pub mod choice;
pub mod counts;
pub mod device;
pub mod fuzz;
pub mod gpu;
pub mod guest;
pub mod memory;
pub mod screen;

pub use choice::Choice;
pub use counts::Counts;
pub use device::{MonitorDevice, VgpuDevice, Worker};
pub use gpu::{Gpu, Machine};
pub use screen::Screen;
