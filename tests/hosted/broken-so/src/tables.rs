// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The tables, each right but for one thing.

use crate::broken::{break_as, Pointer};
use crate::CALLS;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::Relaxed;
use iface::events::ClientTable;
use iface::host::{HostDevice, HostTable};
use iface::layout::HASHES;
use iface::types::{
    Buffer, Context, ContextRequest, GgttRange, GgttRequest, Info, MmioOp, Snapshot, Submission,
};

/// What operations return, should a client call one in spite of all.
const EIO: c_int = -5;

/// A table and what its header points to. It does not move once its address is given away.
pub struct Fixture {
    table: HostTable,
    layouts: [u64; HASHES.len()],
    pointer: Pointer,
}

impl Fixture {
    /// The table of a case, if there is one of that name; `null NAME` takes the operation NAME out.
    pub fn new(case: &str) -> Option<Self> {
        let (mut table, mut layouts) = (right(), HASHES);
        let pointer = match case.split_once(' ') {
            Some(("null", name)) => take_out(&mut table, name).map(|()| Pointer::Table)?,
            _ => break_as(&mut table, &mut layouts, case)?,
        };
        Some(Fixture {
            table,
            layouts,
            pointer,
        })
    }

    /// What a device's platform data is set to. The layouts are hooked in here, where the fixture
    /// has its final address.
    pub fn platform_data(&mut self) -> *const c_void {
        self.table.header.layouts = self.layouts.as_ptr();
        self.pointer.to(&raw mut self.table)
    }
}

/// Makes one operation null.
fn take_out(table: &mut HostTable, name: &str) -> Option<()> {
    match name {
        "open" => table.open = None,
        "close" => table.close = None,
        "info" => table.info = None,
        "snapshot" => table.snapshot = None,
        "mmio_exec" => table.mmio_exec = None,
        "wake_get" => table.wake_get = None,
        "wake_put" => table.wake_put = None,
        "ggtt_reserve" => table.ggtt_reserve = None,
        "ggtt_release" => table.ggtt_release = None,
        "ggtt_write" => table.ggtt_write = None,
        "fences_reserve" => table.fences_reserve = None,
        "fences_release" => table.fences_release = None,
        "fence_write" => table.fence_write = None,
        "buffer_alloc" => table.buffer_alloc = None,
        "buffer_free" => table.buffer_free = None,
        "buffer_read" => table.buffer_read = None,
        "buffer_write" => table.buffer_write = None,
        "ctx_create" => table.ctx_create = None,
        "ctx_destroy" => table.ctx_destroy = None,
        "ctx_read" => table.ctx_read = None,
        "ctx_write" => table.ctx_write = None,
        "ctx_submit" => table.ctx_submit = None,
        "ctx_kill" => table.ctx_kill = None,
        _ => return None,
    }
    Some(())
}

/// Notes that an operation was called.
fn called() -> c_int {
    CALLS.fetch_add(1, Relaxed);
    EIO
}

/// A table of this build whose operations only count their calls.
fn right() -> HostTable {
    HostTable {
        header: HostTable::HEADER,
        device: null_mut(),
        open: Some(open),
        close: Some(one),
        info: Some(info),
        snapshot: Some(snapshot),
        mmio_exec: Some(mmio_exec),
        wake_get: Some(one),
        wake_put: Some(one),
        ggtt_reserve: Some(ggtt_reserve),
        ggtt_release: Some(two),
        ggtt_write: Some(ggtt_write),
        fences_reserve: Some(fences_reserve),
        fences_release: Some(two),
        fence_write: Some(fence_write),
        buffer_alloc: Some(buffer_alloc),
        buffer_free: Some(two),
        buffer_read: Some(read),
        buffer_write: Some(write),
        ctx_create: Some(ctx_create),
        ctx_destroy: Some(two),
        ctx_read: Some(read),
        ctx_write: Some(write),
        ctx_submit: Some(ctx_submit),
        ctx_kill: Some(ctx_kill),
    }
}

type Device = *mut HostDevice;

unsafe extern "C" fn open(_: Device, _: *const ClientTable, _: *mut c_void) -> c_int {
    called()
}
unsafe extern "C" fn one(_: Device) -> c_int {
    called()
}
unsafe extern "C" fn two(_: Device, _: u64) -> c_int {
    called()
}
unsafe extern "C" fn info(_: Device, _: *mut Info, _: u32) -> c_int {
    called()
}
unsafe extern "C" fn snapshot(_: Device, _: *mut Snapshot) -> c_int {
    called()
}
unsafe extern "C" fn mmio_exec(_: Device, _: *mut MmioOp, _: u32) -> c_int {
    called()
}
unsafe extern "C" fn ggtt_reserve(_: Device, _: *const GgttRequest, _: *mut GgttRange) -> c_int {
    called()
}
unsafe extern "C" fn ggtt_write(_: Device, _: u64, _: u32, _: *const u64, _: u32) -> c_int {
    called()
}
unsafe extern "C" fn fences_reserve(_: Device, _: u32, _: *mut u64) -> c_int {
    called()
}
unsafe extern "C" fn fence_write(_: Device, _: u64, _: u32, _: u64, _: u64) -> c_int {
    called()
}
unsafe extern "C" fn buffer_alloc(_: Device, _: u64, _: *mut Buffer) -> c_int {
    called()
}
unsafe extern "C" fn read(_: Device, _: u64, _: u64, _: *mut u8, _: u64) -> c_int {
    called()
}
unsafe extern "C" fn write(_: Device, _: u64, _: u64, _: *const u8, _: u64) -> c_int {
    called()
}
unsafe extern "C" fn ctx_create(_: Device, _: *const ContextRequest, _: *mut Context) -> c_int {
    called()
}
unsafe extern "C" fn ctx_submit(_: Device, _: u64, _: *const Submission) -> c_int {
    called()
}
unsafe extern "C" fn ctx_kill(_: Device, _: u64, _: u64) -> c_int {
    called()
}
