// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The golden state as a file: `gvt_firmware` of the GPU, and the one that the administrator may
//! put in its place.

use crate::c;
use core::{ptr, slice};
use kernel::{bindings, error::to_result, prelude::*, str::CString};
use kvmgt_core::{
    device::Device,
    golden::{FileName, FILE_SIZE},
};

/// Only root may read the state of the host's GPU.
const ROOT_ONLY: bindings::umode_t = 0o400;

/// The attribute `gvt_firmware` of a GPU; gone, and no longer read, when it is dropped.
pub(crate) struct GoldenFile {
    /// In a box of its own, because sysfs keeps its address.
    attribute: KBox<bindings::bin_attribute>,
    gpu: *mut bindings::kobject,
}

// SAFETY: the attribute is only removed, which any thread may do, and what its pointers lead to
// is only read.
unsafe impl Send for GoldenFile {}

impl GoldenFile {
    /// Makes the attribute of `gpu` that holds the golden state of `device`.
    ///
    /// # Errors
    ///
    /// What sysfs returns; `ENOMEM`.
    ///
    /// # Safety
    ///
    /// Both are valid, stay so where they are until this is dropped, and the device is not
    /// changed.
    pub(crate) unsafe fn new(gpu: *mut bindings::device, device: *const Device) -> Result<Self> {
        let mut attribute = KBox::new(bindings::bin_attribute::default(), GFP_KERNEL)?;
        attribute.attr.name = c"gvt_firmware".as_char_ptr();
        attribute.attr.mode = ROOT_ONLY;
        attribute.size = FILE_SIZE;
        attribute.private = device.cast_mut().cast();
        attribute.read = Some(read);
        c::bin_attr_init(&mut attribute);
        // SAFETY: the GPU is valid.
        let gpu = unsafe { &raw mut (*gpu).kobj };
        // SAFETY: the GPU is valid; the attribute is removed before its memory goes.
        to_result(unsafe { bindings::sysfs_create_bin_file(gpu, &raw const *attribute) })?;
        Ok(Self { attribute, gpu })
    }
}

impl Drop for GoldenFile {
    fn drop(&mut self) {
        // SAFETY: made by `new`. It waits for readers.
        unsafe { bindings::sysfs_remove_bin_file(self.gpu, &raw const *self.attribute) };
    }
}

/// Reads `size` bytes of the file at `offset`, which sysfs keeps within the attribute's size.
///
/// # Safety
///
/// Called by sysfs for an attribute of [`GoldenFile`], with `buf` of `size` bytes.
unsafe extern "C" fn read(
    _file: *mut bindings::file,
    _gpu: *mut bindings::kobject,
    attribute: *const bindings::bin_attribute,
    buf: *mut c_char,
    offset: bindings::loff_t,
    size: usize,
) -> isize {
    // SAFETY: sysfs hands out the attribute of `GoldenFile::new`, whose `private` is a `Device`
    // that is valid and constant until the attribute was removed.
    let device = unsafe { &*(*attribute).private.cast::<Device>() };
    // SAFETY: by this function's own requirement; the bytes are sysfs' own, which initialised them.
    let buf = unsafe { slice::from_raw_parts_mut(buf, size) };
    match u64::try_from(offset) {
        // No more than `size`, which is a page at the most.
        Ok(offset) => device.golden().read(offset, buf) as isize,
        Err(_) => EINVAL.to_errno() as isize,
    }
}

/// A file out of the firmware folders.
///
/// The kernel crate has an abstraction of it, but only in kernels with
/// `CONFIG_RUST_FW_LOADER_ABSTRACTIONS`, which ours need not have.
///
/// # Invariants
///
/// The pointer came from `firmware_request_nowarn`.
pub(crate) struct Firmware(*const bindings::firmware);

impl Firmware {
    /// The file's bytes.
    pub(crate) fn data(&self) -> &[u8] {
        // SAFETY: by the type's invariant, and the data has that size.
        unsafe { slice::from_raw_parts((*self.0).data, (*self.0).size) }
    }
}

impl Drop for Firmware {
    fn drop(&mut self) {
        // SAFETY: by the type's invariant.
        unsafe { bindings::release_firmware(self.0) };
    }
}

/// Looks for the administrator's golden state. That there is none is the normal case: silent.
///
/// # Safety
///
/// `gpu` is a valid device.
pub(crate) unsafe fn request(name: FileName, gpu: *mut bindings::device) -> Option<Firmware> {
    let name = CString::try_from_fmt(fmt!("{}", format_args!("{name}"))).ok()?;
    let mut firmware = ptr::null();
    // SAFETY: all three pointers are valid for the call.
    let returned =
        unsafe { bindings::firmware_request_nowarn(&raw mut firmware, name.as_char_ptr(), gpu) };
    // INVARIANT: it succeeded.
    to_result(returned).ok().map(|()| Firmware(firmware))
}
