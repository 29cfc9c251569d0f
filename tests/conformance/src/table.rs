// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The table's operations as the checks call them: this crate's only unsafe code.

mod client;
mod work;

pub(crate) use client::{End, Recorder, CLIENT};

use crate::Failure;
use core::cell::Cell;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr;
use iface::client::Offer;
use iface::table::take;
use iface::types::{GgttRange, GgttRequest, Info, MmioOp, Snapshot};
use iface::version::CLIENT_NEEDS;
use iface::{ClientTable, HostTable};

/// Compares what an operation returned with what the contract says.
pub(crate) fn expect(what: &'static str, got: i32, wanted: i32) -> Result<(), Failure> {
    ensure(what, got.into(), wanted.into())
}

/// Compares two numbers.
pub(crate) fn ensure(what: &'static str, got: i64, wanted: i64) -> Result<(), Failure> {
    if got == wanted {
        Ok(())
    } else {
        Err(Failure { what, got, wanted })
    }
}

/// A table that was found acceptable, to be called in any way.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    table: HostTable,
    valid: PhantomData<&'a HostTable>,
}

/// Calls an operation; what it is given is right, or wrong in a way that the contract foresees.
macro_rules! call {
    ($self:expr, $operation:ident $(, $argument:expr)*) => {
        match $self.table.$operation {
            // SAFETY: the table was checked and is valid for `'a`. Pointers are null, or lead to
            // as much memory of the right type as the operation may touch.
            Some(operation) => unsafe { operation($self.table.device $(, $argument)*) },
            None => -iface::errno::EOPNOTSUPP,
        }
    };
}
use call;

impl<'a> Table<'a> {
    /// # Safety
    ///
    /// As [`Offer::from_platform_data`].
    pub(crate) unsafe fn new(platform_data: *const c_void) -> Result<Self, Failure> {
        const REFUSED: Failure = Failure {
            what: "offer",
            got: -1,
            wanted: 0,
        };
        // SAFETY: the caller's promise.
        unsafe { Offer::<'a>::from_platform_data(platform_data) }.map_err(|_| REFUSED)?;
        // SAFETY: as above.
        let table = unsafe { take(platform_data, CLIENT_NEEDS) }.map_err(|_| REFUSED)?;
        Ok(Self {
            table,
            valid: PhantomData,
        })
    }

    pub(crate) fn open(&self) -> i32 {
        self.open_as(Some(&CLIENT))
    }

    /// Opens with that table.
    pub(crate) fn open_as(&self, client: Option<&ClientTable>) -> i32 {
        call!(
            self,
            open,
            client.map_or(ptr::null(), ptr::from_ref),
            ptr::null_mut()
        )
    }

    pub(crate) fn close(&self) -> i32 {
        call!(self, close)
    }

    /// Fills what `size` says of `out`, which has room for a whole `Info` and some bytes more.
    pub(crate) fn info_into(&self, out: Option<&Cell<[u8; INFO_ROOM]>>, size: u32) -> i32 {
        debug_assert!(size as usize <= INFO_ROOM);
        call!(
            self,
            info,
            out.map_or(ptr::null_mut(), |out| out.as_ptr().cast::<Info>()),
            size
        )
    }

    pub(crate) fn info(&self) -> Result<Info, i32> {
        let mut info = MaybeUninit::<Info>::zeroed();
        match call!(self, info, info.as_mut_ptr(), size_of::<Info>() as u32) {
            // SAFETY: numbers and pointers, all zeros at first.
            0 => Ok(unsafe { info.assume_init() }),
            error => Err(error),
        }
    }

    pub(crate) fn snapshot(&self) -> Result<&'a [u8], i32> {
        let mut place = MaybeUninit::<Snapshot>::zeroed();
        match call!(self, snapshot, place.as_mut_ptr()) {
            0 => {
                // SAFETY: numbers and pointers, all zeros at first.
                let place = unsafe { place.assume_init() };
                // SAFETY: the contract: so many bytes, constant as long as the table is there.
                Ok(unsafe { core::slice::from_raw_parts(place.data, place.size as usize) })
            }
            error => Err(error),
        }
    }

    pub(crate) fn snapshot_nowhere(&self) -> i32 {
        call!(self, snapshot, ptr::null_mut())
    }

    pub(crate) fn mmio_exec(&self, ops: &mut [MmioOp]) -> i32 {
        call!(self, mmio_exec, ops.as_mut_ptr(), ops.len() as u32)
    }

    /// A batch of which only the number is told: with one that is too high nothing is read.
    pub(crate) fn mmio_exec_counted(&self, first: Option<&mut MmioOp>, count: u32) -> i32 {
        call!(
            self,
            mmio_exec,
            first.map_or(ptr::null_mut(), ptr::from_mut),
            count
        )
    }

    pub(crate) fn wake_get(&self) -> i32 {
        call!(self, wake_get)
    }

    pub(crate) fn wake_put(&self) -> i32 {
        call!(self, wake_put)
    }

    pub(crate) fn ggtt_reserve(&self, request: &GgttRequest) -> Result<GgttRange, i32> {
        let mut range = GgttRange::default();
        match call!(
            self,
            ggtt_reserve,
            ptr::from_ref(request),
            ptr::from_mut(&mut range)
        ) {
            0 => Ok(range),
            error => Err(error),
        }
    }

    pub(crate) fn ggtt_reserve_nowhere(&self, request: Option<&GgttRequest>) -> i32 {
        call!(
            self,
            ggtt_reserve,
            request.map_or(ptr::null(), ptr::from_ref),
            ptr::null_mut()
        )
    }

    pub(crate) fn ggtt_release(&self, range: u64) -> i32 {
        call!(self, ggtt_release, range)
    }

    pub(crate) fn ggtt_write(&self, range: u64, first: u32, entries: &[u64]) -> i32 {
        call!(
            self,
            ggtt_write,
            range,
            first,
            entries.as_ptr(),
            entries.len() as u32
        )
    }

    pub(crate) fn ggtt_write_from_nowhere(&self, range: u64) -> i32 {
        call!(self, ggtt_write, range, 0, ptr::null(), 1)
    }

    pub(crate) fn fences_reserve(&self, count: u32) -> Result<u64, i32> {
        let mut handle = 0;
        match call!(self, fences_reserve, count, ptr::from_mut(&mut handle)) {
            0 => Ok(handle),
            error => Err(error),
        }
    }

    pub(crate) fn fences_reserve_nowhere(&self) -> i32 {
        call!(self, fences_reserve, 1, ptr::null_mut())
    }

    pub(crate) fn fences_release(&self, fences: u64) -> i32 {
        call!(self, fences_release, fences)
    }

    pub(crate) fn fence_write(&self, fences: u64, index: u32, value: u64, range: u64) -> i32 {
        call!(self, fence_write, fences, index, value, range)
    }
}

/// Bytes that [`Table::info_into`] may fill.
pub(crate) const INFO_ROOM: usize = size_of::<Info>() + 16;
