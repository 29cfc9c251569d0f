// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The audit of what a guest gives an engine to execute.
//!
//! The ring, the batches that run while a context is restored, and batches that are fetched
//! through the GGTT are *privileged*: their commands may name GGTT addresses and registers that
//! belong to others. So they are copied once, the copy is audited, and the copy is what the GPU
//! executes; what the guest does to its memory meanwhile makes no difference. Batches that are
//! fetched through a PPGTT are not privileged. The hardware itself keeps those from other owners'
//! registers and from the GGTT, and their tables lead to nothing but the guest's memory: they are
//! not read.
//!
//! What the table does not know is refused (`audit` lists the rules). A refusal says which
//! command, where, and why; the guest sees an engine that hangs.
//!
//! # Lengths
//!
//! A command is refused for its length only if it can't be right: if it has but one length and
//! claims another; if it ends before the operands that it uses; if what holds it ends before it
//! does; or if it has more operands than the command has, since nobody knows what would become of
//! them. Everything else is right, however rare: loads of up to 127 registers, stores of up to
//! 1,022 dwords, flushes without the operands that only post-sync writes use.

use crate::address::Gma;
use crate::gtt::ranges::Ranges;
use crate::hardware::Engine;
use iface::registers::Platform;
use kernel::prelude::*;

mod address;
mod audit;
mod batch;
mod control;
mod cursor;
mod display;
mod flush;
mod load;
mod refusal;
mod registers;
mod ring;
mod shape;
mod store;
mod stream;
mod table;

pub use audit::audit;
pub use refusal::{Failure, Refusal, Rule};
pub(crate) use registers::{base as register_base, ENGINE_SIZE};
pub(crate) use shape::{shape, Operands};
pub use stream::{Effect, Flip, Link, Origin, Stream, Verdict};
#[cfg(feature = "mutants")]
pub(crate) use table::Action;

/// The guest's memory, as the GPU would read it.
pub trait Memory {
    /// Copies dwords from a GGTT address on.
    ///
    /// The audit asks only for what lies in the vGPU's own ranges of the GGTT, and for each dword
    /// once in a batch or ring. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` the host has none; any other: the guest has no memory there.
    fn copy(&mut self, from: Gma, into: &mut [u32]) -> Result;
}

/// Whose commands are audited, and what is theirs.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The GPU.
    pub platform: Platform,
    /// The engine that is to execute them.
    pub engine: Engine,
    /// What of the GGTT is the vGPU's own.
    pub reach: Ranges,
    /// The vGPU's status page of the engine (`RING_HWS_PGA`); none if it has not set one.
    pub status_page: Option<Gma>,
    /// The status page of the context that they run in, which is the first of its image.
    pub context_page: Gma,
    /// How much of all may be in one submission.
    pub limits: Limits,
}

/// How much one submission may bring; what goes beyond is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Dwords that are copied.
    pub dwords: u32,
    /// Commands.
    pub commands: u32,
    /// Privileged batches, chained ones too; the same batch counts once.
    pub batches: u32,
    /// Commands that are emulated one by one ([`Effect`]).
    pub effects: u32,
}

impl Default for Limits {
    /// Room for the largest ring (2 MiB) and as much again in batches.
    fn default() -> Self {
        Self {
            dwords: 1 << 20,
            commands: 1 << 20,
            batches: 64,
            effects: 4096,
        }
    }
}

/// What a guest submits: registers of a context image, as they were read, once; nothing in them is
/// trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// `RING_START`.
    pub ring_start: u32,
    /// `RING_CTL`.
    pub ring_control: u32,
    /// `RING_HEAD`.
    pub ring_head: u32,
    /// `RING_TAIL`.
    pub ring_tail: u32,
    /// `INDIRECT_CTX`; zero on engines that have none.
    pub indirect_context: u32,
    /// `BB_PER_CTX_PTR`; zero on engines that have none.
    pub per_context: u32,
}

#[cfg(test)]
mod tests;
