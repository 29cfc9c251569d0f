// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The functions that C calls; `hooks.c` says when.

use crate::bindings;
use crate::golden;
use crate::gpu::Gpu;
use crate::interface;
use crate::shim::{Host, PciDevice, I915};
use core::ptr;
use gvt_host::events;
use gvt_host::store::Key;
use iface::events::{HOST_CONTEXT_IN, HOST_CONTEXT_OUT};
use iface::registers::Platform;
use kernel::ffi::{c_int, c_void};
use kernel::prelude::*;

/// Defines functions that C calls, and makes the compiler compare each one's signature with its
/// declaration in `shim.h`.
macro_rules! for_c {
    ($(
        $(#[$attribute:meta])*
        unsafe fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block
    )*) => {
        $(
            $(#[$attribute])*
            #[no_mangle]
            unsafe extern "C" fn $name($($argument: $type),*) $(-> $result)? $body

            const _: unsafe extern "C" fn($($type),*) $(-> $result)? = bindings::$name;
        )*
    };
}

fn key(id: &bindings::gvt_shim_pci_id) -> Key {
    let [bus, devfn] = id.bus_devfn.to_be_bytes();
    Key {
        domain: id.domain,
        bus,
        devfn,
        // A byte in configuration space.
        revision: id.revision as u8,
        ids: [
            id.vendor,
            id.device,
            id.subsystem_vendor,
            id.subsystem_device,
        ],
    }
}

/// The GPU that C keeps as `core`.
///
/// # Safety
///
/// `core` comes from `gvt_rs_create`, and `gvt_rs_destroy` is not called during `'a`.
unsafe fn gpu<'a>(core: *mut c_void) -> &'a Gpu {
    // SAFETY: the caller's promise.
    unsafe { &*core.cast::<Gpu>() }
}

fn create(
    host: *mut bindings::gvt_host,
    i915: *mut bindings::drm_i915_private,
) -> Result<Pin<KBox<Gpu>>> {
    // SAFETY: C calls this at the end of probe, and destroys the result before the device goes.
    let i915 = unsafe { I915::new(i915) }.ok_or(EINVAL)?;
    // SAFETY: as above; `host` belongs to `i915`.
    let host = unsafe { Host::new(host, i915) }.ok_or(EINVAL)?;
    let platform = i915.platform();
    let golden = golden::find(&key(&platform.pci)).ok_or(EIO)?;
    Gpu::new(host, &platform, golden)
}

for_c! {
    /// i915 is loaded.
    unsafe fn gvt_rs_module_init() -> c_int {
        // SAFETY: C calls this once, before it registers its driver.
        unsafe { golden::init() };
        0
    }

    /// i915 is unloaded; all of its devices are gone.
    unsafe fn gvt_rs_module_exit() {
        golden::clear();
    }

    /// i915 begins to probe a supported GPU.
    ///
    /// # Safety
    ///
    /// Both pointers are valid during the call.
    unsafe fn gvt_rs_capture_config(
        pdev: *mut bindings::pci_dev,
        id: *const bindings::gvt_shim_pci_id,
    ) {
        // SAFETY: the caller's promise.
        let (Some(pdev), id) = (unsafe { (PciDevice::new(pdev), &*id) }) else {
            return;
        };
        // Without it `gvt_rs_capture_mmio` finds nothing, and says so.
        let _ = golden::capture_config(pdev, key(id));
    }

    /// i915 has reset the engines and not yet programmed anything.
    ///
    /// # Safety
    ///
    /// Both pointers are valid during the call, and the GPU is awake.
    unsafe fn gvt_rs_capture_mmio(
        i915: *mut bindings::drm_i915_private,
        id: *const bindings::gvt_shim_pci_id,
        platform: u32,
        second_vcs: bool,
    ) {
        // SAFETY: the caller's promise.
        let (Some(i915), id) = (unsafe { (I915::new(i915), &*id) }) else {
            return;
        };
        let taken = Platform::from_number(platform)
            .ok_or(EINVAL)
            .and_then(|platform| golden::capture_mmio(i915, key(id), platform, second_vcs));
        if let Err(error) = taken {
            dev_err!(i915.device(), "GVT-g: no snapshot was taken: {error:?}\n");
        }
    }

    /// i915 is ready to offer a GPU.
    ///
    /// # Safety
    ///
    /// `host` and `i915` are valid until `gvt_rs_destroy` of the result has returned; the other
    /// two can be written.
    unsafe fn gvt_rs_create(
        host: *mut bindings::gvt_host,
        i915: *mut bindings::drm_i915_private,
        core: *mut *mut c_void,
        offer: *mut bindings::gvt_shim_offer,
    ) -> c_int {
        let gpu = match create(host, i915) {
            Ok(gpu) => gpu,
            Err(error) => return error.to_errno(),
        };
        let (table, golden) = (gpu.table(), gpu.golden());
        let published = bindings::gvt_shim_offer {
            table: ptr::from_ref(table).cast(),
            offers: interface::OFFERED,
            needs: interface::NEEDED,
            snapshot_time: golden.time_ns,
            snapshot_pristine: golden.pristine,
        };
        // SAFETY: the caller's promise; the box stays pinned behind the raw pointer.
        unsafe {
            offer.write(published);
            core.write(KBox::into_raw(Pin::into_inner_unchecked(gpu)).cast());
        }
        0
    }

    /// The client has let go of the table; what it forgot to give back is taken from it.
    ///
    /// # Safety
    ///
    /// As [`gpu`], during the call.
    unsafe fn gvt_rs_close(core: *mut c_void) {
        // SAFETY: the caller's promise. It fails where nothing is open, which is as it should be.
        let _ = gvt_host::session::close(unsafe { gpu(core) });
    }

    /// The device is closed, and no event is on its way.
    ///
    /// # Safety
    ///
    /// `core` comes from `gvt_rs_create` and is not used any more.
    unsafe fn gvt_rs_destroy(core: *mut c_void) {
        // SAFETY: the caller's promise; `gvt_rs_create` made it of a pinned box.
        drop(unsafe { Pin::new_unchecked(KBox::from_raw(core.cast::<Gpu>())) });
    }

    /// The host is about to suspend.
    ///
    /// # Safety
    ///
    /// As [`gpu`], during the call.
    unsafe fn gvt_rs_suspend(core: *mut c_void) {
        // SAFETY: the caller's promise.
        events::suspend(unsafe { gpu(core) });
    }

    /// i915 has written fences again and, after a suspend, the GGTT.
    ///
    /// # Safety
    ///
    /// As [`gpu`], during the call; the GPU is awake.
    unsafe fn gvt_rs_restore(core: *mut c_void, ggtt: bool) {
        // SAFETY: the caller's promise.
        let gpu = unsafe { gpu(core) };
        if ggtt {
            events::ggtt_lost(gpu);
        }
        events::fences_lost(gpu);
    }

    /// The host has resumed.
    ///
    /// # Safety
    ///
    /// As [`gpu`], during the call.
    unsafe fn gvt_rs_resume(core: *mut c_void) {
        // SAFETY: the caller's promise.
        events::resume(unsafe { gpu(core) });
    }

    /// A context of the host's comes to an engine or has gone from it. Any context.
    ///
    /// # Safety
    ///
    /// As [`gpu`], during the call.
    unsafe fn gvt_rs_host_context(core: *mut c_void, engine_mask: u32, is_in: bool) {
        let event = if is_in { HOST_CONTEXT_IN } else { HOST_CONTEXT_OUT };
        // SAFETY: the caller's promise.
        events::host_context(unsafe { gpu(core) }, engine_mask, event);
    }

    /// A submission has ended, and its context is saved.
    ///
    /// # Safety
    ///
    /// As [`gpu`], during the call.
    unsafe fn gvt_rs_submit_done(
        core: *mut c_void,
        handle: u64,
        outcome: bindings::gvt_shim_outcome,
    ) {
        // SAFETY: the caller's promise.
        events::submit_done(unsafe { gpu(core) }, handle, outcome);
    }
}
