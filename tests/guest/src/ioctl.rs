// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The few requests of i915 that this program makes, as safe functions.
//!
//! Layouts and numbers are those of the kernel's user interface (`include/uapi/drm/drm.h`,
//! `include/uapi/drm/i915_drm.h`), which never change.
#![expect(unsafe_code, reason = "requests to a device have no other form")]

use std::ops::Range;
use std::os::fd::BorrowedFd;

use rustix::io::{Errno, Result};
use rustix::ioctl::{self, opcode, Opcode, Updater};

/// The letter of all DRM requests.
const DRM: u8 = b'd';
/// Where the numbers of a driver's own requests begin.
const COMMAND_BASE: u8 = 0x40;

const GEM_CLOSE: Opcode = opcode::write::<Handle>(DRM, 0x09);
const GETPARAM: Opcode = opcode::read_write::<GetParam>(DRM, COMMAND_BASE + 0x06);
const GEM_CREATE: Opcode = opcode::read_write::<GemCreate>(DRM, COMMAND_BASE + 0x1b);
const GEM_PREAD: Opcode = opcode::write::<GemCopy>(DRM, COMMAND_BASE + 0x1c);
const GEM_PWRITE: Opcode = opcode::write::<GemCopy>(DRM, COMMAND_BASE + 0x1d);
const GEM_EXECBUFFER2: Opcode = opcode::write::<ExecBuffer>(DRM, COMMAND_BASE + 0x29);
const GEM_WAIT: Opcode = opcode::read_write::<GemWait>(DRM, COMMAND_BASE + 0x2c);
const CONTEXT_CREATE: Opcode = opcode::read_write::<Handle>(DRM, COMMAND_BASE + 0x2d);
const GET_RESET_STATS: Opcode = opcode::read_write::<ResetStats>(DRM, COMMAND_BASE + 0x32);

/// A handle and nothing else; also what makes and ends contexts.
#[repr(C)]
#[derive(Default)]
struct Handle {
    handle: u32,
    pad: u32,
}

#[repr(C)]
struct GetParam {
    param: i32,
    value: *mut i32,
}

#[repr(C)]
#[derive(Default)]
struct GemCreate {
    size: u64,
    handle: u32,
    pad: u32,
}

#[repr(C)]
struct GemCopy {
    handle: u32,
    pad: u32,
    offset: u64,
    size: u64,
    data: u64,
}

#[repr(C)]
struct GemWait {
    handle: u32,
    flags: u32,
    timeout_ns: i64,
}

/// A buffer that a batch uses.
#[repr(C)]
#[derive(Default)]
pub struct ExecObject {
    handle: u32,
    relocation_count: u32,
    relocations: u64,
    alignment: u64,
    offset: u64,
    flags: u64,
    reserved: [u64; 2],
}

impl ExecObject {
    /// A buffer at a graphics address; `flags` is an or of `OBJECT_*`.
    pub fn new(handle: u32, address: u64, flags: u64) -> Self {
        Self {
            handle,
            offset: address,
            flags,
            ..Self::default()
        }
    }
}

/// Flag of an [`ExecObject`]: the batch writes it.
pub const OBJECT_WRITE: u64 = 1 << 2;
/// Flag of an [`ExecObject`]: its address may lie above 4 GiB.
pub const OBJECT_48B_ADDRESS: u64 = 1 << 3;
/// Flag of an [`ExecObject`]: it goes to the stated address.
pub const OBJECT_PINNED: u64 = 1 << 4;

#[repr(C)]
#[derive(Default)]
struct ExecBuffer {
    buffers: u64,
    buffer_count: u32,
    batch_start_offset: u32,
    batch_len: u32,
    dr1: u32,
    dr4: u32,
    num_cliprects: u32,
    cliprects: u64,
    flags: u64,
    context: u64,
    reserved: u64,
}

/// What resets did to a context.
#[repr(C)]
#[derive(Default)]
pub struct ResetStats {
    context: u32,
    flags: u32,
    reset_count: u32,
    /// Batches that were running when an engine was reset.
    pub batch_active: u32,
    /// Batches that were waiting then.
    pub batch_pending: u32,
    pad: u32,
}

const _: () = {
    assert!(size_of::<GetParam>() == 16);
    assert!(size_of::<GemCopy>() == 32);
    assert!(size_of::<GemWait>() == 16);
    assert!(size_of::<ExecObject>() == 56);
    assert!(size_of::<ExecBuffer>() == 64);
    assert!(size_of::<ResetStats>() == 24);
};

/// Makes a request, again as often as the kernel asks for it.
///
/// # Safety
/// `T` is what the kernel reads and writes for `OPCODE`. Every address in it is that of memory
/// which stays valid, and is writable where the kernel writes it, until this returns.
unsafe fn request<const OPCODE: Opcode, T>(fd: BorrowedFd<'_>, argument: &mut T) -> Result<()> {
    loop {
        // SAFETY: the caller states that the kernel takes a `T` here; the borrow lasts.
        let result = unsafe { ioctl::ioctl(fd, Updater::<OPCODE, T>::new(argument)) };
        match result {
            Err(Errno::INTR | Errno::AGAIN) => {}
            result => return result,
        }
    }
}

/// A property of the GPU or the driver.
pub fn get_param(fd: BorrowedFd<'_>, param: i32) -> Result<i32> {
    let mut value = 0;
    let mut argument = GetParam {
        param,
        value: &mut value,
    };
    // SAFETY: the request takes a `GetParam`, whose address is that of a live variable.
    unsafe { request::<GETPARAM, _>(fd, &mut argument) }?;
    Ok(value)
}

/// Makes a buffer of whole pages and returns its handle.
pub fn gem_create(fd: BorrowedFd<'_>, size: u64) -> Result<u32> {
    let mut argument = GemCreate {
        size,
        ..GemCreate::default()
    };
    // SAFETY: the request takes a `GemCreate`, which has no address in it.
    unsafe { request::<GEM_CREATE, _>(fd, &mut argument) }?;
    Ok(argument.handle)
}

/// Gives a buffer back.
pub fn gem_close(fd: BorrowedFd<'_>, handle: u32) -> Result<()> {
    let mut argument = Handle { handle, pad: 0 };
    // SAFETY: the request takes a handle and a pad, and no address.
    unsafe { request::<GEM_CLOSE, _>(fd, &mut argument) }
}

/// Reads from the start of a buffer, after the work on it has ended.
pub fn gem_pread(fd: BorrowedFd<'_>, handle: u32, data: &mut [u8]) -> Result<()> {
    let mut argument = copy(handle, data.as_mut_ptr().addr(), data.len());
    // SAFETY: the request takes a `GemCopy`; its address and size are those of a slice that is
    // borrowed mutably until this returns.
    unsafe { request::<GEM_PREAD, _>(fd, &mut argument) }
}

/// Writes to the start of a buffer, after the work on it has ended.
pub fn gem_pwrite(fd: BorrowedFd<'_>, handle: u32, data: &[u8]) -> Result<()> {
    let mut argument = copy(handle, data.as_ptr().addr(), data.len());
    // SAFETY: the request takes a `GemCopy`; its address and size are those of a slice that the
    // kernel only reads.
    unsafe { request::<GEM_PWRITE, _>(fd, &mut argument) }
}

fn copy(handle: u32, address: usize, size: usize) -> GemCopy {
    GemCopy {
        handle,
        pad: 0,
        offset: 0,
        size: size as u64,
        data: address as u64,
    }
}

/// Lets an engine execute a part of the last of `objects`, in bytes, in a context.
pub fn execute(
    fd: BorrowedFd<'_>,
    objects: &mut [ExecObject],
    batch: Range<u32>,
    flags: u64,
    context: u32,
) -> Result<()> {
    let mut argument = ExecBuffer {
        buffers: objects.as_mut_ptr().addr() as u64,
        buffer_count: objects.len() as u32,
        batch_start_offset: batch.start,
        batch_len: batch.end - batch.start,
        flags,
        context: u64::from(context),
        ..ExecBuffer::default()
    };
    // SAFETY: the request takes an `ExecBuffer`; its address and count are those of a slice that
    // is borrowed mutably until this returns, and no object has relocations.
    unsafe { request::<GEM_EXECBUFFER2, _>(fd, &mut argument) }
}

/// Waits until nothing works on a buffer any more; `ETIME` when it takes too long.
pub fn gem_wait(fd: BorrowedFd<'_>, handle: u32, timeout_ns: i64) -> Result<()> {
    let mut argument = GemWait {
        handle,
        flags: 0,
        timeout_ns,
    };
    // SAFETY: the request takes a `GemWait`, which has no address in it.
    unsafe { request::<GEM_WAIT, _>(fd, &mut argument) }
}

/// Makes a context; it ends with the file.
pub fn context_create(fd: BorrowedFd<'_>) -> Result<u32> {
    let mut argument = Handle::default();
    // SAFETY: the request takes an id and a pad, and no address.
    unsafe { request::<CONTEXT_CREATE, _>(fd, &mut argument) }?;
    Ok(argument.handle)
}

/// What resets did to a context of this file.
pub fn reset_stats(fd: BorrowedFd<'_>, context: u32) -> Result<ResetStats> {
    let mut argument = ResetStats {
        context,
        ..ResetStats::default()
    };
    // SAFETY: the request takes a `ResetStats`, which has no address in it.
    unsafe { request::<GET_RESET_STATS, _>(fd, &mut argument) }?;
    Ok(argument)
}
