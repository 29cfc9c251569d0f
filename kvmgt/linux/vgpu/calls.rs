// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What C calls of a vGPU.
//!
//! # Safety
//!
//! All of these are called by `mdev.c` as `mdev.h` says: `gpu` is what was registered and still
//! is; `vgpu` is what [`kvmgt_vgpu_new`] returned and [`kvmgt_vgpu_free`] was not called with;
//! other pointers are valid during the call, those to the client's memory being only numbers.

use super::{settings::Attribute, VgpuDevice};
use crate::{
    c::{exported, raw},
    gpu::Gpu,
    mdev, uapi,
};
use core::slice;
use kernel::{
    bindings, error::from_result, mm::virt::VmaNew, page::PAGE_SIZE, prelude::*, str::Formatter,
    uaccess::UserPtr,
};

/// The vGPU that C knows by a pointer.
///
/// # Safety
///
/// As the module says; what is returned is only used during the call.
unsafe fn vgpu<'d>(vgpu: *const c_void) -> &'d VgpuDevice<'d> {
    // SAFETY: by this function's own requirement.
    unsafe { &*vgpu.cast() }
}

/// A result as C returns it.
fn bytes(result: Result<usize>) -> c_long {
    match result {
        // An access has no more bytes than `isize` has room for, and a descriptor is smaller.
        Ok(done) => done as c_long,
        Err(error) => error.to_errno() as c_long,
    }
}

/// Makes a vGPU.
///
/// # Safety
///
/// See the module.
#[no_mangle]
unsafe extern "C" fn kvmgt_vgpu_new(
    gpu: *const c_void,
    kind: c_uint,
    mdev: *mut bindings::device,
    vdev: *mut raw::vfio_device,
) -> *mut c_void {
    // SAFETY: the GPU is valid until mdev has removed all of its vGPUs.
    let gpu = unsafe { &*gpu.cast::<Gpu<'_>>() };
    let made = match mdev::kind(kind) {
        // SAFETY: C frees the vGPU before the devices go.
        Some(kind) => unsafe { VgpuDevice::new(gpu, kind, mdev, vdev) },
        None => Err(EINVAL),
    };
    match made {
        // SAFETY: the box is kept as it is until `kvmgt_vgpu_free`.
        Ok(vgpu) => KBox::into_raw(unsafe { Pin::into_inner_unchecked(vgpu) }).cast(),
        Err(error) => error.to_ptr(),
    }
}
exported!(kvmgt_vgpu_new);

/// Frees a vGPU.
///
/// # Safety
///
/// See the module.
#[no_mangle]
unsafe extern "C" fn kvmgt_vgpu_free(vgpu: *mut c_void) {
    // SAFETY: by this function's own requirement it is a box of `kvmgt_vgpu_new`.
    drop(unsafe { KBox::from_raw(vgpu.cast::<VgpuDevice<'_>>()) });
}
exported!(kvmgt_vgpu_free);

/// Its number.
///
/// # Safety
///
/// See the module.
#[no_mangle]
unsafe extern "C" fn kvmgt_vgpu_id(this: *const c_void) -> c_uint {
    // SAFETY: by this function's own requirement.
    unsafe { vgpu(this) }.id
}
exported!(kvmgt_vgpu_id);

/// The attribute that C knows by a number.
fn attribute(number: c_uint) -> Result<Attribute> {
    match number {
        raw::KVMGT_ATTRIBUTE_RESOLUTION => Ok(Attribute::Resolution),
        raw::KVMGT_ATTRIBUTE_DISPLAY => Ok(Attribute::Display),
        _ => Err(EINVAL),
    }
}

/// An attribute is read.
///
/// # Safety
///
/// See the module; `page` is a page, initialised, to write to.
#[no_mangle]
unsafe extern "C" fn kvmgt_vgpu_show(
    this: *const c_void,
    number: c_uint,
    page: *mut c_char,
) -> c_long {
    // SAFETY: by this function's own requirement.
    let (vgpu, page) = unsafe {
        let page = slice::from_raw_parts_mut(page.cast::<u8>(), PAGE_SIZE);
        (vgpu(this), page)
    };
    let mut text = Formatter::new(page);
    let shown = attribute(number).and_then(|attribute| {
        vgpu.show(attribute, &mut text).map_err(|_| EINVAL)?;
        Ok(text.bytes_written())
    });
    bytes(shown)
}
exported!(kvmgt_vgpu_show);

/// An attribute is written.
///
/// # Safety
///
/// See the module; `text` has `count` bytes.
#[no_mangle]
unsafe extern "C" fn kvmgt_vgpu_store(
    this: *const c_void,
    number: c_uint,
    text: *const c_char,
    count: c_ulong,
) -> c_long {
    // SAFETY: by this function's own requirement.
    let (vgpu, text) = unsafe { (vgpu(this), slice::from_raw_parts(text.cast::<u8>(), count)) };
    let stored = attribute(number).and_then(|attribute| vgpu.store(attribute, text));
    bytes(stored.map(|()| count))
}
exported!(kvmgt_vgpu_store);

/// The first of its files is opened.
///
/// # Safety
///
/// See the module.
#[no_mangle]
unsafe extern "C" fn kvmgt_vgpu_open(this: *const c_void) -> c_int {
    // SAFETY: by this function's own requirement.
    let vgpu = unsafe { vgpu(this) };
    from_result(|| vgpu.open().map(|()| 0))
}
exported!(kvmgt_vgpu_open);

/// The last of its files is closed.
///
/// # Safety
///
/// See the module.
#[no_mangle]
unsafe extern "C" fn kvmgt_vgpu_close(this: *const c_void) {
    // SAFETY: by this function's own requirement.
    unsafe { vgpu(this) }.close();
}
exported!(kvmgt_vgpu_close);

/// Its file is read.
///
/// # Safety
///
/// See the module.
#[no_mangle]
unsafe extern "C" fn kvmgt_vgpu_read(
    this: *const c_void,
    to: *mut c_char,
    count: c_ulong,
    position: *mut c_longlong,
) -> c_long {
    // SAFETY: by this function's own requirement.
    let (vgpu, position) = unsafe { (vgpu(this), &mut *position) };
    bytes(vgpu.read(UserPtr::from_ptr(to.cast()), count, position))
}
exported!(kvmgt_vgpu_read);

/// Its file is written.
///
/// # Safety
///
/// See the module.
#[no_mangle]
unsafe extern "C" fn kvmgt_vgpu_write(
    this: *const c_void,
    from: *const c_char,
    count: c_ulong,
    position: *mut c_longlong,
) -> c_long {
    // SAFETY: by this function's own requirement.
    let (vgpu, position) = unsafe { (vgpu(this), &mut *position) };
    bytes(vgpu.write(UserPtr::from_ptr(from.cast_mut().cast()), count, position))
}
exported!(kvmgt_vgpu_write);

/// An ioctl of its file.
///
/// # Safety
///
/// See the module.
#[no_mangle]
unsafe extern "C" fn kvmgt_vgpu_ioctl(
    this: *const c_void,
    command: c_uint,
    argument: c_ulong,
) -> c_long {
    // SAFETY: by this function's own requirement.
    let vgpu = unsafe { vgpu(this) };
    bytes(vgpu.ioctl(command, argument))
}
exported!(kvmgt_vgpu_ioctl);

/// The ioctl that describes a region.
///
/// # Safety
///
/// See the module.
#[no_mangle]
unsafe extern "C" fn kvmgt_vgpu_region_info(
    this: *const c_void,
    info: *mut uapi::vfio_region_info,
    caps: *mut raw::vfio_info_cap,
) -> c_int {
    // SAFETY: by this function's own requirement.
    let described = unsafe { vgpu(this).region_info(&mut *info, caps) };
    from_result(|| described.map(|()| 0))
}
exported!(kvmgt_vgpu_region_info);

/// A part of its file is mapped.
///
/// # Safety
///
/// See the module.
#[no_mangle]
unsafe extern "C" fn kvmgt_vgpu_mmap(
    this: *const c_void,
    vma: *mut bindings::vm_area_struct,
) -> c_int {
    // SAFETY: by this function's own requirement; the mapping is about to be made.
    let (vgpu, vma) = unsafe { (vgpu(this), VmaNew::from_raw(vma)) };
    from_result(|| vgpu.mmap(vma).map(|()| 0))
}
exported!(kvmgt_vgpu_mmap);

/// It shall go.
///
/// # Safety
///
/// See the module.
#[no_mangle]
unsafe extern "C" fn kvmgt_vgpu_request(this: *const c_void, count: c_uint) {
    // SAFETY: by this function's own requirement.
    unsafe { vgpu(this) }.request(count);
}
exported!(kvmgt_vgpu_request);

/// The VM's memory goes away.
///
/// # Safety
///
/// See the module.
#[no_mangle]
unsafe extern "C" fn kvmgt_vgpu_dma_unmap(
    this: *const c_void,
    iova: c_ulonglong,
    length: c_ulonglong,
) {
    // SAFETY: by this function's own requirement.
    unsafe { vgpu(this) }.forget_memory(iova, length);
}
exported!(kvmgt_vgpu_dma_unmap);
