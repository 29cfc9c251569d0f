// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A transport in memory that plays what a client sends, for tests and fuzzing.

use std::collections::VecDeque;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::protocol::MAX_FDS;
use crate::stream::{Received, StreamError, Transport};

/// Bytes that arrive together, with the descriptors that came with them.
#[derive(Debug, Default)]
pub struct Chunk {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The descriptors; those above [`MAX_FDS`] get lost, as in the kernel.
    pub fds: Vec<OwnedFd>,
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            fds: Vec::new(),
        }
    }
}

/// What the server sent.
#[derive(Clone, Debug, Default)]
pub struct Transcript(Arc<Mutex<Sent>>);

/// See [`Transcript`].
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// All bytes.
    pub bytes: Vec<u8>,
    /// Number of descriptors.
    pub fds: usize,
}

impl Transcript {
    /// What was sent so far.
    pub fn sent(&self) -> Sent {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Plays chunks, then is closed.
#[derive(Debug)]
pub struct Script {
    chunks: Mutex<VecDeque<Chunk>>,
    transcript: Transcript,
}

impl Script {
    /// A client that sends these chunks and leaves.
    pub fn new(chunks: impl IntoIterator<Item = Chunk>) -> (Self, Transcript) {
        let transcript = Transcript::default();
        let chunks = chunks
            .into_iter()
            .filter(|chunk| !chunk.bytes.is_empty())
            .collect();
        (
            Self {
                chunks: Mutex::new(chunks),
                transcript: transcript.clone(),
            },
            transcript,
        )
    }
}

impl Transport for Script {
    fn receive(
        &self,
        buffer: &mut [u8],
        _deadline: Option<Instant>,
    ) -> Result<Received, StreamError> {
        let mut chunks = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        let chunk = chunks.front_mut().ok_or(StreamError::Closed)?;
        let count = chunk.bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&chunk.bytes[..count]);
        let mut fds = std::mem::take(&mut chunk.fds);
        let fds_lost = fds.len() > MAX_FDS;
        fds.truncate(MAX_FDS);
        if count == chunk.bytes.len() {
            chunks.pop_front();
        } else {
            chunk.bytes.drain(..count);
        }
        Ok(Received {
            bytes: count,
            fds,
            fds_lost,
        })
    }

    fn send(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), StreamError> {
        let mut sent = self.transcript.lock();
        sent.bytes.extend_from_slice(bytes);
        sent.fds += fds.len();
        Ok(())
    }

    fn shutdown(&self) {}
}
