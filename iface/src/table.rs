// SPDX-License-Identifier: GPL-2.0 OR MIT
//! How one side takes over the table of the other: checked, and as a copy.
//!
//! Both directions do the same. A table that was built with another minor version is shorter or
//! longer than our own; what the other side does not have is null in the copy, and so can't be called.

use crate::layout::{self, Structure};
use crate::version::{Header, Mismatch, Needs, Version, MAJOR};
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr;

/// A table of the contract.
///
/// # Safety
///
/// Its first field is the [`Header`], all others are numbers, pointers, and functions that may be
/// null: all zeroes is one of its values. [`LAYOUT`](Self::LAYOUT) is its layout.
pub unsafe trait Table: Copy {
    /// The first eight bytes.
    const MAGIC: u64;
    /// The table as data.
    const LAYOUT: Structure;

    /// The first function up to minor version `minor` that is null.
    fn null_function(&self, minor: u16) -> Option<&'static str>;
}

/// Why a table was not taken, and the version that its maker offers, where that could be read.
pub type Refused = (Option<Version>, Mismatch);

/// Takes over the table at `data`, by a side that needs `needs` of its maker.
///
/// What the maker does not have, since its minor version is an older one, is null in the copy.
///
/// # Errors
///
/// The first part of the rule that does not hold.
///
/// # Safety
///
/// `data` is null, or what the other side put there: if it is aligned, eight bytes can be read; if
/// these are `T::MAGIC`, they begin a header whose `layouts` is null or points to `layout_count`
/// hashes if its major version is ours, and a table of `size` readable bytes.
pub unsafe fn take<T: Table>(data: *const c_void, needs: Needs) -> Result<T, Refused> {
    let header = data.cast::<Header>();
    if header.is_null() || !header.is_aligned() {
        return Err((None, Mismatch::Pointer));
    }
    // SAFETY: the caller's promise for aligned data; the magic comes first and tells whether the
    // rest is a header.
    let magic = unsafe { header.cast::<u64>().read() };
    if magic != T::MAGIC {
        return Err((None, Mismatch::Magic { found: magic }));
    }
    // SAFETY: the caller's promise for data with the right magic.
    let header = unsafe { header.read() };
    let refused = |mismatch| (Some(header.version()), mismatch);
    let common = header.common_minor();
    let hashed = header.major == MAJOR && header.layout_count > u32::from(common);
    let published = (hashed && !header.layouts.is_null()).then(|| {
        // SAFETY: the caller's promise: `layouts` points to `layout_count` hashes.
        unsafe { header.layouts.add(usize::from(common)).read() }
    });
    let size = layout::size_at(&T::LAYOUT, common);
    header
        .accept(T::MAGIC, needs, size, published)
        .map_err(refused)?;
    let mut table = MaybeUninit::<T>::zeroed();
    // SAFETY: `size` is at the most that of a `T`, and the header says that so many bytes of a
    // table in our layout are there, all of which the caller lets us read.
    unsafe { ptr::copy_nonoverlapping(data.cast::<u8>(), table.as_mut_ptr().cast(), size) };
    // SAFETY: whole fields of the layout of `T` were copied, and zeroes are left in the others,
    // which `Table` allows.
    let table = unsafe { table.assume_init() };
    match table.null_function(common) {
        Some(name) => Err(refused(Mismatch::Function { name })),
        None => Ok(table),
    }
}
