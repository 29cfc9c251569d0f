// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Memory shared with another process: the only unsafe code of this crate.
//!
//! The other side may change the memory at any time, so no reference to it is ever made; each
//! access is an atomic load or store of at most 8 bytes.
#![allow(unsafe_code, reason = "shared memory is reached by pointer")]

use std::fs::File;
use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, AtomicU8, Ordering};

use memmap2::{MmapOptions, MmapRaw};
use rustix::io::Errno;

/// A part of a file that can never shrink, mapped shared.
#[derive(Debug)]
pub(super) struct Mapping {
    map: MmapRaw,
}

impl Mapping {
    /// Maps `size` bytes from `offset` on.
    ///
    /// The caller has checked that the file is sealed against shrinking and long enough: an
    /// access behind its end would raise SIGBUS.
    pub(super) fn new(file: &File, offset: u64, size: u64, writable: bool) -> Result<Self, Errno> {
        let size = usize::try_from(size).map_err(|_| Errno::NOMEM)?;
        let mut options = MmapOptions::new();
        options.offset(offset).len(size).no_reserve_swap();
        let map = if writable {
            options.map_raw(file)
        } else {
            options.map_raw_read_only(file)
        };
        let map = map.map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::NOMEM))?;
        Ok(Self { map })
    }

    /// Copies out `data.len()` bytes from `offset` on.
    ///
    /// # Panics
    /// If the range is not inside of the mapping: callers cut it to the window.
    pub(super) fn read(&self, offset: usize, data: &mut [u8]) {
        let base = self.check(offset, data.len());
        let mut done = 0;
        while done < data.len() {
            // SAFETY: `check` proved `offset + data.len() <= len`, and `done < data.len()`, so
            // the pointer stays inside of the mapping, which lives as long as `self`.
            let at = unsafe { base.add(done) };
            let rest = &mut data[done..];
            done += match step(at, rest.len()) {
                8 => {
                    // SAFETY: `step` returned 8, so `at` is aligned to 8 and 8 bytes are left.
                    // The memory is mapped readable, and only ever accessed atomically here.
                    let value = unsafe { AtomicU64::from_ptr(at.cast()) }.load(Ordering::Relaxed);
                    rest[..8].copy_from_slice(&value.to_ne_bytes());
                    8
                }
                4 => {
                    // SAFETY: As above, for 4 bytes.
                    let value = unsafe { AtomicU32::from_ptr(at.cast()) }.load(Ordering::Relaxed);
                    rest[..4].copy_from_slice(&value.to_ne_bytes());
                    4
                }
                2 => {
                    // SAFETY: As above, for 2 bytes.
                    let value = unsafe { AtomicU16::from_ptr(at.cast()) }.load(Ordering::Relaxed);
                    rest[..2].copy_from_slice(&value.to_ne_bytes());
                    2
                }
                _ => {
                    // SAFETY: As above, for 1 byte, which is always aligned.
                    rest[0] = unsafe { AtomicU8::from_ptr(at) }.load(Ordering::Relaxed);
                    1
                }
            };
        }
        std::sync::atomic::fence(Ordering::Acquire);
    }

    /// Copies `data` in, from `offset` on; the window must be writable.
    ///
    /// # Panics
    /// As [`Mapping::read`].
    pub(super) fn write(&self, offset: usize, data: &[u8]) {
        let base = self.check(offset, data.len());
        std::sync::atomic::fence(Ordering::Release);
        let mut done = 0;
        while done < data.len() {
            // SAFETY: As in `read`.
            let at = unsafe { base.add(done) };
            let rest = &data[done..];
            done += match step(at, rest.len()) {
                8 => {
                    let value = u64::from_ne_bytes(array(rest));
                    // SAFETY: As in `read`; callers write only to windows mapped writable.
                    unsafe { AtomicU64::from_ptr(at.cast()) }.store(value, Ordering::Relaxed);
                    8
                }
                4 => {
                    let value = u32::from_ne_bytes(array(rest));
                    // SAFETY: As above, for 4 bytes.
                    unsafe { AtomicU32::from_ptr(at.cast()) }.store(value, Ordering::Relaxed);
                    4
                }
                2 => {
                    let value = u16::from_ne_bytes(array(rest));
                    // SAFETY: As above, for 2 bytes.
                    unsafe { AtomicU16::from_ptr(at.cast()) }.store(value, Ordering::Relaxed);
                    2
                }
                _ => {
                    // SAFETY: As above, for 1 byte.
                    unsafe { AtomicU8::from_ptr(at) }.store(rest[0], Ordering::Relaxed);
                    1
                }
            };
        }
    }

    fn check(&self, offset: usize, count: usize) -> *mut u8 {
        let end = offset.checked_add(count);
        assert!(
            end.is_some_and(|end| end <= self.map.len()),
            "access behind the mapping"
        );
        // SAFETY: `offset <= len` by the line above, so the pointer is inside of the mapping or
        // one behind its end.
        unsafe { self.map.as_mut_ptr().add(offset) }
    }
}

/// The largest aligned access at `at` that does not pass `left` bytes.
fn step(at: *mut u8, left: usize) -> usize {
    let address = at.addr();
    [8, 4, 2]
        .into_iter()
        .find(|size| address % size == 0 && left >= *size)
        .unwrap_or(1)
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[..N]);
    array
}
