// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The golden state: what a GPU holds before any driver programmed it.
//!
//! Guests start from it. It comes from the host's snapshot, or from a file of the administrator's
//! that takes its place, and is kept in compact form: a few KiB instead of two MiB. As a file, in
//! the format of the C GVT-g, it only ever exists piecewise, while somebody reads it.
//!
//! Wherever it comes from, only what the register table takes from hardware is believed. All
//! other registers have the table's default, and the configuration space in use is always the
//! snapshot's, which the host half has cleaned: so neither a snapshot nor a file can carry
//! addresses or secrets of a host into guests. A file that the C GVT-g saved is full of them.

use iface::registers::{self, Flags, Platform, Range, Register, Source, MCHBAR_MIRROR, MMIO_SIZE};
use iface::snapshot::Crc32;
use kernel::prelude::*;

mod file;
mod image;

pub use file::{BadFile, FileName, PciIds, CONFIG_SIZE, FILE_SIZE};

use file::{Parts, CHECKED_OFFSET, CONFIG_OFFSET, MMIO_OFFSET};
use image::RegisterImage;

/// Bytes of a file that are put together at a time to compute its checksum.
const PIECE: usize = 256;

/// What decides which registers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// The family of GPUs.
    pub platform: Platform,
    /// Whether there is a second video engine.
    pub vcs1: bool,
}

impl Model {
    /// Number of registers that are tracked one by one, in dwords: blocks do not count.
    pub fn tracked(self) -> u32 {
        registers::rows(self.platform, self.vcs1)
            .filter(|row| !row.flags.contains(Flags::BLOCK))
            .map(|row| row.size / registers::DWORD)
            .fold(0, u32::saturating_add)
    }
}

/// The golden state of one GPU.
pub struct Golden {
    config: KVec<u8>,
    registers: RegisterImage,
    lacking: u32,
}

/// Why there is no golden state from a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileError {
    /// The file is not acceptable.
    Bad(BadFile),
    /// The file is good; `ENOMEM`.
    Failed(Error),
}

impl From<Error> for FileError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Golden {
    /// Takes the golden state out of a snapshot.
    ///
    /// `config` may be shorter than a configuration space, the rest is zero. `value` gives what
    /// the snapshot has for the register at an offset, and is asked in ascending order. A register
    /// of the table that it lacks takes its default, and is counted: see [`Self::lacking`].
    ///
    /// # Errors
    ///
    /// `EINVAL` if `config` is longer than [`CONFIG_SIZE`] bytes; `ENOMEM`.
    pub fn from_snapshot(
        model: Model,
        config: &[u8],
        value: impl FnMut(u32) -> Option<u32>,
    ) -> Result<Self> {
        Self::new(model, config, value)
    }

    /// Takes the golden state out of a file, which may be anything, for the GPU `ids`.
    ///
    /// # Errors
    ///
    /// [`FileError::Bad`] with the first thing that is wrong with the file; `ENOMEM`.
    pub fn from_file(model: Model, ids: PciIds, file: &[u8]) -> Result<Self, FileError> {
        let parts = Parts::check(file, ids).map_err(FileError::Bad)?;
        let value = |offset: u32| {
            let register = parts.mmio.get(usize::try_from(offset).ok()?..)?;
            register.first_chunk().copied().map(u32::from_le_bytes)
        };
        Ok(Self::new(model, parts.config, value)?)
    }

    fn new(model: Model, config: &[u8], mut value: impl FnMut(u32) -> Option<u32>) -> Result<Self> {
        let mut golden = Self {
            config: KVec::from_elem(0, CONFIG_SIZE, GFP_KERNEL)?,
            registers: RegisterImage::new(),
            lacking: 0,
        };
        golden
            .config
            .get_mut(..config.len())
            .ok_or(EINVAL)?
            .copy_from_slice(config);
        let (below, above) = (0..MCHBAR_MIRROR.offset, MCHBAR_MIRROR.end()..MMIO_SIZE);
        let rows = || registers::rows(model.platform, model.vcs1);
        for row in rows().filter(|row| below.contains(&row.offset)) {
            golden.push_row(row, &mut value)?;
        }
        // Of the mirror only what the table names is kept, the rest reads as zero.
        for range in registers::hardware_ranges(model.platform, model.vcs1) {
            if range.offset >= MCHBAR_MIRROR.offset && range.end() <= MCHBAR_MIRROR.end() {
                golden.push_hardware(range, 0, &mut value)?;
            }
        }
        for row in rows().filter(|row| above.contains(&row.offset)) {
            golden.push_row(row, &mut value)?;
        }
        Ok(golden)
    }

    fn push_row(&mut self, row: &Register, value: &mut impl FnMut(u32) -> Option<u32>) -> Result {
        match row.source {
            Source::Hardware => self.push_hardware(row.range(), row.default, value),
            // All zero, as everything is that the image does not have.
            _ if row.default == 0 => Ok(()),
            _ => {
                for offset in dwords(row.range()) {
                    self.registers.push(offset, row.default)?;
                }
                Ok(())
            }
        }
    }

    fn push_hardware(
        &mut self,
        range: Range,
        default: u32,
        value: &mut impl FnMut(u32) -> Option<u32>,
    ) -> Result {
        for offset in dwords(range) {
            let value = value(offset).unwrap_or_else(|| {
                self.lacking = self.lacking.saturating_add(1);
                default
            });
            self.registers.push(offset, value)?;
        }
        Ok(())
    }

    /// Takes over the registers of `other`, and keeps the configuration space.
    pub fn take_registers(&mut self, other: Self) {
        self.registers = other.registers;
        self.lacking = other.lacking;
    }

    /// The configuration space, [`CONFIG_SIZE`] bytes.
    pub fn config(&self) -> &[u8] {
        &self.config
    }

    /// The value of the register at `offset`; zero where the golden state says nothing.
    pub fn register(&self, offset: u32) -> u32 {
        self.registers.get(offset).unwrap_or(0)
    }

    /// The registers that are kept: their offsets, ascending, and their values. All others are zero.
    pub fn registers(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.registers.iter()
    }

    /// Number of register values that are kept, in dwords.
    pub fn kept(&self) -> usize {
        self.registers.len()
    }

    /// Number of registers, in dwords, that took their default because the snapshot lacks them.
    pub fn lacking(&self) -> u32 {
        self.lacking
    }

    /// Copies the file that this golden state makes, from `offset` on, into `buf`.
    ///
    /// Returns the number of bytes copied, which is less than asked for at the end of the file
    /// and zero behind it. A read of the header's checksum goes once over the whole file.
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> usize {
        let offset = usize::try_from(offset).unwrap_or(FILE_SIZE).min(FILE_SIZE);
        let len = buf.len().min(FILE_SIZE.saturating_sub(offset));
        let Some(buf) = buf.get_mut(..len) else {
            return 0;
        };
        let checksum = match file::touches_checksum(offset, len) {
            true => self.checksum(),
            false => 0,
        };
        self.fill(offset, checksum, buf);
        len
    }

    /// The checksum of the file, over all that follows the checksum field.
    fn checksum(&self) -> u32 {
        let mut piece = [0; PIECE];
        let mut crc = Crc32::with_seed(file::SEED);
        let mut offset = CHECKED_OFFSET;
        while offset < FILE_SIZE {
            let len = PIECE.min(FILE_SIZE.saturating_sub(offset));
            if let Some(piece) = piece.get_mut(..len) {
                self.fill(offset, 0, piece);
                crc = crc.update(piece);
            }
            offset = offset.saturating_add(PIECE);
        }
        crc.raw()
    }

    /// Fills `buf`, which does not reach beyond the file's end.
    fn fill(&self, offset: usize, checksum: u32, buf: &mut [u8]) {
        // Part after part: each takes from the front of what is left, none if it lies behind.
        let header = file::header(checksum);
        let rest = copy_from(&header, offset, buf);
        let rest = copy_from(&self.config, offset.saturating_sub(CONFIG_OFFSET), rest);
        let mmio = offset.saturating_sub(MMIO_OFFSET);
        self.registers
            .read(u32::try_from(mmio).unwrap_or(MMIO_SIZE), rest);
    }
}

/// Copies what `part` has from `offset` on; returns what of `buf` is left to fill.
fn copy_from<'a>(part: &[u8], offset: usize, buf: &'a mut [u8]) -> &'a mut [u8] {
    let part = part.get(offset..).unwrap_or_default();
    let len = part.len().min(buf.len());
    let (head, rest) = buf.split_at_mut_checked(len).unwrap_or_default();
    head.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
    rest
}

/// The offsets of the registers in a range.
fn dwords(range: Range) -> impl Iterator<Item = u32> {
    (range.offset..range.end()).step_by(registers::DWORD as usize)
}

#[cfg(test)]
mod tests;
