// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The guest's memory: a file, as VMMs share it with devices.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result};
use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{fcntl_add_seals, memfd_create, MemfdFlags, SealFlags};

/// Memory from guest-physical address 0 on.
pub struct Ram {
    file: File,
    map: MmapRaw,
    size: u64,
}

impl Ram {
    /// So many bytes of it, all zero.
    ///
    /// # Errors
    /// The kernel has none.
    pub fn new(size: u64) -> Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = File::from(memfd_create("guest", flags)?);
        file.set_len(size)?;
        fcntl_add_seals(&file, SealFlags::SHRINK)?;
        let map = MmapOptions::new()
            .len(usize::try_from(size)?)
            .map_raw(&file)
            .context("cannot map the guest's memory")?;
        Ok(Self { file, map, size })
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The file behind it.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Where it is in this process, for a kernel to pin.
    pub fn address(&self) -> u64 {
        self.map.as_ptr().expose_provenance() as u64
    }

    /// Reads.
    ///
    /// # Errors
    /// Not inside of it.
    pub fn read(&self, address: u64, data: &mut [u8]) -> Result<()> {
        Ok(self.file.read_exact_at(data, address)?)
    }

    /// Writes.
    ///
    /// # Errors
    /// Not inside of it.
    pub fn write(&self, address: u64, data: &[u8]) -> Result<()> {
        Ok(self.file.write_all_at(data, address)?)
    }

    /// Reads a dword.
    ///
    /// # Errors
    /// Not inside of it.
    pub fn read32(&self, address: u64) -> Result<u32> {
        let mut data = [0; 4];
        self.read(address, &mut data)?;
        Ok(u32::from_le_bytes(data))
    }

    /// Writes a dword.
    ///
    /// # Errors
    /// Not inside of it.
    pub fn write32(&self, address: u64, value: u32) -> Result<()> {
        self.write(address, &value.to_le_bytes())
    }

    /// Fills a page with one byte.
    ///
    /// # Errors
    /// Not inside of it.
    pub fn fill(&self, page: u64, byte: u8) -> Result<()> {
        self.write(page << crate::registers::PAGE_SHIFT, &[byte; 4096])
    }
}
