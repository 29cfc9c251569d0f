// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The contract's table over a [`World`], and calls of a client's table: this crate's only unsafe
//! code.

use crate::mmio::{self, Variant};
use crate::world::World;
use crate::{buffers, contexts, fences, ggtt, session};
use core::ptr;
use iface::errno;
use iface::events::ClientTable;
use iface::host::{HostDevice, HostTable};
use iface::registers::Platform;
use iface::table::take;
use iface::types::mmio::MAX_OPS;
use iface::types::{
    Buffer, Context, ContextRequest, GgttRange, GgttRequest, Info, MmioOp, Snapshot, Submission,
    MAX_SEGMENTS,
};
use iface::version::HOST_NEEDS;
use kernel::ffi::{c_int, c_void};
use kernel::prelude::*;

/// The client of a device.
#[derive(Clone, Copy)]
pub struct Client {
    /// Its table, as it was when `open` was called.
    pub table: ClientTable,
    /// First argument of its call-backs.
    pub private: *mut c_void,
}

// SAFETY: a client's call-backs may be called from any thread, by the contract.
unsafe impl Send for Client {}
// SAFETY: as above.
unsafe impl Sync for Client {}

/// A device whose table can be handed out.
pub trait Device: World {
    /// Where the golden snapshot is.
    ///
    /// # Errors
    ///
    /// `EIO`: none could be taken.
    fn snapshot(&self) -> Result<Snapshot>;

    /// Which registers the GPU has.
    fn variant(&self) -> Variant;
}

/// The table of a device.
///
/// # Safety
///
/// `device` stays where it is, and valid, as long as anybody may call through the table.
pub const unsafe fn of<D: Device>(device: *const D) -> HostTable {
    HostTable {
        header: HostTable::HEADER,
        device: device.cast_mut().cast(),
        open: Some(open::<D>),
        close: Some(close::<D>),
        info: Some(info::<D>),
        snapshot: Some(snapshot::<D>),
        mmio_exec: Some(mmio_exec::<D>),
        wake_get: Some(wake_get::<D>),
        wake_put: Some(wake_put::<D>),
        ggtt_reserve: Some(ggtt_reserve::<D>),
        ggtt_release: Some(ggtt_release::<D>),
        ggtt_write: Some(ggtt_write::<D>),
        fences_reserve: Some(fences_reserve::<D>),
        fences_release: Some(fences_release::<D>),
        fence_write: Some(fence_write::<D>),
        buffer_alloc: Some(buffer_alloc::<D>),
        buffer_free: Some(buffer_free::<D>),
        buffer_read: Some(buffer_read::<D>),
        buffer_write: Some(buffer_write::<D>),
        ctx_create: Some(ctx_create::<D>),
        ctx_destroy: Some(ctx_destroy::<D>),
        ctx_read: Some(ctx_read::<D>),
        ctx_write: Some(ctx_write::<D>),
        ctx_submit: Some(ctx_submit::<D>),
        ctx_kill: Some(ctx_kill::<D>),
    }
}

/// The device of a table.
///
/// # Safety
///
/// `dev` is that of a table that [`of`] made for a `D`, which is still valid.
unsafe fn device<'a, D: Device>(dev: *mut HostDevice) -> Result<&'a D> {
    // SAFETY: the caller's promise.
    unsafe { dev.cast::<D>().as_ref() }.ok_or(EFAULT)
}

/// What an operation returns.
fn returned(result: Result) -> c_int {
    match result {
        Ok(()) => 0,
        // What i915 returns to have a system call begin anew is none of the contract's.
        Err(error) if error == ERESTARTSYS => EINTR.to_errno(),
        Err(error) => error.to_errno(),
    }
}

/// How many `T`s a client passed.
///
/// # Errors
///
/// `too_many`: more than memory can hold.
fn count_of<T>(count: u64, too_many: Error) -> Result<usize> {
    let count = usize::try_from(count).map_err(|_| too_many)?;
    match count.checked_mul(size_of::<T>()) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(count),
        _ => Err(too_many),
    }
}

/// A slice that a client passed.
///
/// # Safety
///
/// If `first` is not null, it points to `count` readable `T`s that nobody writes during `'a`, and
/// [`count_of`] found `count` good.
unsafe fn slice<'a, T>(first: *const T, count: usize) -> Result<&'a [T]> {
    if first.is_null() || !first.is_aligned() {
        return Err(EFAULT);
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { core::slice::from_raw_parts(first, count) })
}

/// A place for bytes that a client passed.
///
/// # Safety
///
/// If `first` is not null, it points to `count` bytes that nobody else uses during `'a`, and
/// [`count_of`] found `count` good.
unsafe fn place<'a>(first: *mut u8, count: usize) -> Result<&'a mut [u8]> {
    there(first)?;
    // SAFETY: the caller's promise; whatever the bytes are, they are valid as such.
    Ok(unsafe { core::slice::from_raw_parts_mut(first, count) })
}

/// Stores a result where a client wants it.
///
/// # Safety
///
/// If `out` is not null, a `T` can be written there.
unsafe fn store<T>(out: *mut T, value: T) {
    // SAFETY: the caller's promise.
    unsafe { out.write(value) };
}

/// Fails if `pointer` can't be one to a `T`.
fn there<T>(pointer: *const T) -> Result {
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(EFAULT);
    }
    Ok(())
}

// The operations. For all of them:
// SAFETY of the calls of `device`: `dev` is the table's, by the contract, and the table is valid.
// SAFETY of the calls of `slice`, `place` and `store`: what pointers lead to is the caller's to promise, by
// the contract; null is looked for here.

unsafe extern "C" fn open<D: Device>(
    dev: *mut HostDevice,
    client: *const ClientTable,
    private: *mut c_void,
) -> c_int {
    let open = || {
        // SAFETY: see above.
        let device = unsafe { device::<D>(dev) }?;
        there(client)?;
        // SAFETY: a client table whose header keeps its promises, by the contract.
        let table = unsafe { take(client.cast(), HOST_NEEDS) }.map_err(|_| EINVAL)?;
        session::open(device, Client { table, private })
    };
    returned(open())
}

unsafe extern "C" fn close<D: Device>(dev: *mut HostDevice) -> c_int {
    // SAFETY: see above.
    returned(unsafe { device::<D>(dev) }.and_then(session::close))
}

unsafe extern "C" fn info<D: Device>(dev: *mut HostDevice, out: *mut Info, size: u32) -> c_int {
    let info = || {
        // SAFETY: see above.
        let device = unsafe { device::<D>(dev) }?;
        there(out)?;
        if size == 0 {
            return Err(EINVAL);
        }
        device.with_state(|state| state.check_open())?;
        let info = device.info();
        let known = size_of::<Info>().min(size as usize);
        let beyond = (size as usize).saturating_sub(known);
        // SAFETY: see above: `size` bytes can be written at `out`; `known` of them are in `info`.
        unsafe {
            ptr::copy_nonoverlapping(ptr::from_ref(&info).cast::<u8>(), out.cast(), known);
            out.cast::<u8>().add(known).write_bytes(0, beyond);
        }
        Ok(())
    };
    returned(info())
}

unsafe extern "C" fn snapshot<D: Device>(dev: *mut HostDevice, out: *mut Snapshot) -> c_int {
    let snapshot = || {
        // SAFETY: see above.
        let device = unsafe { device::<D>(dev) }?;
        there(out)?;
        device.with_state(|state| state.check_open())?;
        let place = device.snapshot()?;
        // SAFETY: see above.
        unsafe { store(out, place) };
        Ok(())
    };
    returned(snapshot())
}

unsafe extern "C" fn mmio_exec<D: Device>(
    dev: *mut HostDevice,
    ops: *mut MmioOp,
    count: u32,
) -> c_int {
    let exec = || {
        // SAFETY: see above.
        let device = unsafe { device::<D>(dev) }?;
        there(ops)?;
        if !device.has_client() {
            return Err(ENODEV);
        }
        if count > MAX_OPS {
            return Err(E2BIG);
        }
        // SAFETY: see above; the batch is the caller's own, so nobody else has it meanwhile.
        let ops = unsafe { core::slice::from_raw_parts_mut(ops, count as usize) };
        mmio::check(device.variant(), ops)?;
        mmio::execute(device, ops)
    };
    returned(exec())
}

unsafe extern "C" fn wake_get<D: Device>(dev: *mut HostDevice) -> c_int {
    // SAFETY: see above.
    returned(unsafe { device::<D>(dev) }.and_then(session::wake_get))
}

unsafe extern "C" fn wake_put<D: Device>(dev: *mut HostDevice) -> c_int {
    // SAFETY: see above.
    returned(unsafe { device::<D>(dev) }.and_then(session::wake_put))
}

unsafe extern "C" fn ggtt_reserve<D: Device>(
    dev: *mut HostDevice,
    request: *const GgttRequest,
    out: *mut GgttRange,
) -> c_int {
    let reserve = || {
        // SAFETY: see above.
        let device = unsafe { device::<D>(dev) }?;
        there(request)?;
        there(out)?;
        // SAFETY: see above.
        let range = ggtt::reserve(device, unsafe { &*request })?;
        // SAFETY: see above.
        unsafe { store(out, range) };
        Ok(())
    };
    returned(reserve())
}

unsafe extern "C" fn ggtt_release<D: Device>(dev: *mut HostDevice, range: u64) -> c_int {
    // SAFETY: see above.
    returned(unsafe { device::<D>(dev) }.and_then(|device| ggtt::release(device, range)))
}

unsafe extern "C" fn ggtt_write<D: Device>(
    dev: *mut HostDevice,
    range: u64,
    first: u32,
    entries: *const u64,
    count: u32,
) -> c_int {
    let write = || {
        // SAFETY: see above.
        let (device, entries) = unsafe { (device::<D>(dev)?, slice(entries, count as usize)?) };
        ggtt::write(device, range, first, entries)
    };
    returned(write())
}

unsafe extern "C" fn fences_reserve<D: Device>(
    dev: *mut HostDevice,
    count: u32,
    out: *mut u64,
) -> c_int {
    let reserve = || {
        // SAFETY: see above.
        let device = unsafe { device::<D>(dev) }?;
        there(out)?;
        let handle = fences::reserve(device, count)?;
        // SAFETY: see above.
        unsafe { store(out, handle) };
        Ok(())
    };
    returned(reserve())
}

unsafe extern "C" fn fences_release<D: Device>(dev: *mut HostDevice, handle: u64) -> c_int {
    // SAFETY: see above.
    returned(unsafe { device::<D>(dev) }.and_then(|device| fences::release(device, handle)))
}

unsafe extern "C" fn fence_write<D: Device>(
    dev: *mut HostDevice,
    handle: u64,
    index: u32,
    value: u64,
    range: u64,
) -> c_int {
    // SAFETY: see above.
    let device = unsafe { device::<D>(dev) };
    returned(device.and_then(|device| fences::write(device, handle, index, value, range)))
}

unsafe extern "C" fn buffer_alloc<D: Device>(
    dev: *mut HostDevice,
    size: u64,
    out: *mut Buffer,
) -> c_int {
    let alloc = || {
        // SAFETY: see above.
        let device = unsafe { device::<D>(dev) }?;
        there(out)?;
        let buffer = buffers::alloc(device, size)?;
        // SAFETY: see above.
        unsafe { store(out, buffer) };
        Ok(())
    };
    returned(alloc())
}

unsafe extern "C" fn buffer_free<D: Device>(dev: *mut HostDevice, buffer: u64) -> c_int {
    // SAFETY: see above.
    returned(unsafe { device::<D>(dev) }.and_then(|device| buffers::free(device, buffer)))
}

unsafe extern "C" fn buffer_read<D: Device>(
    dev: *mut HostDevice,
    buffer: u64,
    offset: u64,
    data: *mut u8,
    size: u64,
) -> c_int {
    let read = || {
        let size = count_of::<u8>(size, ERANGE)?;
        // SAFETY: see above.
        let (device, data) = unsafe { (device::<D>(dev)?, place(data, size)?) };
        buffers::read(device, buffer, offset, data)
    };
    returned(read())
}

unsafe extern "C" fn buffer_write<D: Device>(
    dev: *mut HostDevice,
    buffer: u64,
    offset: u64,
    data: *const u8,
    size: u64,
) -> c_int {
    let write = || {
        let size = count_of::<u8>(size, ERANGE)?;
        // SAFETY: see above.
        let (device, data) = unsafe { (device::<D>(dev)?, slice(data, size)?) };
        buffers::write(device, buffer, offset, data)
    };
    returned(write())
}

unsafe extern "C" fn ctx_create<D: Device>(
    dev: *mut HostDevice,
    request: *const ContextRequest,
    out: *mut Context,
) -> c_int {
    let create = || {
        // SAFETY: see above.
        let device = unsafe { device::<D>(dev) }?;
        there(request)?;
        there(out)?;
        // SAFETY: see above.
        let context = contexts::create(device, unsafe { &*request })?;
        // SAFETY: see above.
        unsafe { store(out, context) };
        Ok(())
    };
    returned(create())
}

unsafe extern "C" fn ctx_destroy<D: Device>(dev: *mut HostDevice, context: u64) -> c_int {
    // SAFETY: see above.
    returned(unsafe { device::<D>(dev) }.and_then(|device| contexts::destroy(device, context)))
}

unsafe extern "C" fn ctx_read<D: Device>(
    dev: *mut HostDevice,
    context: u64,
    offset: u64,
    data: *mut u8,
    size: u64,
) -> c_int {
    let read = || {
        let size = count_of::<u8>(size, ERANGE)?;
        // SAFETY: see above.
        let (device, data) = unsafe { (device::<D>(dev)?, place(data, size)?) };
        contexts::read(device, context, offset, data)
    };
    returned(read())
}

unsafe extern "C" fn ctx_write<D: Device>(
    dev: *mut HostDevice,
    context: u64,
    offset: u64,
    data: *const u8,
    size: u64,
) -> c_int {
    let write = || {
        let size = count_of::<u8>(size, ERANGE)?;
        // SAFETY: see above.
        let (device, data) = unsafe { (device::<D>(dev)?, slice(data, size)?) };
        contexts::write(device, context, offset, data)
    };
    returned(write())
}

unsafe extern "C" fn ctx_submit<D: Device>(
    dev: *mut HostDevice,
    context: u64,
    submission: *const Submission,
) -> c_int {
    let submit = || {
        // SAFETY: see above.
        let device = unsafe { device::<D>(dev) }?;
        there(submission)?;
        // SAFETY: see above.
        let Submission {
            root,
            segments,
            count,
            tag,
        } = unsafe { submission.read() };
        let count = usize::try_from(count).map_err(|_| E2BIG)?;
        let mut commands: [&[u32]; MAX_SEGMENTS] = [&[]; MAX_SEGMENTS];
        let commands = commands.get_mut(..count).ok_or(E2BIG)?;
        // SAFETY: see above.
        let segments = unsafe { slice(segments, count) }?;
        for (commands, segment) in Iterator::zip(commands.iter_mut(), segments) {
            let count = count_of::<u32>(segment.count, E2BIG)?;
            // SAFETY: see above.
            *commands = unsafe { slice(segment.commands, count) }?;
        }
        contexts::submit(device, context, root, commands, tag)
    };
    returned(submit())
}

unsafe extern "C" fn ctx_kill<D: Device>(dev: *mut HostDevice, context: u64, tag: u64) -> c_int {
    // SAFETY: see above.
    returned(unsafe { device::<D>(dev) }.and_then(|device| contexts::kill(device, context, tag)))
}

// The calls of the client's table. It was checked by `open`: the functions are there, but for those of
// minor versions that the client does not have.

/// Tells the client that the host is about to suspend.
pub(crate) fn suspend(client: &Client) {
    // SAFETY: the client's functions and `private` are valid while it is the client, by the contract;
    // `World::with_client` sees to that.
    unsafe {
        if let Some(suspend) = client.table.suspend {
            suspend(client.private);
        }
    }
}

/// Tells the client that the host has resumed.
pub(crate) fn resume(client: &Client) {
    // SAFETY: as in `suspend`.
    unsafe {
        if let Some(resume) = client.table.resume {
            resume(client.private);
        }
    }
}

/// Tells the client that a context of the host's comes to an engine or has gone from it.
pub(crate) fn host_context(client: &Client, engine: u32, event: u32) {
    // SAFETY: as in `suspend`.
    unsafe {
        if let Some(host_context) = client.table.host_context {
            host_context(client.private, engine, event);
        }
    }
}

/// Tells the client that a submission has ended.
pub(crate) fn submit_done(client: &Client, context: u64, tag: u64, outcome: u32) {
    // SAFETY: as in `suspend`.
    unsafe {
        if let Some(submit_done) = client.table.submit_done {
            submit_done(client.private, context, tag, outcome);
        }
    }
}

/// The platform of what [`World::info`] says; a world only publishes GPUs that have one.
pub fn platform(info: &Info) -> Result<Platform> {
    Platform::from_number(info.platform).ok_or(EINVAL)
}

const _: () = {
    // The contract's error numbers are those that the kernel returns.
    assert!(errno::EBUSY == 16 && errno::ENODEV == 19 && errno::ETIMEDOUT == 110);
};
