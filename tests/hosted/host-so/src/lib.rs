// SPDX-License-Identifier: GPL-2.0 OR MIT
//! i915 with its GVT-g half as a shared object: what a patched `i915.ko` is to Linux, this is to the
//! hosted loader. The machine with the software GPU is in here too; its memory is the loader's, which
//! power-on leaves as it was.
//!
//! Commands, in the order in which they make sense:
//!
//! | command | does |
//! |---|---|
//! | `power-on GPU` | makes a machine whose GPU is described as by the lab's `--gpu` |
//! | `say F M N` | the table's header will say that features F are offered, and minor version M and features N needed |
//! | `bind N` | i915 binds the GPU; device `i915.gvt.N` is published |
//! | `run` | engines execute what they were given, until nothing happens any more |
//! | `reset`, `reset-engine rcs0`, `sleep` | what happens to a GPU in use |
//! | `occupy`, `vacate` | another client opens and closes the device |
//! | `snapshot-registers`, `snapshot-bytes`, `snapshot-ns`, `first-bind` | what the snapshot is |
//! | `interface-major`, `interface-minor` | the version that is offered |
//! | `reads`, `writes` | register accesses since power-on |
//! | `unbind` | the device is withdrawn, i915 lets go of the GPU |

mod command;

use core::ffi::{c_char, c_int, c_void, CStr};
use core::ptr::null;
use hosted_abi::{Kernel, Module, VERSION};
use kernel::error::code::EINVAL;
use kernel::testing;

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
    // SAFETY: the loader's promise: valid until `unload` has returned, which forgets it.
    match command::load(unsafe { &*kernel }) {
        Ok(()) => 0,
        Err(error) => error.to_errno(),
    }
}

unsafe extern "C" fn unload() {
    command::unload();
}

unsafe extern "C" fn layout() -> *const c_void {
    hosted_glue::layout::contract()
}

unsafe extern "C" fn live_objects() -> isize {
    testing::total_live_objects()
}

unsafe extern "C" fn control(command: *const c_char) -> i64 {
    // SAFETY: the loader passes a C string.
    let answer = match unsafe { CStr::from_ptr(command) }.to_str() {
        Ok(text) => command::run(text),
        Err(_) => Err(EINVAL),
    };
    match answer {
        Ok(number) => i64::try_from(number).unwrap_or(i64::MAX),
        Err(error) => error.to_errno().into(),
    }
}
