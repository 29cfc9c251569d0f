// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Hostile guests on vGPUs of the software GPU, and a judge of what they reach.
//!
//! Two VMs share one GPU, in one process: [`arena`]. One of them attacks, by all that a guest has:
//! rings, batches, images of contexts, page tables, registers, its part of the aperture: [`attacks`].
//!
//! The [`judge`] is not the mediator, and does not ask it. The software GPU notes each page of memory
//! that an engine reaches, and for which context; the judge compares it with the pages that are pinned
//! for the VM of that context at that moment, and with what the host half has for it. It compares
//! patterns that were planted everywhere else, registers of the host, and the GGTT. No IOMMU stands
//! between: a wrong address is the memory of another.
//!
//! Who judges the judge: the mediator has holes that a test can open, one check less each (feature
//! `mutants`), and each has to be noticed.

pub mod arena;
pub mod attacks;
pub mod contest;
pub mod guest;
pub mod host;
pub mod judge;
pub mod slices;
pub mod turns;

pub use hosted_glue::commands;
