// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A software model of Intel Gen8 to Gen9.5 integrated GPUs.
//!
//! The model answers at the level a driver sees: PCI configuration space, the registers and the
//! GGTT behind BAR0, the aperture behind BAR2, interrupts, execlist submission and the commands
//! that engines fetch from memory. Stock i915 drivers run on it. Shaders are out of scope: 3D and
//! media commands are skipped by their length.
//!
//! Everything is reached through [`Gpu`], which takes `&mut self`, starts no thread and never
//! waits. Guest memory is behind [`DmaMemory`], interrupts leave through [`InterruptSink`]; both
//! are given by whoever hosts the model (a vfio-user server, or a test in one process).
//!
//! ```text
//!   config_read/write   bar0_read/write   bar2_read/write       run(budget)
//!          │                   │                 │                   │
//!    config_space        uncore ── regs      ggtt + fence        engine ── execlist, context,
//!                          │  └─ display       + tiling             │        command, mi, blitter
//!                          └──── interrupt                          └── memory, ggtt, ppgtt
//! ```
//!
//! # What is not modelled
//! - Shaders, fixed-function 3D and media: the commands are skipped, so nothing is drawn by them.
//! - Caches, MOCS and snooping: memory is always coherent. TLBs are, within a slice.
//! - Power: registers answer without forcewake; RC6 and frequencies are only acknowledged.
//! - Performance counters: MI_REPORT_PERF_COUNT writes id, time stamp and context id only.
//! - Pattern, text and mono blits are skipped; so are surfaces with 64 KiB tiles (the engine
//!   hangs on them).
//! - GuC and HuC stay in reset; stolen memory has size 0.
//! - Legacy ring submission: engines run execlists only.
#![forbid(unsafe_code)]

pub mod address;
pub mod clock;
pub mod config_space;
pub mod display;
pub mod engine;
pub mod fence;
pub mod firmware;
pub mod ggtt;
pub mod gpu;
pub mod interrupt;
pub mod log;
pub mod memory;
pub mod options;
pub mod platform;
pub mod ppgtt;
pub mod pvinfo;
pub mod register_file;
pub mod regs;
pub mod seed;
pub mod shared;
pub mod submission;
pub mod testing;
pub mod tiling;
pub mod touch;
pub mod uncore;

pub use address::{DmaAddress, GgttAddress, MmioOffset, PpgttAddress};
pub use clock::{Cycles, Nanos};
pub use gpu::{Activity, Gpu};
pub use interrupt::{InterruptSink, NoInterrupts};
pub use memory::{DmaFault, DmaMemory, VecMemory};
pub use options::{Options, OptionsError};
pub use platform::{EngineId, Platform, PlatformId};
pub use shared::Shared;
