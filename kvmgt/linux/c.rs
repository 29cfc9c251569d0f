// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The C helpers, as functions without unsafe.

use kernel::{bindings, prelude::*};
use kvmgt_core::device::Device;

/// What bindgen makes of `bindings.h`.
#[allow(
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    unreachable_pub,
    reason = "generated, and C's structures are only pointed to"
)]
pub(crate) mod raw {
    use crate::uapi::{vfio_irq_set, vfio_region_info};
    use kernel::bindings::{
        attribute_group, bin_attribute, device, module, page, pci_dev, spinlock, vm_area_struct,
    };
    include!(concat!(env!("KVMGT_OBJ"), "/linux/helpers_generated.rs"));
}

/// Has the compiler compare a function that C calls with C's declaration of it: all branches of an
/// `if` have one type.
macro_rules! exported {
    ($function:ident) => {
        const _: () = {
            if true {
                $crate::c::raw::$function
            } else {
                $function
            };
        };
    };
}
pub(crate) use exported;

/// An index below `size`, also for a CPU that runs ahead of the comparison.
pub(crate) fn index_below(index: u64, size: u32) -> Option<u32> {
    if index >= u64::from(size) {
        return None;
    }
    // SAFETY: it only computes.
    let index = unsafe { raw::kvmgt_index_nospec(index as usize, size as usize) };
    u32::try_from(index).ok()
}

/// Whether the calling process was killed, so that nobody waits for what it does.
pub(crate) fn must_die() -> bool {
    // SAFETY: it only looks at the calling task.
    unsafe { raw::kvmgt_must_die() }
}

/// Gives an attribute a lockdep class.
pub(crate) fn bin_attr_init(attribute: &mut bindings::bin_attribute) {
    // SAFETY: the attribute is valid; it is written to only during the call.
    unsafe { raw::kvmgt_bin_attr_init(attribute) };
}

/// A GPU that i915 drives.
pub(crate) struct Gpu(*mut bindings::pci_dev);

impl Gpu {
    /// Calls `visit` with each of them.
    pub(crate) fn for_each(mut visit: impl FnMut(&Self)) {
        let mut gpu = Self(core::ptr::null_mut());
        loop {
            // SAFETY: null, or a device with a reference, which the call takes over.
            gpu.0 = unsafe { raw::kvmgt_next_i915(gpu.0) };
            if gpu.0.is_null() {
                break;
            }
            visit(&gpu);
        }
    }

    /// Whether its `i915.gvt` device is there.
    pub(crate) fn has_gvt_device(&self) -> bool {
        // SAFETY: `for_each` holds a reference.
        unsafe { raw::kvmgt_has_gvt_device(self.0) }
    }

    /// Its name in sysfs.
    pub(crate) fn name(&self) -> &str {
        // SAFETY: `for_each` holds a reference, and the name lives as long as the device.
        let name = unsafe { CStr::from_char_ptr(bindings::dev_name(&raw const (*self.0).dev)) };
        name.to_str().unwrap_or("?")
    }
}

/// Traces that kvmgt attached to a GPU.
pub(crate) fn trace_attach(name: &CStr, device: &Device) {
    let version = device.version();
    // SAFETY: the name is valid; the event copies it.
    unsafe {
        raw::kvmgt_trace_attach(
            name.as_char_ptr(),
            version.major.into(),
            version.minor.into(),
            device.features(),
            device.model().tracked(),
            device.golden().lacking(),
        );
    }
}

/// Traces that kvmgt let go of a GPU.
pub(crate) fn trace_detach(name: &CStr) {
    // SAFETY: the name is valid; the event copies it.
    unsafe { raw::kvmgt_trace_detach(name.as_char_ptr()) };
}

/// Traces a suspend of the host.
pub(crate) fn trace_suspend(name: &CStr) {
    // SAFETY: the name is valid; the event copies it.
    unsafe { raw::kvmgt_trace_suspend(name.as_char_ptr()) };
}

/// Traces a resume of the host.
pub(crate) fn trace_resume(name: &CStr) {
    // SAFETY: the name is valid; the event copies it.
    unsafe { raw::kvmgt_trace_resume(name.as_char_ptr()) };
}

/// Traces that a guest wrote a register of the interrupt hierarchy.
pub(crate) fn trace_write_ir(id: u32, name: &str, offset: u32, written: u32, before: u32) {
    // SAFETY: the name has that length; the event copies it.
    unsafe {
        raw::kvmgt_trace_write_ir(
            id,
            name.as_ptr().cast(),
            name.len(),
            offset,
            written,
            before,
        );
    }
}

/// Traces that an event set its bit.
pub(crate) fn trace_propagate_event(id: u32, name: &str, bit: u32) {
    // SAFETY: the name has that length; the event copies it.
    unsafe { raw::kvmgt_trace_propagate_event(id, name.as_ptr().cast(), name.len(), bit) };
}

/// Traces a message.
pub(crate) fn trace_inject_msi(id: u32, address: u32, data: u32) {
    // SAFETY: it only takes numbers.
    unsafe { raw::kvmgt_trace_inject_msi(id, address, data) };
}

/// Traces that a vGPU's workload was given to a context of the host half.
pub(crate) fn trace_workload_start(id: u32, engine: &str, context: u64) {
    // SAFETY: the name has that length; the event copies it.
    unsafe {
        raw::kvmgt_trace_workload_start(id, engine.as_ptr().cast(), engine.len(), context);
    }
}

/// Traces how a vGPU's workload ended, as one of the contract's `OUTCOME_*`.
pub(crate) fn trace_workload_end(id: u32, engine: &str, serial: u64, outcome: u32) {
    // SAFETY: the name has that length; the event copies it.
    unsafe {
        raw::kvmgt_trace_workload_end(id, engine.as_ptr().cast(), engine.len(), serial, outcome);
    }
}

/// Traces that a watched page was written.
pub(crate) fn trace_write_tracked(id: u32, address: u64, bytes: u32) {
    // SAFETY: it only takes numbers.
    unsafe { raw::kvmgt_trace_write_tracked(id, address, bytes) };
}
