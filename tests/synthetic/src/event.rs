// SPDX-License-Identifier: GPL-2.0 OR MIT
//! An eventfd, which counts interrupts.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::event::{eventfd, poll, EventfdFlags, PollFd, PollFlags, Timespec};
use rustix::io::{read, Errno};

/// How long an interrupt may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Counts interrupts.
#[derive(Debug)]
pub struct Event(OwnedFd);

impl Event {
    /// One that has counted nothing.
    ///
    /// # Errors
    /// There are too many files.
    pub fn new() -> Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self(eventfd(0, flags)?))
    }

    /// What is given to the device.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// How many there were since this was last asked.
    ///
    /// # Errors
    /// It can't be read.
    pub fn count(&self) -> Result<u64> {
        let mut data = [0; 8];
        match read(&self.0, &mut data) {
            Ok(_) => Ok(u64::from_ne_bytes(data)),
            Err(Errno::AGAIN) => Ok(0),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Waits until there is one, and gives the number; 0 if none comes.
    ///
    /// # Errors
    /// It can't be read.
    pub fn wait(&self) -> Result<u64> {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
            match poll(&mut fds, Some(&Timespec::try_from(left)?)) {
                Ok(0) => return Ok(0),
                Ok(_) => return self.count(),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}
