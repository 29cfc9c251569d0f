// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Memory that is lent: a machine's, which modules of several versions reach at the same time.
//!
//! All of them access aligned words of 8 bytes by atomic operations, and nothing else. So accesses
//! at the same time are no data race, whoever makes them, and no lock has to be shared.

use crate::machine::MEMORY_SIZE;
use gen9_gpu::{DmaAddress, DmaFault, DmaMemory};
use kernel::error::code::EINVAL;
use kernel::error::Result;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

/// A machine's memory, from address 0 on.
pub struct Lent(&'static [AtomicU64]);

impl Lent {
    /// The memory that begins at `start` and has `size` bytes.
    ///
    /// # Errors
    ///
    /// `EINVAL` it is less than a machine has.
    ///
    /// # Safety
    ///
    /// `start` is aligned to 8. From there on `size` bytes are initialised, readable and writable
    /// until what is returned is dropped. By then they are only accessed by atomic operations of
    /// aligned 8 bytes.
    pub unsafe fn new(start: *const u64, size: u64) -> Result<Self> {
        let words = usize::try_from(size)? / WORD;
        if start.is_null() || size < MEMORY_SIZE {
            return Err(EINVAL);
        }
        // SAFETY: the caller's promise; an atomic word is one of 8 bytes that is accessed so.
        Ok(Self(unsafe {
            std::slice::from_raw_parts(start.cast::<AtomicU64>(), words)
        }))
    }

    /// The words that so many bytes are in, and the place of the first byte in the first word.
    fn find(&self, address: DmaAddress, length: usize) -> Result<(&[AtomicU64], usize), DmaFault> {
        let find = || {
            let start = usize::try_from(address.0).ok()?;
            let end = start.checked_add(length)?;
            let words = self.0.get(start / WORD..end.div_ceil(WORD))?;
            Some((words, start % WORD))
        };
        find().ok_or(DmaFault { address, length })
    }
}

impl DmaMemory for Lent {
    fn read(&self, address: DmaAddress, data: &mut [u8]) -> Result<(), DmaFault> {
        let (words, mut place) = self.find(address, data.len())?;
        let mut rest = data;
        for word in words {
            let bytes = word.load(Acquire).to_ne_bytes();
            let bytes = &bytes[place..];
            let (now, later) = rest.split_at_mut(bytes.len().min(rest.len()));
            now.copy_from_slice(&bytes[..now.len()]);
            (rest, place) = (later, 0);
        }
        Ok(())
    }

    fn write(&self, address: DmaAddress, data: &[u8]) -> Result<(), DmaFault> {
        let (words, mut place) = self.find(address, data.len())?;
        let mut rest = data;
        for word in words {
            let (now, later) = rest.split_at((WORD - place).min(rest.len()));
            match now.try_into() {
                Ok(bytes) => word.store(u64::from_ne_bytes(bytes), Release),
                Err(_) => replace(word, place, now),
            }
            (rest, place) = (later, 0);
        }
        Ok(())
    }
}

/// Replaces some bytes of a word.
fn replace(word: &AtomicU64, place: usize, bytes: &[u8]) {
    let replaced = |old: u64| {
        let mut all = old.to_ne_bytes();
        all[place..place + bytes.len()].copy_from_slice(bytes);
        Some(u64::from_ne_bytes(all))
    };
    // It never gives up.
    let _ = word.fetch_update(Release, Relaxed, replaced);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four words.
    fn memory() -> Lent {
        Lent(Vec::leak((0..4).map(|_| AtomicU64::new(0)).collect()))
    }

    fn all(memory: &Lent) -> [u8; 32] {
        let mut data = [0; 32];
        memory.read(DmaAddress(0), &mut data).unwrap();
        data
    }

    #[test]
    fn write_at_any_place_and_of_any_length_changes_just_that() {
        for start in 0..32 {
            for end in start..=32 {
                let memory = memory();
                memory.write(DmaAddress(0), &[0xff; 32]).unwrap();
                let data: Vec<u8> = (start..end).collect();

                memory.write(DmaAddress(start.into()), &data).unwrap();

                let mut expected = [0xff; 32];
                expected[start.into()..end.into()].copy_from_slice(&data);
                assert_eq!(all(&memory), expected);
                let mut read = vec![0; data.len()];
                memory.read(DmaAddress(start.into()), &mut read).unwrap();
                assert_eq!(read, data);
            }
        }
    }

    #[test]
    fn write_when_partly_outside_then_faults_and_changes_nothing() {
        let memory = memory();

        assert!(memory.write(DmaAddress(28), &[1; 8]).is_err());

        assert_eq!(all(&memory), [0; 32]);
        assert!(memory.read_u32(DmaAddress(u64::MAX - 1)).is_err());
        assert!(memory.read_u32(DmaAddress(32)).is_err());
    }

    #[test]
    fn write_of_halves_of_a_word_at_the_same_time_keeps_both() {
        let memory = memory();
        std::thread::scope(|scope| {
            for half in [0, 4] {
                let memory = &memory;
                scope.spawn(move || {
                    for value in 0..=1000 {
                        memory.write_u32(DmaAddress(half), value).unwrap();
                    }
                });
            }
        });

        assert_eq!(memory.read_u64(DmaAddress(0)).unwrap(), 1000 << 32 | 1000);
    }

    #[test]
    fn new_when_there_is_too_little_then_refuses() {
        let word = 0;

        // SAFETY: nothing is made of it.
        let lent = unsafe { Lent::new(&raw const word, 8) };

        assert_eq!(lent.err(), Some(EINVAL));
    }
}
