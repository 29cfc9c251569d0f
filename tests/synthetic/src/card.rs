// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The host's own GPU, which takes dma-bufs and reads them: i915, by PRIME.
//!
//! Layouts and numbers are those of the kernel's user interface (`include/uapi/drm/drm.h`,
//! `include/uapi/drm/i915_drm.h`), which never change.
#![allow(unsafe_code, reason = "requests to a device have no other form")]

use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use anyhow::{Context, Result};
use rustix::io::Errno;
use rustix::ioctl::{ioctl, opcode, Opcode, Updater};

/// Where GPUs are.
const FOLDER: &str = "/dev/dri";
/// How the files are called that work without being the screen's owner.
const RENDER: &str = "renderD";

/// The numbers of DRM, and the first of a driver's own.
const DRM: u8 = b'd';
const DRIVER: u8 = 0x40;
const GEM_CLOSE: Opcode = opcode::write::<Close>(DRM, 0x09);
const PRIME_FD_TO_HANDLE: Opcode = opcode::read_write::<Prime>(DRM, 0x2e);
const I915_GEM_PREAD: Opcode = opcode::write::<Read>(DRM, DRIVER + 0x1c);

/// `struct drm_gem_close`.
#[repr(C)]
struct Close {
    handle: u32,
    pad: u32,
}

/// `struct drm_prime_handle`.
#[repr(C)]
struct Prime {
    handle: u32,
    flags: u32,
    fd: i32,
}

/// `struct drm_i915_gem_pread`.
#[repr(C)]
struct Read {
    handle: u32,
    pad: u32,
    offset: u64,
    size: u64,
    data: u64,
}

const _: () = {
    assert!(size_of::<Close>() == 8);
    assert!(size_of::<Prime>() == 12);
    assert!(size_of::<Read>() == 32);
};

/// An open GPU.
pub struct Card(File);

impl Card {
    /// The first that there is.
    ///
    /// # Errors
    /// There is none.
    pub fn open() -> Result<Self> {
        let mut files: Vec<_> = std::fs::read_dir(FOLDER)
            .context("the host has no GPU")?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                let name = path.file_name().and_then(|name| name.to_str());
                name.is_some_and(|name| name.starts_with(RENDER))
            })
            .collect();
        files.sort();
        let path = files.first().context("the host has no GPU")?;
        let opened = OpenOptions::new().read(true).write(true).open(path);
        let file = opened.with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Self(file))
    }

    /// Takes a dma-buf.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn import(&self, buffer: BorrowedFd<'_>) -> Result<Imported<'_>, Errno> {
        let mut prime = Prime {
            handle: 0,
            flags: 0,
            fd: buffer.as_raw_fd(),
        };
        // SAFETY: the request takes a `drm_prime_handle`, which is borrowed for the call.
        unsafe { self.request::<PRIME_FD_TO_HANDLE, _>(&mut prime) }?;
        Ok(Imported {
            card: self,
            handle: prime.handle,
        })
    }

    /// Makes a request.
    ///
    /// # Safety
    /// `argument` is what the kernel takes for that request.
    unsafe fn request<const OPCODE: Opcode, T>(&self, argument: &mut T) -> Result<(), Errno> {
        // SAFETY: the caller's promise; what is borrowed may be written.
        unsafe { ioctl(self.0.as_fd(), Updater::<OPCODE, T>::new(argument)) }
    }
}

/// A dma-buf that a GPU has taken.
pub struct Imported<'a> {
    card: &'a Card,
    handle: u32,
}

impl Imported<'_> {
    /// Reads so many bytes of it from an offset on, through the GPU's driver.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn read(&self, offset: usize, length: usize) -> Result<Vec<u8>, Errno> {
        let mut bytes = vec![0_u8; length];
        let mut read = Read {
            handle: self.handle,
            pad: 0,
            offset: offset as u64,
            size: length as u64,
            data: bytes.as_mut_ptr().expose_provenance() as u64,
        };
        // SAFETY: the request takes a `drm_i915_gem_pread`, and writes `size` bytes at `data`, which
        // are those of the vector.
        unsafe { self.card.request::<I915_GEM_PREAD, _>(&mut read) }?;
        Ok(bytes)
    }
}

impl Drop for Imported<'_> {
    fn drop(&mut self) {
        let mut close = Close {
            handle: self.handle,
            pad: 0,
        };
        // It can't fail for a handle that is open.
        // SAFETY: the request takes a `drm_gem_close`, which is borrowed for the call.
        let _ = unsafe { self.card.request::<GEM_CLOSE, _>(&mut close) };
    }
}
