// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The global graphics translation table (GGTT): one entry a page for 4 GiB.

use crate::address::DmaAddress;
use crate::address::GgttAddress;
use crate::address::PAGE_SHIFT;
use crate::address::PAGE_SIZE;
use crate::display::FrameMemory;
use crate::memory::DmaFault;
use crate::memory::DmaMemory;

/// Bytes of graphics memory that the table maps.
pub const GGTT_SPACE: u64 = 4 << 30;
/// Entries of the table.
pub const GGTT_ENTRIES: usize = (GGTT_SPACE / PAGE_SIZE) as usize;
/// Bytes of the table.
pub const GGTT_BYTES: u64 = GGTT_ENTRIES as u64 * 8;

/// The entry maps a page (PRM Vol 5, GTT entry).
pub const PTE_PRESENT: u64 = 1 << 0;
/// Address bits of an entry: 38:12.
pub const PTE_ADDRESS: u64 = 0x7f_ffff_f000;

/// The table.
#[derive(Clone)]
pub struct Ggtt {
    entries: Vec<u64>,
}

impl Default for Ggtt {
    fn default() -> Self {
        Self {
            entries: vec![0; GGTT_ENTRIES],
        }
    }
}

impl Ggtt {
    /// The entry of the page with that number; 0 outside of the table.
    pub fn entry(&self, page: u64) -> u64 {
        usize::try_from(page)
            .ok()
            .and_then(|p| self.entries.get(p))
            .copied()
            .unwrap_or(0)
    }

    /// Reads bytes of the table; bytes outside read 0.
    pub fn read(&self, offset: u64, data: &mut [u8]) {
        for (index, byte) in (0..).zip(data) {
            let at = offset.saturating_add(index);
            *byte = self.entry(at / 8).to_le_bytes()[(at % 8) as usize];
        }
    }

    /// Writes bytes of the table; bytes outside are ignored.
    pub fn write(&mut self, offset: u64, data: &[u8]) {
        // Whole entries, as drivers write them: many at a time when a table is set up.
        if offset % 8 == 0 && data.len() % 8 == 0 {
            let first = usize::try_from(offset / 8).unwrap_or(GGTT_ENTRIES);
            let entries = self.entries.iter_mut().skip(first);
            for (entry, bytes) in entries.zip(data.chunks_exact(8)) {
                *entry = bytes.try_into().map_or(0, u64::from_le_bytes);
            }
            return;
        }
        for (index, byte) in (0..).zip(data) {
            let at = offset.saturating_add(index);
            let Some(entry) = usize::try_from(at / 8)
                .ok()
                .and_then(|p| self.entries.get_mut(p))
            else {
                return;
            };
            let shift = at % 8 * 8;
            *entry = (*entry & !(0xff << shift)) | (u64::from(*byte) << shift);
        }
    }

    /// Where `address` is in memory, if its page is mapped.
    pub fn translate(&self, address: GgttAddress) -> Option<DmaAddress> {
        let entry = self.entry(address.0 >> PAGE_SHIFT);
        let offset = address.0 & (PAGE_SIZE - 1);
        (entry & PTE_PRESENT != 0).then_some(DmaAddress((entry & PTE_ADDRESS) | offset))
    }

    /// Empties every entry.
    pub fn clear(&mut self) {
        self.entries.fill(0);
    }
}

/// Memory as the GGTT maps it.
pub struct GgttMemory<'a> {
    /// The table.
    pub ggtt: &'a Ggtt,
    /// What it maps to.
    pub memory: &'a dyn DmaMemory,
}

impl GgttMemory<'_> {
    /// Stores `data` from `address` on.
    ///
    /// # Errors
    /// [`DmaFault`] if a page is not mapped; pages before it are written.
    pub fn write(&self, address: GgttAddress, data: &[u8]) -> Result<(), DmaFault> {
        let mut rest = data;
        let mut at = address;
        while !rest.is_empty() {
            let (page, later) = rest.split_at(left_in_page(at.0, rest.len()));
            self.memory.write(self.locate(at, page.len())?, page)?;
            at = at.add(page.len() as u64);
            rest = later;
        }
        Ok(())
    }

    fn locate(&self, address: GgttAddress, length: usize) -> Result<DmaAddress, DmaFault> {
        self.ggtt.translate(address).ok_or(DmaFault {
            address: DmaAddress(address.0),
            length,
        })
    }
}

impl FrameMemory for GgttMemory<'_> {
    fn read(&self, address: GgttAddress, data: &mut [u8]) -> Result<(), DmaFault> {
        let mut rest = data;
        let mut at = address;
        while !rest.is_empty() {
            let length = left_in_page(at.0, rest.len());
            let (page, later) = rest.split_at_mut(length);
            self.memory.read(self.locate(at, length)?, page)?;
            at = at.add(length as u64);
            rest = later;
        }
        Ok(())
    }
}

/// How many of `wanted` bytes from `address` on are in the same page.
pub fn left_in_page(address: u64, wanted: usize) -> usize {
    wanted.min((PAGE_SIZE - address % PAGE_SIZE) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::VecMemory;

    #[test]
    fn write_when_halves_then_entry_is_whole() {
        let mut ggtt = Ggtt::default();

        ggtt.write(8, &0x0000_5001_u32.to_le_bytes());
        ggtt.write(12, &0x0000_0001_u32.to_le_bytes());

        assert_eq!(ggtt.entry(1), 0x1_0000_5001);
        assert_eq!(
            ggtt.translate(GgttAddress(0x1234)),
            Some(DmaAddress(0x1_0000_5234))
        );
        assert_eq!(ggtt.translate(GgttAddress(0x2000)), None);
    }

    #[test]
    fn access_when_outside_then_nothing() {
        let mut ggtt = Ggtt::default();
        let mut data = [1; 8];

        ggtt.write(GGTT_BYTES, &[0xff; 8]);
        ggtt.read(GGTT_BYTES, &mut data);

        assert_eq!(data, [0; 8]);
        assert_eq!(ggtt.translate(GgttAddress(u64::MAX)), None);
    }

    #[test]
    fn memory_when_pages_are_apart_then_follows_the_table() {
        let memory = VecMemory::new(1 << 20);
        let mut ggtt = Ggtt::default();
        ggtt.write(0, &(0x9000 | PTE_PRESENT).to_le_bytes());
        ggtt.write(8, &(0x3000 | PTE_PRESENT).to_le_bytes());
        let view = GgttMemory {
            ggtt: &ggtt,
            memory: &memory,
        };

        view.write(GgttAddress(0xffe), &[1, 2, 3, 4]).unwrap();

        let mut data = [0; 4];
        view.read(GgttAddress(0xffe), &mut data).unwrap();
        assert_eq!(data, [1, 2, 3, 4]);
        assert_eq!(memory.read_u32(DmaAddress(0x3000)).unwrap(), 0x0403);
        assert!(view.read(GgttAddress(0x1ffe), &mut data).is_err());
    }
}
