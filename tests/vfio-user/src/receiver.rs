// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Messages out of a stream of bytes.
//!
//! The receiver reads ahead, so that a burst of posted writes costs one system call. Descriptors
//! belong to the message that holds the last byte they came with: the kernel ends a read behind
//! the bytes that carried descriptors, and clients send a message in one piece.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::Duration;
use std::time::Instant;

use crate::message::{Header, Message};
use crate::protocol::{HEADER_SIZE, MAX_FDS, MAX_MESSAGE};
use crate::stream::{StreamError, Transport};

/// How long the peer may take from the first to the last byte of a message.
pub const MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes asked for at a time.
const READ_AHEAD: usize = 64 << 10;

/// Cuts a stream into messages.
#[derive(Debug)]
pub struct Receiver {
    buffer: Box<[u8]>,
    /// Bytes of `buffer` that wait: from `start` to `end`.
    start: usize,
    end: usize,
    /// Stream position of `buffer[end]`.
    position: u64,
    fds: VecDeque<(u64, OwnedFd)>,
    /// Stream position of the last byte that came with descriptors we had no room for.
    fds_lost: Option<u64>,
    partial: Message,
    header: [u8; HEADER_SIZE],
    /// Bytes of the current message that are here.
    have: usize,
    begun: Option<Instant>,
}

impl Default for Receiver {
    fn default() -> Self {
        Self {
            buffer: vec![0; READ_AHEAD].into_boxed_slice(),
            start: 0,
            end: 0,
            position: 0,
            fds: VecDeque::new(),
            fds_lost: None,
            partial: Message::default(),
            header: [0; HEADER_SIZE],
            have: 0,
            begun: None,
        }
    }
}

impl Receiver {
    /// Waits for the next message and puts it into `message`.
    ///
    /// # Errors
    /// [`StreamError::TimedOut`] if the deadline passed: a message that has begun is kept for the
    /// next call. Any other error ends the connection.
    pub fn next(
        &mut self,
        transport: &impl Transport,
        deadline: Option<Instant>,
        message: &mut Message,
    ) -> Result<(), StreamError> {
        message.clear();
        while !self.assemble()? {
            let limit = self.begun.map(|begun| begun + MESSAGE_TIMEOUT);
            let until = match (deadline, limit) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            match transport.receive(&mut self.buffer, until) {
                Ok(received) => {
                    self.start = 0;
                    self.end = received.bytes.min(self.buffer.len());
                    self.position += self.end as u64;
                    let last = self.position - 1;
                    let room = MAX_FDS.saturating_sub(self.fds.len());
                    if received.fds_lost || received.fds.len() > room {
                        self.fds_lost = Some(last);
                    }
                    self.fds
                        .extend(received.fds.into_iter().take(room).map(|fd| (last, fd)));
                }
                Err(StreamError::TimedOut) if limit.is_some_and(|at| at <= Instant::now()) => {
                    return Err(StreamError::Stalled);
                }
                Err(error) => return Err(error),
            }
        }
        std::mem::swap(&mut self.partial, message);
        self.partial.clear();
        self.have = 0;
        self.begun = None;
        Ok(())
    }

    /// Moves waiting bytes into the current message; true when it is complete.
    fn assemble(&mut self) -> Result<bool, StreamError> {
        if self.start < self.end && self.begun.is_none() {
            self.begun = Some(Instant::now());
        }
        if self.have < HEADER_SIZE {
            let count = (HEADER_SIZE - self.have).min(self.end - self.start);
            self.header[self.have..self.have + count]
                .copy_from_slice(&self.buffer[self.start..self.start + count]);
            self.start += count;
            self.have += count;
            if self.have < HEADER_SIZE {
                return Ok(false);
            }
            self.partial.header = Header::parse(&self.header);
        }
        let size = self.partial.header.size as usize;
        if size < HEADER_SIZE {
            return Err(StreamError::OutOfStep(self.partial.header.size));
        }
        self.partial.oversized = size > MAX_MESSAGE;
        let count = (size - self.have).min(self.end - self.start);
        if !self.partial.oversized {
            let bytes = &self.buffer[self.start..self.start + count];
            self.partial.payload.extend_from_slice(bytes);
        }
        self.start += count;
        self.have += count;
        if self.have < size {
            return Ok(false);
        }
        self.claim_fds();
        Ok(true)
    }

    /// Gives the current message, which is complete, the descriptors up to its last byte.
    fn claim_fds(&mut self) {
        let end = self.position - (self.end - self.start) as u64;
        while self.fds.front().is_some_and(|(at, _)| *at < end) {
            self.partial
                .fds
                .extend(self.fds.pop_front().map(|(_, fd)| fd));
        }
        if self.fds_lost.is_some_and(|at| at < end) {
            self.fds_lost = None;
            self.partial.fds_lost = true;
        }
    }
}

#[cfg(test)]
#[path = "receiver/tests.rs"]
mod tests;
