// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Interrupts out of the device, by eventfd.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{fcntl_getfl, fcntl_setfl, OFlags};
use rustix::io::{write, Errno};
use vfio_bindings::bindings::vfio::{VFIO_IRQ_INFO_AUTOMASKED, VFIO_IRQ_INFO_MASKABLE};

use crate::message::{IrqAction, IrqData, IrqSet};

/// What `/proc/self/fd` calls an eventfd.
const EVENTFD_LINK: &str = "anon_inode:[eventfd]";

/// One interrupt index of a device, for example INTx or MSI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IrqIndex {
    /// Number of vectors.
    pub count: u32,
    /// `VFIO_IRQ_INFO_…` flags.
    pub flags: u32,
}

/// The interrupts of a device and the eventfds that a client connected to them.
///
/// Any thread may raise interrupts at any time.
#[derive(Debug)]
pub struct Interrupts {
    indexes: Vec<IrqIndex>,
    vectors: Vec<Mutex<Vec<Vector>>>,
}

#[derive(Debug, Default)]
struct Vector {
    eventfd: Option<File>,
    /// Held back until the client unmasks.
    masked: bool,
    /// Level of the line, for indexes that mask themselves.
    level: bool,
    /// Came while masked.
    latched: bool,
}

impl Interrupts {
    /// Interrupts that nobody is connected to yet.
    pub fn new(indexes: &[IrqIndex]) -> Self {
        let vectors = indexes
            .iter()
            .map(|index| Mutex::new((0..index.count).map(|_| Vector::default()).collect()))
            .collect();
        Self {
            indexes: indexes.to_vec(),
            vectors,
        }
    }

    /// The description given at the start.
    pub fn indexes(&self) -> &[IrqIndex] {
        &self.indexes
    }

    /// Whether a client has connected an eventfd to the vector.
    pub fn is_connected(&self, index: u32, vector: u32) -> bool {
        self.with(index, vector, |vector| vector.eventfd.is_some())
            .unwrap_or(false)
    }

    /// Sends one interrupt; it waits if the vector is masked and is lost if nobody is connected.
    pub fn trigger(&self, index: u32, vector: u32) {
        self.with(index, vector, Vector::fire);
    }

    /// Sets the level of a line.
    ///
    /// A high line interrupts once, is then masked until the client unmasks it, and interrupts
    /// again if it is still high.
    pub fn set_level(&self, index: u32, vector: u32, high: bool) {
        self.with(index, vector, |vector| {
            vector.level = high;
            vector.fire_level();
        });
    }

    /// Carries out a SET_IRQS request.
    ///
    /// # Errors
    /// `EINVAL` if index, range, action or descriptors do not fit; `ENOTSUP` for eventfds that
    /// should follow masking. Nothing has changed then.
    pub(crate) fn set(&self, set: &IrqSet<'_>, fds: Vec<OwnedFd>) -> Result<(), Errno> {
        let index = *self.indexes.get(set.index as usize).ok_or(Errno::INVAL)?;
        let mut vectors = self.lock(set.index).ok_or(Errno::INVAL)?;
        let maskable = index.flags & VFIO_IRQ_INFO_MASKABLE != 0;
        if set.action != IrqAction::Trigger && !maskable {
            return Err(Errno::INVAL);
        }
        let (start, count) = (set.start as usize, set.count as usize);
        let end = start.checked_add(count).ok_or(Errno::INVAL)?;
        let range = vectors.get_mut(start..end).ok_or(Errno::INVAL)?;
        match (set.action, set.data) {
            (IrqAction::Trigger, IrqData::None) if count == 0 => {
                vectors.iter_mut().for_each(Vector::disconnect);
            }
            (IrqAction::Trigger, IrqData::Eventfd) if fds.is_empty() => {
                range.iter_mut().for_each(Vector::disconnect);
            }
            (IrqAction::Trigger, IrqData::Eventfd) => {
                if fds.len() != count {
                    return Err(Errno::INVAL);
                }
                let fds = fds
                    .into_iter()
                    .map(as_eventfd)
                    .collect::<Result<Vec<_>, _>>()?;
                let levels = index.flags & VFIO_IRQ_INFO_AUTOMASKED != 0;
                for (vector, eventfd) in range.iter_mut().zip(fds) {
                    vector.eventfd = Some(eventfd);
                    if levels {
                        vector.fire_level();
                    }
                }
            }
            (_, IrqData::Eventfd) => return Err(Errno::NOTSUP),
            (action, data) => {
                for (at, vector) in range.iter_mut().enumerate() {
                    if matches!(data, IrqData::Bool(chosen) if chosen.get(at) == Some(&0)) {
                        continue;
                    }
                    match action {
                        IrqAction::Mask => vector.masked = true,
                        IrqAction::Unmask => vector.unmask(),
                        IrqAction::Trigger => vector.fire(),
                    }
                }
            }
        }
        Ok(())
    }

    /// Drops all eventfds and masks; levels belong to the device and stay.
    pub(crate) fn disconnect(&self) {
        for index in 0..self.indexes.len() {
            if let Some(mut vectors) = self.lock(index as u32) {
                vectors.iter_mut().for_each(Vector::disconnect);
            }
        }
    }

    fn lock(&self, index: u32) -> Option<MutexGuard<'_, Vec<Vector>>> {
        let vectors = self.vectors.get(index as usize)?;
        Some(vectors.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with<R>(&self, index: u32, vector: u32, f: impl FnOnce(&mut Vector) -> R) -> Option<R> {
        self.lock(index)?.get_mut(vector as usize).map(f)
    }
}

impl Vector {
    fn fire(&mut self) {
        if self.masked {
            self.latched = true;
        } else {
            self.signal();
        }
    }

    fn fire_level(&mut self) {
        if self.level && !self.masked && self.eventfd.is_some() {
            self.masked = true;
            self.signal();
        }
    }

    fn unmask(&mut self) {
        self.masked = false;
        if std::mem::take(&mut self.latched) {
            self.signal();
        }
        self.fire_level();
    }

    fn disconnect(&mut self) {
        *self = Self {
            level: self.level,
            ..Self::default()
        };
    }

    fn signal(&self) {
        let Some(eventfd) = &self.eventfd else {
            return;
        };
        // The descriptor does not block. A full counter means that the client has interrupts
        // enough to read.
        if let Err(errno) = write(eventfd, &1u64.to_ne_bytes()) {
            tracing::debug!(%errno, "interrupt not delivered");
        }
    }
}

/// Takes a descriptor only if it is an eventfd: a write to it cannot hurt us, and with `O_NONBLOCK`
/// does not block.
fn as_eventfd(fd: OwnedFd) -> Result<File, Errno> {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()))
        .map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
    if link.as_os_str() != EVENTFD_LINK {
        return Err(Errno::INVAL);
    }
    let flags = fcntl_getfl(&fd)?;
    fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?;
    Ok(File::from(fd))
}

#[cfg(test)]
#[path = "irq/tests.rs"]
mod tests;
