// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Memory that the GPU reaches by DMA.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::address::{DmaAddress, PAGE_SIZE};

/// A DMA access outside of what is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no memory at DMA address {address} for {length} bytes")]
pub struct DmaFault {
    /// First byte of the access.
    pub address: DmaAddress,
    /// Length of the access in bytes.
    pub length: usize,
}

/// Memory of the guest, as a device sees it.
///
/// Other CPUs may change it at any time. Every access is checked against what is mapped; an
/// access that is partly outside changes nothing and fails as a whole. Aligned accesses of 4 and
/// 8 bytes must be single-copy atomic: drivers and GPU exchange them without a lock.
pub trait DmaMemory: Send + Sync {
    /// Fills `data` from `address` on.
    ///
    /// # Errors
    /// [`DmaFault`] if any byte is not mapped readable.
    fn read(&self, address: DmaAddress, data: &mut [u8]) -> Result<(), DmaFault>;

    /// Stores `data` from `address` on.
    ///
    /// # Errors
    /// [`DmaFault`] if any byte is not mapped writable.
    fn write(&self, address: DmaAddress, data: &[u8]) -> Result<(), DmaFault>;

    /// Reads an aligned dword.
    ///
    /// # Errors
    /// As [`DmaMemory::read`].
    fn read_u32(&self, address: DmaAddress) -> Result<u32, DmaFault> {
        let mut data = [0; 4];
        self.read(address, &mut data)?;
        Ok(u32::from_le_bytes(data))
    }

    /// Reads an aligned qword.
    ///
    /// # Errors
    /// As [`DmaMemory::read`].
    fn read_u64(&self, address: DmaAddress) -> Result<u64, DmaFault> {
        let mut data = [0; 8];
        self.read(address, &mut data)?;
        Ok(u64::from_le_bytes(data))
    }

    /// Writes an aligned dword.
    ///
    /// # Errors
    /// As [`DmaMemory::write`].
    fn write_u32(&self, address: DmaAddress, value: u32) -> Result<(), DmaFault> {
        self.write(address, &value.to_le_bytes())
    }

    /// Writes an aligned qword.
    ///
    /// # Errors
    /// As [`DmaMemory::write`].
    fn write_u64(&self, address: DmaAddress, value: u64) -> Result<(), DmaFault> {
        self.write(address, &value.to_le_bytes())
    }
}

/// Sparse memory in the same process, for tests and the hosted world.
///
/// Pages spring into being, zeroed, when first written; everything below `size` is mapped.
#[derive(Debug)]
pub struct VecMemory {
    size: u64,
    pages: Mutex<BTreeMap<u64, Box<[u8]>>>,
}

impl VecMemory {
    /// Memory from DMA address 0 to `size`.
    pub fn new(size: u64) -> Self {
        Self {
            size,
            pages: Mutex::new(BTreeMap::new()),
        }
    }

    /// Calls `each` with page number, offset in page and range of the buffer, page by page.
    fn split(
        &self,
        address: DmaAddress,
        length: usize,
        mut each: impl FnMut(u64, usize, std::ops::Range<usize>),
    ) -> Result<(), DmaFault> {
        let fault = DmaFault { address, length };
        let end = address.0.checked_add(length as u64).ok_or(fault)?;
        if end > self.size {
            return Err(fault);
        }
        let mut done = 0;
        while done < length {
            let at = address.0 + done as u64;
            let offset = (at % PAGE_SIZE) as usize;
            let count = (PAGE_SIZE as usize - offset).min(length - done);
            each(at / PAGE_SIZE, offset, done..done + count);
            done += count;
        }
        Ok(())
    }
}

impl DmaMemory for VecMemory {
    fn read(&self, address: DmaAddress, data: &mut [u8]) -> Result<(), DmaFault> {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        self.split(address, data.len(), |page, offset, range| {
            let count = range.len();
            match pages.get(&page) {
                Some(bytes) => data[range].copy_from_slice(&bytes[offset..offset + count]),
                None => data[range].fill(0),
            }
        })
    }

    fn write(&self, address: DmaAddress, data: &[u8]) -> Result<(), DmaFault> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        self.split(address, data.len(), |page, offset, range| {
            let count = range.len();
            let bytes = pages
                .entry(page)
                .or_insert_with(|| vec![0; PAGE_SIZE as usize].into_boxed_slice());
            bytes[offset..offset + count].copy_from_slice(&data[range]);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn write_when_it_crosses_a_page_then_reads_back() {
        let memory = VecMemory::new(4 * PAGE_SIZE);

        memory
            .write(DmaAddress(PAGE_SIZE - 2), &[1, 2, 3, 4])
            .unwrap();

        assert_eq!(
            memory.read_u32(DmaAddress(PAGE_SIZE - 2)).unwrap(),
            0x0403_0201
        );
    }

    #[test]
    fn write_when_partly_outside_then_faults_and_changes_nothing() {
        let memory = VecMemory::new(PAGE_SIZE);

        let result = memory.write_u64(DmaAddress(PAGE_SIZE - 4), u64::MAX);

        assert!(result.is_err());
        assert_eq!(memory.read_u32(DmaAddress(PAGE_SIZE - 4)).unwrap(), 0);
        assert!(memory.read_u32(DmaAddress(u64::MAX - 1)).is_err());
    }
}
