// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The allocators, which differ in nothing but the largest size they serve.

use super::Allocator;

/// `KMALLOC_MAX_SIZE` with 4 KiB pages: ten orders above a page.
const KMALLOC_MAX_BYTES: usize = 4096 << 10;

/// `kvmalloc` refuses what does not fit in a C `int`.
const KVMALLOC_MAX_BYTES: usize = i32::MAX as usize;

/// Physically contiguous memory.
pub struct Kmalloc;

/// Physically contiguous memory if there is some, else virtually contiguous.
pub struct KVmalloc;

// SAFETY: the trait has no contract here.
unsafe impl Allocator for Kmalloc {
    const __MAX_BYTES: usize = KMALLOC_MAX_BYTES;
}

// SAFETY: the trait has no contract here.
unsafe impl Allocator for KVmalloc {
    const __MAX_BYTES: usize = KVMALLOC_MAX_BYTES;
}
