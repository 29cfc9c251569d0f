// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The commands that go to the host half: the guest's, between those that switch the engine.

use crate::address::Gma;
use crate::command::{Origin, Verdict};
use crate::hardware::Engine;
use kernel::prelude::*;

/// Bytes of a dword.
const DWORD: usize = 4;
/// Batches begin at a cache line.
const LINE: usize = 64;

/// MI_NOOP (PRM Vol 2a).
const NOOP: u32 = 0;
/// MI_BATCH_BUFFER_START of a first-level batch that is fetched through the GGTT, three dwords
/// (PRM Vol 2a, MI_BATCH_BUFFER_START: opcode 31h, length 1, address space indicator 0).
const BATCH_START: u32 = 0x31 << 23 | 1;

/// PIPE_CONTROL, six dwords: all that was drawn is written, and the engine waits for that (PRM Vol
/// 2a, PIPE_CONTROL: depth cache 0, data cache 5, pipe control 7, render target 12, CS stall 20).
const PIPE_FLUSH: [u32; 6] = [
    0x7a00_0004,
    1 << 0 | 1 << 5 | 1 << 7 | 1 << 12 | 1 << 20,
    0,
    0,
    0,
    0,
];
/// MI_FLUSH_DW, four dwords: all that was begun is done (PRM Vol 2a, MI_FLUSH_DW).
const FLUSH: [u32; 4] = [0x26 << 23 | 2, 0, 0, 0];
/// Dwords that [`flush`] adds at most.
pub(crate) const FLUSH_MOST: usize = PIPE_FLUSH.len();

/// Where copies of batches are, in a buffer of the host half.
pub(crate) struct Places {
    /// A place for each stream of a verdict, those that are in the ring at none.
    pub(crate) starts: KVVec<Gma>,
    /// Bytes that they take, from the first place on.
    pub(crate) size: usize,
}

impl Places {
    /// Gives each batch of a verdict a place from `first` on.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EOVERFLOW` there is more than can be.
    pub(crate) fn new(verdict: &Verdict, first: Gma) -> Result<Self> {
        let mut starts = KVVec::with_capacity(verdict.streams.len(), GFP_KERNEL)?;
        let mut size: usize = 0;
        for stream in &verdict.streams {
            let start = match is_batch(stream.origin) {
                false => Gma(0),
                true => {
                    let at = u64::try_from(size)?;
                    let bytes = stream.dwords.len().checked_mul(DWORD).ok_or(EOVERFLOW)?;
                    let bytes = bytes.checked_next_multiple_of(LINE).ok_or(EOVERFLOW)?;
                    size = size.checked_add(bytes).ok_or(EOVERFLOW)?;
                    Gma(first.0.checked_add(at).ok_or(EOVERFLOW)?)
                }
            };
            starts.push(start, GFP_KERNEL)?;
        }
        Ok(Self { starts, size })
    }
}

/// Whether a stream is fetched from a buffer, and not from the ring.
pub(crate) fn is_batch(origin: Origin) -> bool {
    match origin {
        Origin::Ring | Origin::IndirectContext(_) => false,
        Origin::PerContext(_) | Origin::Batch { .. } => true,
    }
}

/// Adds what a guest has submitted to the commands of a ring: what is to run while its context is
/// restored, and then its ring.
///
/// The hardware would run the former amid the restore. It is over when a ring begins, and so they
/// find the context as it will be; the host's own batches run at their place.
///
/// # Errors
///
/// `ENOMEM`; `EINVAL` a stream has no place.
pub(crate) fn append(commands: &mut KVVec<u32>, verdict: &Verdict, places: &Places) -> Result {
    let streams = || Iterator::zip(verdict.streams.iter(), places.starts.iter());
    for (stream, start) in streams() {
        match stream.origin {
            Origin::IndirectContext(_) => {
                commands.extend_from_slice(&stream.dwords, GFP_KERNEL)?;
            }
            Origin::PerContext(_) => {
                let low = u32::try_from(start.0)?;
                commands.extend_from_slice(&[BATCH_START, low, 0], GFP_KERNEL)?;
            }
            Origin::Ring | Origin::Batch { .. } => {}
        }
    }
    for (stream, _) in streams() {
        if stream.origin == Origin::Ring {
            commands.extend_from_slice(&stream.dwords, GFP_KERNEL)?;
        }
    }
    Ok(())
}

/// Has the engine wait until all that came before is done.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn flush(commands: &mut KVVec<u32>, engine: Engine) -> Result {
    let flush = match engine {
        Engine::Rcs => PIPE_FLUSH.as_slice(),
        Engine::Bcs | Engine::Vcs | Engine::Vcs1 | Engine::Vecs => FLUSH.as_slice(),
    };
    Ok(commands.extend_from_slice(flush, GFP_KERNEL)?)
}

/// Makes the number of dwords an even one, as rings have it.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn pad(commands: &mut KVVec<u32>) -> Result {
    if commands.len() & 1 != 0 {
        commands.push(NOOP, GFP_KERNEL)?;
    }
    Ok(())
}
