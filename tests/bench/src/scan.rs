// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The audit of what guests submit.

use std::hint::black_box;

use anyhow::{anyhow, ensure, Result};
use iface::registers::Platform;
use kvmgt_core::address::{Gma, PAGE_SIZE};
use kvmgt_core::command::{audit, Failure, Limits, Memory, Setting, Verdict, Work};
use kvmgt_core::gtt::ranges::Ranges;
use kvmgt_core::hardware::Engine;

use crate::submissions::{self, Submission};

/// Where rings begin, and pages of the largest that a register can say.
const RING: u32 = 0x8000_0000;
const RING_PAGES: usize = 512;
/// RING_CTL: bits below the number of pages less one, and that the ring is enabled (PRM Vol 2c).
const PAGES_SHIFT: u32 = 12;
const ENABLE: u32 = 1;
/// MI_BATCH_BUFFER_END (PRM Vol 2a).
const BATCH_END: u32 = 0x0a << 23;
/// Where status pages are.
const STATUS_PAGE: Gma = Gma(0x1000);
/// A context's image.
const CONTEXT: Gma = Gma(0x2000);
/// Bytes of the GGTT. Guests were native: all of it was theirs.
const GGTT: u64 = 4 << 30;

/// Memory that holds the commands of one ring.
struct Ring<'a>(&'a [u32]);

impl Memory for Ring<'_> {
    fn copy(&mut self, from: Gma, into: &mut [u32]) -> kernel::error::Result {
        let first = from
            .0
            .checked_sub(RING.into())
            .map(|bytes| bytes as usize / 4);
        match first.and_then(|first| self.0.get(first..first + into.len())) {
            Some(dwords) => into.copy_from_slice(dwords),
            // A batch that is privileged: it was not captured, and ends at once.
            None => into.fill(BATCH_END),
        }
        Ok(())
    }
}

/// What of the captured can be in a ring: batches of a restore end with a command that is none there.
fn rings() -> Result<Vec<Submission>> {
    let mut all = submissions::captured()?;
    all.retain(|submission| submission.is_ring);
    ensure!(!all.is_empty(), "nothing was captured");
    for submission in &mut all {
        // Rings end with a qword.
        if submission.dwords.len() % 2 != 0 {
            submission.dwords.push(0);
        }
    }
    Ok(all)
}

/// A submission that is audited, and callgrind counts it.
#[inline(never)]
fn counted_audit(setting: &Setting, ring: &mut Ring<'_>, work: &Work) -> Result<Verdict, Failure> {
    black_box(audit(setting, ring, work))
}

/// Audits one of them.
fn run(submission: &Submission) -> Result<()> {
    let Submission { engine, dwords, .. } = submission;
    let bytes = dwords.len() * 4;
    let pages = (bytes + 1).div_ceil(PAGE_SIZE as usize);
    ensure!(pages <= RING_PAGES, "{bytes} bytes are in no ring");
    let setting = Setting {
        platform: Platform::Kbl,
        engine: *engine,
        reach: Ranges {
            aperture: 0..GGTT,
            high: 0..0,
        },
        status_page: Some(STATUS_PAGE),
        context_page: CONTEXT,
        limits: Limits::default(),
    };
    let work = Work {
        ring_start: RING,
        ring_control: (pages as u32 - 1) << PAGES_SHIFT | ENABLE,
        ring_tail: bytes as u32,
        ..Work::default()
    };
    let verdict = counted_audit(&setting, &mut Ring(dwords), &work);
    let verdict = verdict.map_err(|failure| match failure {
        Failure::Refused(refusal) => anyhow!("{refusal}: {dwords:x?}"),
        Failure::Host(error) => anyhow!("{error:?}"),
    })?;
    ensure!(verdict.dwords() >= dwords.len(), "some of it is missing");
    Ok(())
}

/// Audits all that was captured so often.
pub fn captured(rounds: u32) -> Result<()> {
    let all = rings()?;
    (0..rounds).try_for_each(|_| all.iter().try_for_each(run))
}

/// How many dwords were captured.
pub fn dwords() -> Result<u64> {
    Ok(rings()?.iter().map(|ring| ring.dwords.len() as u64).sum())
}

/// How many submissions were captured.
pub fn submissions() -> Result<u64> {
    Ok(rings()?.len() as u64)
}

/// Dwords of a long ring of commands that do nothing, and of one that only stores.
const LONG: usize = 32_768;

/// A ring that has the same command again and again.
fn repeated(command: &[u32]) -> Submission {
    let count = LONG / command.len();
    Submission {
        engine: Engine::Rcs,
        is_ring: true,
        dwords: command.repeat(count),
    }
}

/// Audits a long ring of loads of one register each, which look into the list of registers.
pub fn loads(rounds: u32) -> Result<()> {
    // MI_LOAD_REGISTER_IMM of a general purpose register, and MI_NOOP.
    let ring = repeated(&[0x1100_0001, 0x2600, 7, 0]);
    (0..rounds).try_for_each(|_| run(&ring))
}

/// The dwords of such a ring.
pub fn long() -> Result<u64> {
    Ok(LONG as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn all_that_was_captured_is_accepted() {
        captured(1).unwrap();

        assert!(submissions().unwrap() >= 10, "{:?}", submissions());
        assert!(dwords().unwrap() >= 300, "{:?}", dwords());
        let engines: BTreeSet<_> = rings().unwrap().iter().map(|r| r.engine.index()).collect();
        assert_eq!(engines.len(), 4, "a ring of each engine");
    }

    #[test]
    fn loads_are_accepted() {
        loads(1).unwrap();
    }
}
