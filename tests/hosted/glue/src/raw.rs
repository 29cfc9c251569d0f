// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The table's operations as a client calls them that does not use `iface`'s safe face.
//!
//! What returns a number returns what the operation does.

use crate::bed::Bed;
use gen9_gpu::log::Space;
use iface::events::ClientTable;
use iface::fence::{TILE_Y, VALID};
use iface::types::{
    Buffer, Context, ContextRequest, GgttRange, GgttRequest, Info, MmioOp, Segment, Snapshot,
    Submission, GGTT_PAGE_SIZE,
};
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::null_mut;

/// The value of a fence over pages of the aperture.
pub fn fence(start: u64, pages: u64) -> u64 {
    let last = start + (pages - 1) * GGTT_PAGE_SIZE;
    // Rows of one tile.
    last << 32 | start | TILE_Y | VALID
}

unsafe extern "C" fn nothing(_: *mut c_void) {}
unsafe extern "C" fn scheduled(_: *mut c_void, _: u32, _: u32) {}
unsafe extern "C" fn done(_: *mut c_void, _: u64, _: u64, _: u32) {}

/// The table of a client that ignores all events.
pub fn client() -> ClientTable {
    ClientTable {
        header: ClientTable::HEADER,
        suspend: Some(nothing),
        resume: Some(nothing),
        host_context: Some(scheduled),
        submit_done: Some(done),
    }
}

/// A client's view of a table.
pub struct Raw<'b> {
    bed: &'b Bed,
}

/// Calls an operation of the table.
macro_rules! call {
    ($raw:expr, $operation:ident $(, $argument:expr)*) => {
        // SAFETY: the table of a bound GPU; pointers lead to memory of the right type and length.
        unsafe { $raw.bed.table().$operation.unwrap()($raw.bed.device() $(, $argument)*) }
    };
}

impl<'b> Raw<'b> {
    /// A client that has not opened.
    pub fn new(bed: &'b Bed) -> Self {
        Raw { bed }
    }

    /// A client that has.
    pub fn opened(bed: &'b Bed) -> Self {
        let raw = Raw { bed };
        assert_eq!(raw.open(&client()), 0);
        raw
    }

    /// Calls `open`.
    pub fn open(&self, client: &ClientTable) -> c_int {
        call!(self, open, client, null_mut())
    }

    /// Calls `close`.
    pub fn close(&self) -> c_int {
        call!(self, close)
    }

    /// Calls `info`, and asserts that it succeeds.
    pub fn info(&self) -> Info {
        let mut info = MaybeUninit::<Info>::uninit();
        let size = u32::try_from(size_of::<Info>()).unwrap();
        assert_eq!(call!(self, info, info.as_mut_ptr(), size), 0);
        // SAFETY: written by the operation.
        unsafe { info.assume_init() }
    }

    /// Calls `mmio_exec`.
    pub fn mmio(&self, ops: &mut [MmioOp]) -> c_int {
        let count = u32::try_from(ops.len()).unwrap();
        call!(self, mmio_exec, ops.as_mut_ptr(), count)
    }

    /// Calls `wake_get`.
    pub fn wake_get(&self) -> c_int {
        call!(self, wake_get)
    }

    /// Calls `wake_put`.
    pub fn wake_put(&self) -> c_int {
        call!(self, wake_put)
    }

    /// Calls `ggtt_reserve`; an error is what it returned.
    pub fn reserve(&self, request: GgttRequest) -> Result<GgttRange, c_int> {
        let mut range = GgttRange::default();
        match call!(self, ggtt_reserve, &raw const request, &raw mut range) {
            0 => Ok(range),
            error => Err(error),
        }
    }

    /// Calls `ggtt_release`.
    pub fn release(&self, range: u64) -> c_int {
        call!(self, ggtt_release, range)
    }

    /// Calls `ggtt_write`.
    pub fn write(&self, range: u64, first: u32, entries: &[u64]) -> c_int {
        let count = u32::try_from(entries.len()).unwrap();
        call!(self, ggtt_write, range, first, entries.as_ptr(), count)
    }

    /// Calls `fences_reserve`; an error is what it returned.
    pub fn fences(&self, count: u32) -> Result<u64, c_int> {
        let mut handle = 0;
        match call!(self, fences_reserve, count, &raw mut handle) {
            0 => Ok(handle),
            error => Err(error),
        }
    }

    /// Calls `fences_release`.
    pub fn fences_release(&self, fences: u64) -> c_int {
        call!(self, fences_release, fences)
    }

    /// Calls `fence_write`.
    pub fn fence_write(&self, fences: u64, index: u32, value: u64, range: u64) -> c_int {
        call!(self, fence_write, fences, index, value, range)
    }

    /// Calls `buffer_alloc`; an error is what it returned.
    pub fn buffer(&self, size: u64) -> Result<Buffer, c_int> {
        let mut buffer = Buffer::default();
        match call!(self, buffer_alloc, size, &raw mut buffer) {
            0 => Ok(buffer),
            error => Err(error),
        }
    }

    /// Calls `buffer_free`.
    pub fn buffer_free(&self, buffer: u64) -> c_int {
        call!(self, buffer_free, buffer)
    }

    /// Calls `buffer_read`.
    pub fn buffer_read(&self, buffer: u64, offset: u64, data: &mut [u8]) -> c_int {
        let size = data.len() as u64;
        call!(self, buffer_read, buffer, offset, data.as_mut_ptr(), size)
    }

    /// Calls `buffer_write`.
    pub fn buffer_write(&self, buffer: u64, offset: u64, data: &[u8]) -> c_int {
        let size = data.len() as u64;
        call!(self, buffer_write, buffer, offset, data.as_ptr(), size)
    }

    /// Calls `ctx_create`; an error is what it returned.
    pub fn context(&self, request: ContextRequest) -> Result<Context, c_int> {
        let mut context = Context::default();
        match call!(self, ctx_create, &raw const request, &raw mut context) {
            0 => Ok(context),
            error => Err(error),
        }
    }

    /// Calls `ctx_destroy`.
    pub fn ctx_destroy(&self, context: u64) -> c_int {
        call!(self, ctx_destroy, context)
    }

    /// Calls `ctx_read`.
    pub fn ctx_read(&self, context: u64, offset: u64, data: &mut [u8]) -> c_int {
        let size = data.len() as u64;
        call!(self, ctx_read, context, offset, data.as_mut_ptr(), size)
    }

    /// Calls `ctx_write`.
    pub fn ctx_write(&self, context: u64, offset: u64, data: &[u8]) -> c_int {
        let size = data.len() as u64;
        call!(self, ctx_write, context, offset, data.as_ptr(), size)
    }

    /// Calls `ctx_submit`.
    pub fn submit(&self, context: u64, root: u64, commands: &[u32], tag: u64) -> c_int {
        self.submit_segments(context, root, &[commands], tag)
    }

    /// Calls `ctx_submit`, with any number of segments.
    pub fn submit_segments(&self, context: u64, root: u64, commands: &[&[u32]], tag: u64) -> c_int {
        let segments: Vec<_> = commands.iter().copied().map(Segment::of).collect();
        let submission = Submission {
            root,
            segments: segments.as_ptr(),
            count: segments.len() as u64,
            tag,
        };
        call!(self, ctx_submit, context, &raw const submission)
    }

    /// Calls `ctx_kill`.
    pub fn kill(&self, context: u64, tag: u64) -> c_int {
        call!(self, ctx_kill, context, tag)
    }

    /// What each operation but `open` returns for arguments that are good in themselves.
    pub fn all_but_open(&self) -> Vec<(&'static str, c_int)> {
        let (mut info, mut snapshot) = (
            MaybeUninit::<Info>::uninit(),
            MaybeUninit::<Snapshot>::uninit(),
        );
        let request = GgttRequest {
            size: 4096,
            align: 4096,
            ..GgttRequest::default()
        };
        let mut range = GgttRange::default();
        let mut handle = 0;
        let mut op = MmioOp::default();
        let small = ContextRequest {
            engine: 1,
            commands: 2,
            ..ContextRequest::default()
        };
        vec![
            ("close", call!(self, close)),
            ("info", call!(self, info, info.as_mut_ptr(), 8)),
            ("snapshot", call!(self, snapshot, snapshot.as_mut_ptr())),
            ("mmio_exec", call!(self, mmio_exec, &raw mut op, 1)),
            ("wake_get", call!(self, wake_get)),
            ("wake_put", call!(self, wake_put)),
            (
                "ggtt_reserve",
                call!(self, ggtt_reserve, &raw const request, &raw mut range),
            ),
            ("ggtt_release", self.release(1)),
            ("ggtt_write", self.write(1, 0, &[1])),
            (
                "fences_reserve",
                call!(self, fences_reserve, 1, &raw mut handle),
            ),
            ("fences_release", self.fences_release(1)),
            ("fence_write", self.fence_write(1, 0, 0, 1)),
            (
                "buffer_alloc",
                self.buffer(GGTT_PAGE_SIZE).err().unwrap_or(0),
            ),
            ("buffer_free", self.buffer_free(1)),
            ("buffer_read", self.buffer_read(1, 0, &mut [0])),
            ("buffer_write", self.buffer_write(1, 0, &[0])),
            ("ctx_create", self.context(small).err().unwrap_or(0)),
            ("ctx_destroy", self.ctx_destroy(1)),
            ("ctx_read", self.ctx_read(1, 0, &mut [0])),
            ("ctx_write", self.ctx_write(1, 0, &[0; 4])),
            ("ctx_submit", self.submit(1, 0, &[0, 0], 0)),
            ("ctx_kill", self.kill(1, 0)),
        ]
    }

    /// The entries of a range as the GPU sees them.
    pub fn entries(&self, range: &GgttRange) -> Vec<u64> {
        let first = range.start / GGTT_PAGE_SIZE;
        let pages = first..first + range.size / GGTT_PAGE_SIZE;
        pages
            .map(|page| self.bed.machine().ggtt_entry(page))
            .collect()
    }

    /// The entry that points to the scratch page.
    pub fn scratch(&self) -> u64 {
        gvt_host::World::scratch_entry(self.bed.card())
    }

    /// Register accesses so far.
    pub fn accesses(&self) -> usize {
        let gpu = self.bed.machine().gpu();
        let accesses = gpu.uncore().log.accesses();
        accesses
            .filter(|access| access.space == Space::Register)
            .count()
    }
}
