// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The commands that go to the host half: the guest's, between those that switch the engine.
//!
//! The guest's are those that were audited, where the audit has left them. The host half copies them
//! into its ring, and nobody does before.

use crate::address::Gma;
use crate::command::{Origin, Stream, Verdict};
use crate::hardware::Engine;
use iface::types::MAX_SEGMENTS;
use kernel::prelude::*;

/// Bytes of a dword.
const DWORD: usize = 4;
/// Batches begin at a cache line.
const LINE: usize = 64;

/// MI_NOOP (PRM Vol 2a).
const NOOP: u32 = 0;
/// Dwords that start a batch.
const START: usize = 3;
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
/// Dwords at most that are neither the guest's nor switch the engine: a flush, the start of a batch, and
/// what makes the number even.
pub(crate) const MORE: usize = PIPE_FLUSH.len() + START + 1;
/// Segments of a submission, see [`Commands`].
const SEGMENTS: usize = 5;
const _: () = assert!(SEGMENTS <= MAX_SEGMENTS);

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

/// What a ring of the host half executes: the engine is switched to the vGPU, what is to run while
/// the guest's context is restored comes, then its ring, and the engine is switched back.
///
/// The hardware would run the second amid the restore. It is over when a ring begins, and so they
/// find the context as it will be; the host's own batches run at their place.
pub(crate) struct Commands {
    enter: KVVec<u32>,
    /// Starts the per-context batch, if there is one.
    start: Option<[u32; START]>,
    leave: KVVec<u32>,
    /// What the guest has submitted, as the audit has left it.
    streams: KVec<Stream>,
}

impl Commands {
    /// Puts the guest's commands, with batches at their places, between others; there will be an
    /// even number of dwords, as rings have it.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EINVAL` a place is beyond the GGTT; `EOVERFLOW` there is more than can be.
    pub(crate) fn new(
        enter: KVVec<u32>,
        streams: KVec<Stream>,
        places: &Places,
        leave: KVVec<u32>,
    ) -> Result<Self> {
        let mut placed = Iterator::zip(streams.iter(), places.starts.iter());
        let per_context = placed.find(|(stream, _)| matches!(stream.origin, Origin::PerContext(_)));
        let start = match per_context {
            Some((_, place)) => Some([BATCH_START, u32::try_from(place.0)?, 0]),
            None => None,
        };
        let mut commands = Self {
            enter,
            start,
            leave,
            streams,
        };
        let sizes = commands.segments().map(<[u32]>::len);
        let size = sizes.into_iter().try_fold(0, usize::checked_add);
        if size.ok_or(EOVERFLOW)? & 1 != 0 {
            commands.leave.push(NOOP, GFP_KERNEL)?;
        }
        Ok(commands)
    }

    /// The commands, from the first to the last.
    pub(crate) fn segments(&self) -> [&[u32]; SEGMENTS] {
        [
            &self.enter,
            self.stream(|origin| matches!(origin, Origin::IndirectContext(_))),
            self.start.as_ref().map_or(&[], |start| start.as_slice()),
            self.stream(|origin| matches!(origin, Origin::Ring)),
            &self.leave,
        ]
    }

    /// The guest's commands of that origin.
    fn stream(&self, is_it: impl Fn(Origin) -> bool) -> &[u32] {
        let mut streams = self.streams.iter();
        let found = streams.find(|stream| is_it(stream.origin));
        found.map_or(&[], |stream| &stream.dwords)
    }
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

#[cfg(test)]
mod tests;
