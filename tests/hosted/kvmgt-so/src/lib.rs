// SPDX-License-Identifier: GPL-2.0 OR MIT
//! kvmgt as a shared object: what `kvmgt.ko` is to Linux, this is to the hosted loader. The VMs that
//! have vGPUs are in here too, and their drivers; their memory is a part of the loader's.
//!
//! Commands, in the order in which they make sense. All are about the bound device with the lowest
//! number. Where `N`, a vGPU's number, is left out, it is the only one that there is.
//!
//! | command | does |
//! |---|---|
//! | `create TYPE` | makes a vGPU (`V5_8`; of the smallest type if it is left out), which a guest's driver sets up; gives its number |
//! | `submit N` | the guest submits something to each engine; gives how many those are |
//! | `check N` | the guest looks whether all of it was executed, which the host half does when it is told to; gives how many engines there are, or `EIO` if anything is wrong, which is printed |
//! | `remove N` | the vGPU goes away; `EBUSY` if something that was submitted has not ended, and it stays, or if it has left something behind |

mod bound;
mod command;
mod driven;

use bound::Bound;
use core::ffi::{c_char, c_int, c_void, CStr};
use hosted_abi::{Driver, Kernel, Module, VERSION};
use hosted_glue::client::Attachment;
use hosted_glue::lent::Lent;
use kernel::error::code::{EINVAL, ENODEV};
use kernel::error::Result;
use kernel::testing::{self, Level};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All that the module has.
struct State {
    /// The machine's memory, while the module is loaded.
    memory: Option<Arc<Lent>>,
    /// The devices that kvmgt is bound to.
    devices: BTreeMap<u32, Bound>,
}

static STATE: Mutex<State> = Mutex::new(State {
    memory: None,
    devices: BTreeMap::new(),
});

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
    control: Some(control),
    driver: &raw const DRIVER,
};

/// Gives the loader the module.
#[no_mangle]
pub extern "C" fn hosted_module() -> *const Module {
    &raw const MODULE
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

unsafe extern "C" fn load(kernel: *const Kernel) -> c_int {
    // SAFETY: the loader's promise: valid until `unload` has returned, which takes the sink away.
    let kernel: &'static Kernel = unsafe { &*kernel };
    // SAFETY: the loader's promise, and all that lies in this module accesses it so. `unload` forgets
    // it; the devices, which have it too, are gone by then.
    match unsafe { Lent::new(kernel.memory, kernel.memory_size) } {
        Ok(memory) => state().memory = Some(Arc::new(memory)),
        Err(error) => return error.to_errno(),
    }
    testing::set_log_sink(Some(Box::new(move |level: Level, text: &str| {
        // SAFETY: the loader's function, called with a text of that length.
        unsafe { (kernel.log)(kernel.context, level as u8, text.as_ptr(), text.len()) };
    })));
    0
}

unsafe extern "C" fn unload() {
    state().memory = None;
    testing::set_log_sink(None);
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
        Ok(text) => command::run(&mut state().devices, text),
        Err(_) => Err(EINVAL),
    };
    match answer {
        Ok(number) => i64::try_from(number).unwrap_or(i64::MAX),
        Err(error) => error.to_errno().into(),
    }
}

unsafe extern "C" fn probe(id: u32, platform_data: *const c_void) -> c_int {
    // SAFETY: the caller's promise.
    match unsafe { bind(id, platform_data) } {
        Ok(()) => 0,
        Err(error) => error.to_errno(),
    }
}

/// # Safety
///
/// The bus gives what the device's maker put there, and calls `remove` before it goes.
unsafe fn bind(id: u32, platform_data: *const c_void) -> Result {
    let memory = state().memory.clone().ok_or(ENODEV)?;
    // SAFETY: the caller's promise; `remove` drops the attachment.
    let attachment = unsafe { Attachment::attach(id, platform_data, None) }?;
    let bound = Bound::new(attachment, memory)?;
    state().devices.insert(id, bound);
    Ok(())
}

unsafe extern "C" fn remove(id: u32) {
    // Out of the lock before it is dropped: closing waits for events.
    let bound = state().devices.remove(&id);
    drop(bound);
}

unsafe extern "C" fn firmware(id: u32, offset: u64, data: *mut u8, len: usize) -> isize {
    let state = state();
    let Some(bound) = state.devices.get(&id) else {
        return ENODEV.to_errno() as isize;
    };
    // SAFETY: the loader gives a buffer of that length, initialised.
    let data = unsafe { core::slice::from_raw_parts_mut(data, len) };
    isize::try_from(bound.device().golden().read(offset, data)).unwrap_or(isize::MAX)
}
