// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Client memory, as the device sees it.
//!
//! A window is mapped only if its file is a memfd that can never shrink: else the client could cut
//! the file and the next access would kill the server. Other memory files are read and written by
//! system calls; whatever else comes, and windows without a file, by DMA messages to the client.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Once, PoisonError, RwLock, RwLockReadGuard};

use rustix::fs::{fcntl_get_seals, fstat, fstatfs, SealFlags};
use rustix::io::{pread, pwrite, Errno};

use crate::protocol::MAX_DMA_WINDOWS;

mod mapping;

use mapping::Mapping;

/// File system type of memfds and of `/dev/shm` (`TMPFS_MAGIC` of `linux/magic.h`).
const TMPFS_MAGIC: u64 = 0x0102_1994;

/// Why a DMA access failed; nothing was transferred unless the cause is another than `Unmapped`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("DMA of {length} bytes at {address:#x}: {cause}")]
pub struct DmaError {
    /// First byte of the access.
    pub address: u64,
    /// Bytes of the access.
    pub length: usize,
    /// What went wrong.
    pub cause: DmaCause,
}

/// See [`DmaError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DmaCause {
    /// Part of the range is in no window that allows the access.
    #[error("not mapped for that")]
    Unmapped,
    /// The file or the client refused.
    #[error("{0}")]
    Refused(Errno),
}

/// Memory that only the client can reach, asked for by messages.
pub trait PeerMemory: Send + Sync {
    /// Fills `data` from `address` on.
    ///
    /// # Errors
    /// `ETIMEDOUT`, `EPIPE`, `EPROTO`, or `EIO` if the client reports an error.
    fn read(&self, address: u64, data: &mut [u8]) -> Result<(), Errno>;

    /// Stores `data` from `address` on.
    ///
    /// # Errors
    /// As [`PeerMemory::read`].
    fn write(&self, address: u64, data: &[u8]) -> Result<(), Errno>;
}

/// One window, as the client announced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmaWindow {
    /// DMA address of the first byte.
    pub address: u64,
    /// Bytes; `address + size` does not wrap.
    pub size: u64,
    /// The device may read.
    pub readable: bool,
    /// The device may write.
    pub writable: bool,
}

#[derive(Debug)]
struct Window {
    range: DmaWindow,
    backing: Backing,
}

#[derive(Debug)]
enum Backing {
    Mapped(Mapping),
    File { file: File, offset: u64 },
    Peer,
}

/// All windows of the present client.
///
/// Any thread may use it at any time. Aligned accesses of up to 8 bytes to mapped windows are not
/// torn. An unmap waits for accesses that are under way.
#[derive(Default)]
pub struct GuestMemory {
    windows: RwLock<BTreeMap<u64, Window>>,
    peer: RwLock<Option<Arc<dyn PeerMemory>>>,
}

impl std::fmt::Debug for GuestMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuestMemory")
            .field("windows", &self.windows())
            .finish_non_exhaustive()
    }
}

impl GuestMemory {
    /// The present windows, by address.
    pub fn windows(&self) -> Vec<DmaWindow> {
        self.read_lock()
            .values()
            .map(|window| window.range)
            .collect()
    }

    /// Fills `data` from `address` on.
    ///
    /// # Errors
    /// [`DmaError`]; if any byte is unmapped, nothing is read.
    pub fn read(&self, address: u64, data: &mut [u8]) -> Result<(), DmaError> {
        let length = data.len();
        let fail = |cause| DmaError {
            address,
            length,
            cause,
        };
        let readable = |window: &DmaWindow| window.readable;
        let mut done = 0;
        while done < length {
            let at = address.wrapping_add(done as u64);
            let windows = self.read_lock();
            if done == 0 && !covered(&windows, address, length, readable) {
                return Err(fail(DmaCause::Unmapped));
            }
            let (window, offset) = find(&windows, at).ok_or(fail(DmaCause::Unmapped))?;
            // Between two parts the windows may have changed.
            if !window.range.readable {
                return Err(fail(DmaCause::Unmapped));
            }
            let count = window.part(offset, length - done);
            let chunk = &mut data[done..done + count];
            match &window.backing {
                Backing::Mapped(mapping) => mapping.read(offset as usize, chunk),
                Backing::File { file, offset: base } => {
                    read_file(file, base + offset, chunk)
                        .map_err(|errno| fail(DmaCause::Refused(errno)))?;
                }
                Backing::Peer => {
                    // The lock must not be held: the answer may come behind an unmap.
                    drop(windows);
                    self.peer()
                        .and_then(|peer| peer.read(at, chunk))
                        .map_err(|errno| fail(DmaCause::Refused(errno)))?;
                }
            }
            done += count;
        }
        Ok(())
    }

    /// Stores `data` from `address` on.
    ///
    /// # Errors
    /// [`DmaError`]; if any byte is unmapped or read-only, nothing is written.
    pub fn write(&self, address: u64, data: &[u8]) -> Result<(), DmaError> {
        let length = data.len();
        let fail = |cause| DmaError {
            address,
            length,
            cause,
        };
        let writable = |window: &DmaWindow| window.writable;
        let mut done = 0;
        while done < length {
            let at = address.wrapping_add(done as u64);
            let windows = self.read_lock();
            if done == 0 && !covered(&windows, address, length, writable) {
                return Err(fail(DmaCause::Unmapped));
            }
            let (window, offset) = find(&windows, at).ok_or(fail(DmaCause::Unmapped))?;
            if !window.range.writable {
                return Err(fail(DmaCause::Unmapped));
            }
            let count = window.part(offset, length - done);
            let chunk = &data[done..done + count];
            match &window.backing {
                Backing::Mapped(mapping) => mapping.write(offset as usize, chunk),
                Backing::File { file, offset: base } => {
                    write_file(file, base + offset, chunk)
                        .map_err(|errno| fail(DmaCause::Refused(errno)))?;
                }
                Backing::Peer => {
                    drop(windows);
                    self.peer()
                        .and_then(|peer| peer.write(at, chunk))
                        .map_err(|errno| fail(DmaCause::Refused(errno)))?;
                }
            }
            done += count;
        }
        Ok(())
    }

    /// Adds a window.
    ///
    /// # Errors
    /// `EEXIST` if it overlaps another, `ENOSPC` if there are too many, `EINVAL` if the file is
    /// too short, or what mapping it fails with.
    pub(crate) fn map(
        &self,
        range: DmaWindow,
        fd: Option<OwnedFd>,
        offset: u64,
    ) -> Result<(), Errno> {
        let mut windows = self.windows.write().unwrap_or_else(PoisonError::into_inner);
        let end = range.address.checked_add(range.size).ok_or(Errno::INVAL)?;
        let below = windows.range(..end).next_back();
        if below.is_some_and(|(_, other)| other.range.address + other.range.size > range.address) {
            return Err(Errno::EXIST);
        }
        if windows.len() >= MAX_DMA_WINDOWS {
            return Err(Errno::NOSPC);
        }
        let backing = match fd {
            Some(fd) => {
                let backing = Backing::of_file(File::from(fd), &range, offset)?;
                if !matches!(backing, Backing::Mapped(_)) {
                    warn_once(&backing);
                }
                backing
            }
            None => Backing::Peer,
        };
        tracing::debug!(?range, backing = backing.name(), "DMA window");
        windows.insert(range.address, Window { range, backing });
        Ok(())
    }

    /// Removes the window with exactly that range; accesses to it have ended when this returns.
    ///
    /// # Errors
    /// `ENOENT` if there is none.
    pub(crate) fn unmap(&self, address: u64, size: u64) -> Result<(), Errno> {
        let mut windows = self.windows.write().unwrap_or_else(PoisonError::into_inner);
        match windows.get(&address) {
            Some(window) if window.range.size == size => {
                windows.remove(&address);
                Ok(())
            }
            _ => Err(Errno::NOENT),
        }
    }

    /// Removes all windows.
    pub(crate) fn clear(&self) {
        self.windows
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Sets who is asked for memory that came without a file.
    pub(crate) fn set_peer(&self, peer: Option<Arc<dyn PeerMemory>>) {
        *self.peer.write().unwrap_or_else(PoisonError::into_inner) = peer;
    }

    fn peer(&self) -> Result<Arc<dyn PeerMemory>, Errno> {
        self.peer
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .ok_or(Errno::PIPE)
    }

    fn read_lock(&self) -> RwLockReadGuard<'_, BTreeMap<u64, Window>> {
        self.windows.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    /// How many of `wanted` bytes from `offset` on are in this window.
    fn part(&self, offset: u64, wanted: usize) -> usize {
        usize::try_from(self.range.size - offset).map_or(wanted, |left| left.min(wanted))
    }
}

impl Backing {
    fn of_file(file: File, range: &DmaWindow, offset: u64) -> Result<Self, Errno> {
        // First the one question that only memory files answer: others may belong to a file
        // system of the client, and asking those could wait for ever.
        let Ok(seals) = fcntl_get_seals(&file) else {
            return Ok(Self::Peer);
        };
        if fstatfs(&file)?.f_type as u64 != TMPFS_MAGIC {
            return Ok(Self::Peer);
        }
        let end = offset.checked_add(range.size).ok_or(Errno::INVAL)?;
        if u64::try_from(fstat(&file)?.st_size).is_ok_and(|size| size < end) {
            return Err(Errno::INVAL);
        }
        if !seals.contains(SealFlags::SHRINK) {
            return Ok(Self::File { file, offset });
        }
        Mapping::new(&file, offset, range.size, range.writable).map(Self::Mapped)
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Mapped(_) => "mapped",
            Self::File { .. } => "file",
            Self::Peer => "messages",
        }
    }
}

/// Tells the user once, not a client as often as it likes.
fn warn_once(backing: &Backing) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let way = backing.name();
        tracing::warn!("client memory is not a sealed memfd: DMA goes by {way}, which is slow");
    });
}

/// The window that holds `address`, and the offset in it.
fn find(windows: &BTreeMap<u64, Window>, address: u64) -> Option<(&Window, u64)> {
    let (start, window) = windows.range(..=address).next_back()?;
    let offset = address - start;
    (offset < window.range.size).then_some((window, offset))
}

/// Whether all of the range is in windows that `allow` accepts.
fn covered(
    windows: &BTreeMap<u64, Window>,
    address: u64,
    length: usize,
    allow: impl Fn(&DmaWindow) -> bool,
) -> bool {
    let Some(end) = address.checked_add(length as u64) else {
        return false;
    };
    let mut at = address;
    while at < end {
        match find(windows, at) {
            Some((window, _)) if allow(&window.range) => {
                at = window.range.address + window.range.size;
            }
            _ => return false,
        }
    }
    true
}

fn read_file(file: &File, mut at: u64, mut data: &mut [u8]) -> Result<(), Errno> {
    while !data.is_empty() {
        match pread(file, &mut *data, at) {
            // The client cut the file.
            Ok(0) => return Err(Errno::FAULT),
            Ok(count) => {
                at += count as u64;
                data = data.get_mut(count..).unwrap_or_default();
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn write_file(file: &File, mut at: u64, mut data: &[u8]) -> Result<(), Errno> {
    while !data.is_empty() {
        match pwrite(file, data, at) {
            Ok(0) => return Err(Errno::FAULT),
            Ok(count) => {
                at += count as u64;
                data = data.get(count..).unwrap_or_default();
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "dma/tests.rs"]
mod tests;
