// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Memory that the GPU reaches through the GGTT.

use super::{to_result, Host};
use crate::bindings;
use core::ptr::{self, NonNull};
use kernel::prelude::*;

/// Memory of i915, pinned in its part of the GGTT.
pub(crate) type Memory = NonNull<bindings::gvt_shim_memory>;

impl Host {
    /// Allocates `size` bytes of zeroes, and tells at which GGTT address. May sleep, and wait for
    /// the GPU.
    pub(crate) fn memory_alloc(self, size: u64) -> Result<(Memory, u64)> {
        let mut memory = ptr::null_mut();
        let mut offset = 0;
        // SAFETY: the host is valid; the two results are written.
        to_result(unsafe {
            bindings::gvt_shim_memory_alloc(self.as_ptr(), size, &mut memory, &mut offset)
        })?;
        Ok((NonNull::new(memory).ok_or(EINVAL)?, offset))
    }

    /// Gives memory back. May sleep.
    pub(crate) fn memory_free(self, memory: Memory) {
        // SAFETY: it comes from `memory_alloc`, and goes here once, as it is not copied by
        // `gvt_host`.
        unsafe { bindings::gvt_shim_memory_free(memory.as_ptr()) };
    }

    /// Copies out of memory, from a range that was checked to be inside.
    pub(crate) fn memory_read(self, memory: Memory, offset: u64, data: &mut [u8]) {
        let size = data.len() as u64;
        // SAFETY: memory that was not yet freed, and so many bytes can be written.
        unsafe {
            bindings::gvt_shim_memory_read(memory.as_ptr(), offset, data.as_mut_ptr().cast(), size)
        };
    }

    /// Copies into memory, to a range that was checked to be inside.
    pub(crate) fn memory_write(self, memory: Memory, offset: u64, data: &[u8]) {
        let size = data.len() as u64;
        // SAFETY: memory that was not yet freed, and so many bytes can be read.
        unsafe {
            bindings::gvt_shim_memory_write(memory.as_ptr(), offset, data.as_ptr().cast(), size)
        };
    }
}
