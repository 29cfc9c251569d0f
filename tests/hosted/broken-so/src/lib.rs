// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A fixture: a module that publishes tables with one thing wrong.
//!
//! Commands: `offer CASE` puts a device with such a table on the bus, the files `broken.rs` and
//! `tables.rs` tell which there are; `withdraw` takes it off; `calls` tells how often an operation was called, which a
//! client that refuses the table never does.

#[path = "../../../fixture/broken.rs"]
mod broken;
mod tables;

use core::ffi::{c_char, c_int, c_void, CStr};
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering::Relaxed};
use hosted_abi::{Kernel, Module, VERSION};
use tables::Fixture;

/// The N of the one device.
const ID: u32 = 9;
/// The errno of a command that is not understood.
const EINVAL: i64 = -22;

/// What the loader gave.
static KERNEL: AtomicPtr<Kernel> = AtomicPtr::new(null_mut());
/// The table that is offered.
static OFFERED: AtomicPtr<Fixture> = AtomicPtr::new(null_mut());
/// How often an operation of a table was called.
static CALLS: AtomicU64 = AtomicU64::new(0);

static MODULE: Module = Module {
    version: VERSION,
    load,
    unload,
    live_objects,
    layout,
    control: Some(control),
    driver: null(),
};

/// Gives the loader the module.
#[no_mangle]
pub extern "C" fn hosted_module() -> *const Module {
    &raw const MODULE
}

unsafe extern "C" fn load(kernel: *const Kernel) -> c_int {
    KERNEL.store(kernel.cast_mut(), Relaxed);
    0
}

unsafe extern "C" fn unload() {
    withdraw();
}

unsafe extern "C" fn layout() -> *const c_void {
    hosted_glue::layout::contract()
}

unsafe extern "C" fn live_objects() -> isize {
    isize::from(!OFFERED.load(Relaxed).is_null())
}

unsafe extern "C" fn control(command: *const c_char) -> i64 {
    // SAFETY: the loader passes a C string.
    let Ok(command) = unsafe { CStr::from_ptr(command) }.to_str() else {
        return EINVAL;
    };
    match command.split_once(' ').unwrap_or((command, "")) {
        ("offer", case) => Fixture::new(case).map_or(EINVAL, offer),
        ("withdraw", "") => {
            withdraw();
            0
        }
        ("calls", "") => i64::try_from(CALLS.load(Relaxed)).unwrap_or(i64::MAX),
        _ => EINVAL,
    }
}

/// Puts the device on the bus.
fn offer(fixture: Fixture) -> i64 {
    withdraw();
    let fixture = Box::into_raw(Box::new(fixture));
    OFFERED.store(fixture, Relaxed);
    // SAFETY: stored by `load`, and valid until after `unload`.
    let kernel = unsafe { &*KERNEL.load(Relaxed) };
    // SAFETY: just allocated, freed only by `withdraw`.
    let data = unsafe { &mut *fixture }.platform_data();
    // SAFETY: the loader's function, called as it asks for.
    unsafe { (kernel.device_add)(kernel.context, ID, data) };
    0
}

/// Takes the device off the bus, if it is there.
fn withdraw() {
    let fixture = OFFERED.swap(null_mut(), Relaxed);
    if fixture.is_null() {
        return;
    }
    // SAFETY: stored by `load`, and valid until after `unload`.
    let kernel = unsafe { &*KERNEL.load(Relaxed) };
    // SAFETY: the loader's function, called as it asks for.
    unsafe { (kernel.device_remove)(kernel.context, ID) };
    // SAFETY: made by `offer`; the driver has let go of it.
    drop(unsafe { Box::from_raw(fixture) });
}
