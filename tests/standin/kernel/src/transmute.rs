// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Numbers as the bytes that they are in memory.

use core::slice;

/// Types that any bytes are a value of.
///
/// # Safety
///
/// That is so, and a shared value of the type does not change.
pub unsafe trait FromBytes {}

/// Types all of whose bytes are initialized.
///
/// # Safety
///
/// That is so, and a shared value of the type does not change.
pub unsafe trait AsBytes {
    /// The bytes of a value.
    fn as_bytes(&self) -> &[u8] {
        let first = core::ptr::from_ref(self).cast();
        // SAFETY: they are initialized, and borrowed as long as the value is.
        unsafe { slice::from_raw_parts(first, size_of_val(self)) }
    }

    /// The bytes of a value, to be written.
    fn as_bytes_mut(&mut self) -> &mut [u8]
    where
        Self: FromBytes,
    {
        let size = size_of_val(self);
        let first = core::ptr::from_mut(self).cast();
        // SAFETY: they are initialized, borrowed as long as the value is, and may be anything.
        unsafe { slice::from_raw_parts_mut(first, size) }
    }
}

// SAFETY: any 32 bits are a number.
unsafe impl FromBytes for u32 {}
// SAFETY: it has no padding.
unsafe impl AsBytes for u32 {}
// SAFETY: it is made of such values, and of nothing else.
unsafe impl<T: FromBytes> FromBytes for [T] {}
// SAFETY: as above.
unsafe impl<T: AsBytes> AsBytes for [T] {}
