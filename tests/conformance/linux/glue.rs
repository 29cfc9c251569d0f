// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The checks as a kernel module runs them.

use conformance::{Bench, Hold, Outcome};
use core::ffi::{c_int, c_void};
use kernel::prelude::*;

const __LOG_PREFIX: &[u8] = b"gvt_conformance\0";

extern "C" {
    fn gvt_conformance_ggtt_entry(page: u64) -> u64;
    fn gvt_conformance_locked(f: unsafe extern "C" fn(*mut c_void), data: *mut c_void);
    fn gvt_conformance_parallel(
        threads: u32,
        f: unsafe extern "C" fn(*mut c_void, u32),
        data: *mut c_void,
    ) -> c_int;
    fn gvt_conformance_sleep() -> bool;
    fn gvt_conformance_alone() -> bool;
    fn gvt_conformance_wait();
    fn gvt_conformance_dma_address(page: usize) -> u64;
    fn gvt_conformance_dma_entry(page: usize, index: usize) -> *mut u64;
}

/// The kernel, with the GPU that the C part has.
struct Linux;

impl Bench for Linux {
    fn ggtt_entry(&self, page: u64) -> u64 {
        // SAFETY: the C part has the entries mapped while it runs the checks.
        unsafe { gvt_conformance_ggtt_entry(page) }
    }

    fn with_lock_held(&self, mut f: &mut dyn FnMut()) {
        unsafe extern "C" fn call(f: *mut c_void) {
            // SAFETY: what is passed below.
            unsafe { (*f.cast::<&mut dyn FnMut()>())() }
        }
        // SAFETY: `call` gets what it expects, during the call.
        unsafe { gvt_conformance_locked(call, (&raw mut f).cast()) };
    }

    fn in_parallel(&self, threads: u32, f: &(dyn Fn(u32) + Sync)) {
        unsafe extern "C" fn call(f: *mut c_void, thread: u32) {
            // SAFETY: what is passed below.
            unsafe { (*f.cast::<&(dyn Fn(u32) + Sync)>())(thread) }
        }
        // SAFETY: `call` gets what it expects; all threads have ended when this returns.
        let ret = unsafe {
            gvt_conformance_parallel(threads, call, (&raw const f).cast_mut().cast::<c_void>())
        };
        if ret != 0 {
            pr_err!("threads can't be started ({ret})\n");
        }
    }

    fn put_to_sleep(&self) -> bool {
        // SAFETY: the C part holds the GPU.
        unsafe { gvt_conformance_sleep() }
    }

    fn has_idle_contexts(&self) -> bool {
        // i915 switches to its kernel context.
        true
    }

    fn has_watchdog(&self) -> bool {
        // i915's heartbeat.
        true
    }

    fn is_alone(&self) -> bool {
        // SAFETY: without condition.
        unsafe { gvt_conformance_alone() }
    }

    fn wait(&self) {
        // SAFETY: without condition but that it may sleep.
        unsafe { gvt_conformance_wait() };
    }

    fn dma_address(&self, page: usize) -> u64 {
        // SAFETY: the C part has the pages while it runs the checks.
        unsafe { gvt_conformance_dma_address(page) }
    }

    fn dma_read(&self, page: usize, index: usize) -> u64 {
        // SAFETY: as above; the entry is memory that only this and the GPU touch.
        unsafe { gvt_conformance_dma_entry(page, index).read_volatile() }
    }

    fn dma_write(&self, page: usize, index: usize, value: u64) {
        // SAFETY: as above.
        unsafe { gvt_conformance_dma_entry(page, index).write_volatile(value) };
    }
}

/// Runs all checks, prints a line for each, and gives the number of those that failed.
///
/// # Safety
///
/// `platform_data` is that of an `i915.gvt` device that is bound, and stays so during the call.
#[no_mangle]
unsafe extern "C" fn gvt_conformance_run(platform_data: *const c_void) -> c_int {
    // SAFETY: the caller's promise.
    let failed = unsafe {
        conformance::run(platform_data, &Linux, |name, outcome| match outcome {
            Ok(()) => pr_info!("ok: {name}\n"),
            Err(failure) => pr_err!("FAILED: {name}: {}\n", format_args!("{failure}")),
        })
    };
    c_int::try_from(failed).unwrap_or(c_int::MAX)
}

/// What is held, if anything is.
static mut HELD: Option<Hold<'static>> = None;

fn report(what: &str, outcome: Outcome) -> c_int {
    match outcome {
        Ok(()) => {
            pr_info!("ok: {what}\n");
            0
        }
        Err(failure) => {
            pr_err!("FAILED: {what}: {}\n", format_args!("{failure}"));
            EIO.to_errno()
        }
    }
}

/// Opens the device, reserves, and writes contents that can be verified.
///
/// # Safety
///
/// `platform_data` is that of an `i915.gvt` device that is bound, and nothing is held. The
/// C part calls one of these functions at a time.
#[no_mangle]
unsafe extern "C" fn gvt_conformance_hold(platform_data: *const c_void) -> c_int {
    // SAFETY: the caller's promise; what is held is released before the device is unbound.
    match unsafe { Hold::new(platform_data, &Linux) } {
        Ok(hold) => {
            // SAFETY: one call at a time.
            unsafe { HELD = Some(hold) };
            report("hold", Ok(()))
        }
        Err(failure) => report("hold", Err(failure)),
    }
}

/// Looks whether the contents are what they were.
///
/// # Safety
///
/// The C part calls one of these functions at a time.
#[no_mangle]
unsafe extern "C" fn gvt_conformance_verify() -> c_int {
    // SAFETY: one call at a time.
    match unsafe { (*(&raw const HELD)).as_ref() } {
        Some(hold) => report("verify", hold.verify(&Linux)),
        None => ENODEV.to_errno(),
    }
}

/// Closes the device.
///
/// # Safety
///
/// Called before the device is unbound. The C part calls one of these functions at a time.
#[no_mangle]
unsafe extern "C" fn gvt_conformance_release() {
    // SAFETY: one call at a time.
    if let Some(hold) = unsafe { (*(&raw mut HELD)).take() } {
        report("release", hold.release(&Linux));
    }
}
