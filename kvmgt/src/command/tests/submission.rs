// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A submission of any kind, and what must hold of what the audit says about it.
//!
//! Whoever looks for a bad one shares this: the property test beside it, and the fuzz target
//! `commands`.

use super::reference;
use super::scene::{ring, setting, BATCH, STATUS_PAGE};
use iface::registers::Platform;
use kvmgt_core::address::Gma;
use kvmgt_core::command::{audit, Failure, Limits, Setting, Work};
use kvmgt_core::hardware::Engine;
use std::format;
use std::string::String;
use std::vec::Vec;

/// Where batches may begin.
pub const BATCHES: [u32; 4] = [BATCH, BATCH + 0xfc0, BATCH + 0x4000, BATCH + 0x4040];
/// The most dwords that may be copied.
const DWORDS: u32 = 1 << 14;

/// All that is submitted at once.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The engine.
    pub engine: Engine,
    /// The GPU.
    pub platform: Platform,
    /// The ring.
    pub ring: Vec<u32>,
    /// What is at [`BATCHES`].
    pub batches: Vec<Vec<u32>>,
    /// Batches that run while the context is restored.
    pub work: Work,
    /// Whether the engine has a status page.
    pub has_status_page: bool,
}

/// Whether it was accepted.
///
/// # Errors
///
/// Something reaches the GPU that should not, too much was read, or the refusal is no line.
pub fn run(submission: &Submission) -> Result<bool, String> {
    let (mut ram, ring) = ring(&submission.ring);
    for (at, batch) in BATCHES.iter().zip(&submission.batches) {
        ram.put(*at, batch);
    }
    let setting = Setting {
        platform: submission.platform,
        status_page: submission.has_status_page.then_some(Gma(STATUS_PAGE)),
        limits: Limits {
            dwords: DWORDS,
            ..Limits::default()
        },
        ..setting(submission.engine)
    };
    let work = Work {
        indirect_context: submission.work.indirect_context,
        per_context: submission.work.per_context,
        ..ring
    };
    let result = audit(&setting, &mut ram, &work);
    let reads = ram
        .reads
        .values()
        .map(|reads| u64::from(*reads))
        .sum::<u64>();
    if reads > DWORDS.into() {
        return Err(format!("{reads} dwords were read"));
    }
    match result {
        Ok(verdict) => {
            reference::check(&setting, &verdict)?;
            Ok(true)
        }
        Err(Failure::Refused(refusal)) => {
            let line = format!("{refusal}");
            match line.contains('\n') {
                true => Err(line),
                false => Ok(false),
            }
        }
        Err(Failure::Host(error)) => Err(format!("{error:?}")),
    }
}
