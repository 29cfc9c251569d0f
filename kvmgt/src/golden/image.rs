// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Register values kept as runs of neighbouring dwords.
//!
//! The register space of a GPU is 2 MiB, of which a few thousand dwords mean something. Everything
//! between the runs reads as zero.

use iface::registers::{DWORD, MMIO_SIZE};
use kernel::prelude::*;

/// Neighbouring registers: where they start and where their values are kept.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Offset of the first register, in bytes.
    start: u32,
    /// Index of its value.
    first: u32,
    /// Number of registers, never zero.
    count: u32,
}

impl Run {
    /// Offset of the first byte behind the run. It cannot overflow: no run passes `MMIO_SIZE`.
    fn end(&self) -> u32 {
        self.start.saturating_add(self.count.saturating_mul(DWORD))
    }
}

/// A sparse picture of the register space.
///
/// # Invariants
///
/// Runs are sorted, neither touch nor overlap, are dword-aligned and end at or below
/// [`MMIO_SIZE`]; their indices lie within `values`.
pub(super) struct RegisterImage {
    runs: KVec<Run>,
    values: KVec<u32>,
}

impl RegisterImage {
    /// An image in which everything reads as zero.
    pub(super) const fn new() -> Self {
        Self {
            runs: KVec::new(),
            values: KVec::new(),
        }
    }

    /// Appends a register above all that are there.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `offset` is not a multiple of 4, not above the last one, or not below
    /// [`MMIO_SIZE`]; `ENOMEM`. After an error the image is as before.
    pub(super) fn push(&mut self, offset: u32, value: u32) -> Result {
        let end = self.runs.last().map_or(0, Run::end);
        if offset % DWORD != 0 || offset < end || offset >= MMIO_SIZE {
            return Err(EINVAL);
        }
        let index = u32::try_from(self.values.len())?;
        self.values.push(value, GFP_KERNEL)?;
        match self.runs.last_mut() {
            Some(run) if run.end() == offset => run.count = run.count.saturating_add(1),
            _ => {
                let run = Run {
                    start: offset,
                    first: index,
                    count: 1,
                };
                if let Err(e) = self.runs.push(run, GFP_KERNEL) {
                    self.values.truncate(self.values.len().saturating_sub(1));
                    return Err(e.into());
                }
            }
        }
        Ok(())
    }

    /// Number of registers.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The value of the register at `offset`, if the image has it.
    pub(super) fn get(&self, offset: u32) -> Option<u32> {
        let run = self.runs.get(self.first_run_ending_above(offset))?;
        let distance = offset.checked_sub(run.start)?;
        if distance % DWORD != 0 {
            return None;
        }
        let index = run.first.checked_add(distance / DWORD)?;
        self.values.get(usize::try_from(index).ok()?).copied()
    }

    /// The registers that it has: their offsets, ascending, and their values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.runs.iter().flat_map(|run| {
            let offsets = (run.start..run.end()).step_by(DWORD as usize);
            let values = self.values.get(run.first as usize..);
            offsets.zip(values.unwrap_or_default().iter().copied())
        })
    }

    /// Copies the register space from `offset` on into `buf`, little-endian.
    ///
    /// What the image does not have reads as zero, also behind the end.
    pub(super) fn read(&self, offset: u32, buf: &mut [u8]) {
        buf.fill(0);
        let end = u64::from(offset).saturating_add(buf.len() as u64);
        let first = self.first_run_ending_above(offset);
        for run in self.runs.get(first..).unwrap_or_default() {
            if u64::from(run.start) >= end {
                break;
            }
            self.copy_run(run, offset, buf);
        }
    }

    /// Lays that part of `run` over `buf` which starts at `offset` and fits.
    fn copy_run(&self, run: &Run, offset: u32, buf: &mut [u8]) {
        let first = run.first as usize;
        let values = self
            .values
            .get(first..first.saturating_add(run.count as usize));
        // Registers of the run that end at or below `offset` are skipped.
        let skip = offset.saturating_sub(run.start) / DWORD;
        let registers = (run.start..)
            .step_by(DWORD as usize)
            .zip(values.unwrap_or_default())
            .skip(skip as usize);
        for (at, value) in registers {
            let bytes = value.to_le_bytes();
            // The first register may be cut at its front, the last one at its back.
            let cut = offset.saturating_sub(at) as usize;
            let to = at.saturating_sub(offset) as usize;
            let Some(target) = buf.get_mut(to..).filter(|rest| !rest.is_empty()) else {
                return;
            };
            for (to, from) in target.iter_mut().zip(bytes.iter().skip(cut)) {
                *to = *from;
            }
        }
    }

    /// Index of the first run that has a byte at or above `offset`.
    fn first_run_ending_above(&self, offset: u32) -> usize {
        self.runs.partition_point(|run| run.end() <= offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two runs, of two registers and of one, with a hole of one register between.
    fn sample() -> RegisterImage {
        let mut image = RegisterImage::new();
        image.push(0x10, 0x0403_0201).unwrap();
        image.push(0x14, 0x0807_0605).unwrap();
        image.push(0x1c, 0x0c0b_0a09).unwrap();
        image
    }

    #[test]
    fn push_of_neighbours_makes_one_run() {
        assert_eq!(sample().runs.len(), 2);
        assert_eq!(sample().len(), 3);
    }

    #[test]
    fn push_out_of_order_is_refused_and_changes_nothing() {
        let mut image = sample();

        for offset in [0, 0x10, 0x1c, 0x1f, 0x21, MMIO_SIZE, u32::MAX - 3] {
            assert_eq!(image.push(offset, 1), Err(EINVAL), "offset {offset:#x}");
        }

        assert_eq!((image.len(), image.runs.len()), (3, 2));
    }

    #[test]
    fn get_finds_registers_and_nothing_between() {
        let image = sample();

        assert_eq!(image.get(0x10), Some(0x0403_0201));
        assert_eq!(image.get(0x14), Some(0x0807_0605));
        assert_eq!(image.get(0x1c), Some(0x0c0b_0a09));
        for offset in [0, 0xc, 0x11, 0x18, 0x20, u32::MAX] {
            assert_eq!(image.get(offset), None, "offset {offset:#x}");
        }
    }

    #[test]
    fn read_at_every_offset_and_length_equals_the_flat_picture() {
        let image = sample();
        let mut flat = [0u8; 0x30];
        flat[0x10..0x18].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
        flat[0x1c..0x20].copy_from_slice(&[9, 10, 11, 12]);

        for start in 0..flat.len() {
            for end in start..=flat.len() {
                let mut buf = vec![0xff; end - start];
                image.read(start as u32, &mut buf);
                assert_eq!(buf, flat[start..end], "{start:#x}..{end:#x}");
            }
        }
    }

    #[test]
    fn read_of_the_last_register_works_and_behind_it_is_zero() {
        let mut image = RegisterImage::new();
        image.push(MMIO_SIZE - 4, !0).unwrap();
        let mut buf = [0xaa; 8];

        image.read(MMIO_SIZE - 4, &mut buf);

        assert_eq!(buf, [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    }
}
