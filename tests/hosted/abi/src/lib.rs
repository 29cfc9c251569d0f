// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the hosted loader and the shared objects it opens agree on.
//!
//! It stands for what a kernel offers its modules: load and unload, the auxiliary bus, the log, and
//! the machine's memory. The contract between the two halves of GVT-g is not here; it is `iface`, and
//! the loader never looks into it. All pointers are valid for the call only, but for [`Kernel`], which
//! outlives the module.
#![no_std]

use core::ffi::{c_char, c_int, c_void};

/// The symbol that a shared object exports: a [`ModuleEntry`].
pub const MODULE_SYMBOL: &[u8] = b"hosted_module";

/// The type of [`MODULE_SYMBOL`].
pub type ModuleEntry = unsafe extern "C" fn() -> *const Module;

/// Changes with everything in this crate.
pub const VERSION: u32 = 3;

/// What the loader gives a module.
#[repr(C)]
pub struct Kernel {
    /// First argument of the functions.
    pub context: *mut c_void,
    /// Puts device `i915.gvt.<id>` on the auxiliary bus; a loaded driver is bound inside.
    pub device_add:
        unsafe extern "C" fn(context: *mut c_void, id: u32, platform_data: *const c_void),
    /// Takes it off again; when it returns the driver has let go.
    pub device_remove: unsafe extern "C" fn(context: *mut c_void, id: u32),
    /// Prints a line: a level as in `printk`, and text that need not end with a NUL.
    pub log: unsafe extern "C" fn(context: *mut c_void, level: u8, text: *const u8, len: usize),
    /// The machine's memory, from physical address 0 on: what the GPU's DMA reaches, and what VMs
    /// have a part of. It begins at a page boundary, can be read and written, is zeroed when the
    /// loader begins, and stays where it is as long as `Kernel`.
    ///
    /// Modules reach it at the same time, from any thread. So nobody accesses it but by atomic
    /// operations of 8 bytes, at addresses that are multiples of 8.
    pub memory: *mut u64,
    /// Bytes of it, in whole pages.
    pub memory_size: u64,
}

// SAFETY: the functions may be called from any thread, and the memory be accessed from any, as it is
// said there; `context` is only handed back to the functions.
unsafe impl Send for Kernel {}
// SAFETY: as above.
unsafe impl Sync for Kernel {}

/// What a module offers the loader. Its functions may be called from one thread at a time.
#[repr(C)]
pub struct Module {
    /// [`VERSION`].
    pub version: u32,
    /// As `insmod`: 0, or a negative errno.
    pub load: unsafe extern "C" fn(kernel: *const Kernel) -> c_int,
    /// As `rmmod`: everything is given back when it returns.
    pub unload: unsafe extern "C" fn(),
    /// Allocations of the shipped code that are not freed; 0 after `unload`.
    pub live_objects: unsafe extern "C" fn() -> isize,
    /// Commands to the machine that the module drives, for tests; see the module for them. Null if
    /// there are none. Returns a count or 0, or a negative errno.
    pub control: Option<unsafe extern "C" fn(command: *const c_char) -> i64>,
    /// How `abi_stable` sees the contract's tables in this module: a `&'static TypeLayout`.
    pub layout: unsafe extern "C" fn() -> *const c_void,
    /// The module as an auxiliary driver. Null if it is none.
    pub driver: *const Driver,
}

// SAFETY: constant, with pointers to constants only.
unsafe impl Send for Module {}
// SAFETY: as above.
unsafe impl Sync for Module {}

/// An auxiliary driver.
#[repr(C)]
pub struct Driver {
    /// The device is there: 0, or a negative errno if the driver does not want it.
    pub probe: unsafe extern "C" fn(id: u32, platform_data: *const c_void) -> c_int,
    /// The device goes; nothing of it is used any more when it returns.
    pub remove: unsafe extern "C" fn(id: u32),
    /// Reads the file `gvt_firmware` of a bound device: bytes copied, or a negative errno.
    pub firmware: unsafe extern "C" fn(id: u32, offset: u64, data: *mut u8, len: usize) -> isize,
}
