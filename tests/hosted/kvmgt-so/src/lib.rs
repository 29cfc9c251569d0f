// SPDX-License-Identifier: GPL-2.0 OR MIT
//! kvmgt as a shared object: what `kvmgt.ko` is to Linux, this is to the hosted loader.

use core::ffi::{c_int, c_void};
use hosted_abi::{Driver, Kernel, Module, VERSION};
use hosted_glue::client::Attachment;
use kernel::testing::{self, Level};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The devices that kvmgt is bound to.
static DEVICES: Mutex<BTreeMap<u32, Attachment<'static>>> = Mutex::new(BTreeMap::new());

static DRIVER: Driver = Driver {
    probe,
    remove,
    firmware,
};

static MODULE: Module = Module {
    version: VERSION,
    load,
    unload,
    live_objects,
    layout,
    control: None,
    driver: &raw const DRIVER,
};

/// Gives the loader the module.
#[no_mangle]
pub extern "C" fn hosted_module() -> *const Module {
    &raw const MODULE
}

fn devices() -> MutexGuard<'static, BTreeMap<u32, Attachment<'static>>> {
    DEVICES.lock().unwrap_or_else(PoisonError::into_inner)
}

unsafe extern "C" fn load(kernel: *const Kernel) -> c_int {
    // SAFETY: the loader's promise: valid until `unload` has returned, which takes the sink away.
    let kernel: &'static Kernel = unsafe { &*kernel };
    testing::set_log_sink(Some(Box::new(move |level: Level, text: &str| {
        // SAFETY: the loader's function, called with a text of that length.
        unsafe { (kernel.log)(kernel.context, level as u8, text.as_ptr(), text.len()) };
    })));
    0
}

unsafe extern "C" fn unload() {
    testing::set_log_sink(None);
}

unsafe extern "C" fn layout() -> *const c_void {
    hosted_glue::layout::contract()
}

unsafe extern "C" fn live_objects() -> isize {
    testing::total_live_objects()
}

unsafe extern "C" fn probe(id: u32, platform_data: *const c_void) -> c_int {
    // SAFETY: the bus gives what the device's maker put there, and calls `remove` before it goes;
    // that drops the attachment.
    match unsafe { Attachment::attach(id, platform_data, None) } {
        Ok(attachment) => {
            devices().insert(id, attachment);
            0
        }
        Err(error) => error.to_errno(),
    }
}

unsafe extern "C" fn remove(id: u32) {
    // Out of the lock before it is dropped: closing waits for events.
    let attachment = devices().remove(&id);
    drop(attachment);
}

unsafe extern "C" fn firmware(id: u32, offset: u64, data: *mut u8, len: usize) -> isize {
    let devices = devices();
    let Some(attachment) = devices.get(&id) else {
        return kernel::error::code::ENODEV.to_errno() as isize;
    };
    // SAFETY: the loader gives a buffer of that length, initialised.
    let data = unsafe { core::slice::from_raw_parts_mut(data, len) };
    isize::try_from(attachment.device().golden().read(offset, data)).unwrap_or(isize::MAX)
}
