// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The types of vGPUs that a GPU offers to mdev.

use crate::{
    c::{exported, raw},
    gpu::Gpu,
};
use core::{fmt::Write as _, marker::PhantomData, ptr, slice};
use kernel::{
    error::{from_err_ptr, to_result},
    page::PAGE_SIZE,
    prelude::*,
    str::{CString, Formatter},
};
use kvmgt_core::vgpu::kind::{Kind, KINDS};

/// The mdev driver, known as long as this lives.
pub(crate) struct Driver(());

impl Driver {
    /// Makes it known; there is one in the module.
    ///
    /// # Errors
    ///
    /// What the driver core returns.
    pub(crate) fn register() -> Result<Self> {
        // SAFETY: the module's init calls it once.
        to_result(unsafe { raw::kvmgt_mdev_init() })?;
        Ok(Self(()))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // SAFETY: it was registered. Parents are gone: they belong to the auxiliary driver, which
        // was unregistered before.
        unsafe { raw::kvmgt_mdev_exit() };
    }
}

/// A GPU offered to mdev. When it is dropped there are no vGPUs any more; that waits as long as
/// somebody has one open.
///
/// # Invariants
///
/// The parent is registered.
pub(crate) struct Parent<'a> {
    parent: *mut raw::kvmgt_parent,
    _gpu: PhantomData<&'a Gpu<'a>>,
}

// SAFETY: any thread may unregister it.
unsafe impl Send for Parent<'_> {}

impl Parent<'_> {
    /// Offers the types that `gpu` is large enough for: users may make vGPUs before it returns.
    ///
    /// `None`: the GPU is none of this machine's.
    ///
    /// # Errors
    ///
    /// What mdev returns; `ENOMEM`.
    ///
    /// # Safety
    ///
    /// The GPU stays where it is, and valid, until this was dropped.
    pub(crate) unsafe fn register(gpu: Pin<&Gpu<'_>>) -> Result<Option<Self>> {
        if gpu.parent.is_null() {
            return Ok(None);
        }
        let platform = gpu.device.model().platform;
        let mut kinds = KVec::with_capacity(KINDS.len(), GFP_KERNEL)?;
        for (index, kind) in (0..).zip(&KINDS) {
            let name = CString::try_from_fmt(fmt!("{}", format_args!("{}", kind.name(platform))))?;
            let mut entry = raw::kvmgt_kind {
                name: [0; raw::KVMGT_TYPE_NAME as usize],
                index,
            };
            let name = name.to_bytes_with_nul();
            let place = entry.name.get_mut(..name.len()).ok_or(EINVAL)?;
            place.copy_from_slice(name);
            let mut offered = false;
            gpu.for_each_kind(|other| offered |= ptr::eq(other, kind));
            if offered {
                kinds.push(entry, GFP_KERNEL)?;
            }
        }
        let gpu: *const Gpu<'_> = gpu.get_ref();
        let count = u32::try_from(kinds.len()).map_err(|_| EINVAL)?;
        // SAFETY: the GPU's parent is valid until its host half is closed, which is after this was
        // dropped; the types are copied. What is called with `gpu` is below, and fits.
        let parent =
            unsafe { raw::kvmgt_parent_register((*gpu).parent, gpu.cast(), kinds.as_ptr(), count) };
        // INVARIANT: it succeeded.
        Ok(Some(Self {
            parent: from_err_ptr(parent)?,
            _gpu: PhantomData,
        }))
    }
}

impl Drop for Parent<'_> {
    fn drop(&mut self) {
        // SAFETY: by the type's invariant.
        unsafe { raw::kvmgt_parent_unregister(self.parent) };
    }
}

/// The type that C knows by its number.
pub(crate) fn kind(index: c_uint) -> Option<&'static Kind> {
    KINDS.get(usize::try_from(index).ok()?)
}

/// What the attribute `available_instances` says.
///
/// # Safety
///
/// `gpu` is what [`Parent::register`] gave to C, and is still registered.
#[no_mangle]
unsafe extern "C" fn kvmgt_type_available(gpu: *const c_void, index: c_uint) -> c_uint {
    // SAFETY: by this function's own requirement.
    let gpu = unsafe { &*gpu.cast::<Gpu<'_>>() };
    kind(index).map_or(0, |kind| gpu.available(kind))
}
exported!(kvmgt_type_available);

/// What the attribute `description` says.
///
/// # Safety
///
/// `page` is a page, initialised, to write to.
#[no_mangle]
unsafe extern "C" fn kvmgt_type_describe(index: c_uint, page: *mut c_char) -> c_long {
    let Some(kind) = kind(index) else {
        return EINVAL.to_errno() as c_long;
    };
    // SAFETY: by this function's own requirement.
    let page = unsafe { slice::from_raw_parts_mut(page.cast::<u8>(), PAGE_SIZE) };
    let mut text = Formatter::new(page);
    match write!(text, "{}", kind.description()) {
        Ok(()) => text.bytes_written() as c_long,
        Err(_) => EINVAL.to_errno() as c_long,
    }
}
exported!(kvmgt_type_describe);
