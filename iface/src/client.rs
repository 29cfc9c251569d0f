// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The safe face of the contract for a client: the only code that calls through a [`HostTable`].
//!
//! [`Offer`] is a table that was found and checked, [`Host`] one that was opened. All of the
//! unsafe code that a client needs is here and at the two places that call
//! [`Offer::from_platform_data`] and [`Offer::open`].

mod refusal;

pub use refusal::Refusal;

use crate::errno::{E2BIG, EINVAL, EOPNOTSUPP};
use crate::events::{
    ClientTable, HOST_CONTEXT_IN, HOST_CONTEXT_OUT, OUTCOME_CANCELLED, OUTCOME_DONE, OUTCOME_HUNG,
};
use crate::host::{HostDevice, HostTable};
use crate::layout;
use crate::snapshot::{Blob, Damage};
use crate::table::take;
use crate::types::{
    Buffer, Context, ContextRequest, GgttRange, GgttRequest, Info, MmioOp, Segment, Snapshot,
    Submission, MAX_SEGMENTS,
};
use crate::version::{Mismatch, Version, CLIENT_MAGIC, CLIENT_NEEDS};
use core::ffi::{c_int, c_void};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr;

/// An error number of the contract, greater than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(c_int);

impl Errno {
    /// The number, for example [`EINVAL`].
    pub const fn number(self) -> c_int {
        self.0
    }

    /// What an operation returned as a result. What is no error number counts as [`EINVAL`].
    fn check(returned: c_int) -> Result<(), Self> {
        match returned {
            0 => Ok(()),
            -4095..=-1 => Err(Self(-returned)),
            _ => Err(Self(EINVAL)),
        }
    }
}

/// Which way a context goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the engine.
    In,
    /// From it.
    Out,
}

/// How a submission ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All was executed.
    Done,
    /// The engine hung in it; the context is dead.
    Hung,
    /// It was killed, or lost; the context is dead.
    Cancelled,
}

/// What a client does when something happens to the GPU; see [`ClientTable`] for what each may do.
pub trait Events: Sync {
    /// The host is about to suspend.
    fn suspend(&self);
    /// The host has resumed.
    fn resume(&self);
    /// A context that is not ours comes to an engine or has gone from it.
    fn host_context(&self, engine: u32, direction: Direction);
    /// A submission has ended.
    fn submit_done(&self, context: u64, tag: u64, outcome: Outcome);
}

/// The client table of a receiver of events.
struct Callbacks<E>(PhantomData<E>);

impl<E: Events> Callbacks<E> {
    const TABLE: ClientTable = ClientTable {
        header: ClientTable::HEADER,
        suspend: Some(Self::suspend),
        resume: Some(Self::resume),
        host_context: Some(Self::host_context),
        submit_done: Some(Self::submit_done),
    };

    unsafe extern "C" fn suspend(private: *mut c_void) {
        // SAFETY: `private` is the `&E` that `Offer::open` gave, valid until `close` has returned.
        unsafe { &*private.cast::<E>() }.suspend();
    }

    unsafe extern "C" fn resume(private: *mut c_void) {
        // SAFETY: as in `suspend`.
        unsafe { &*private.cast::<E>() }.resume();
    }

    unsafe extern "C" fn host_context(private: *mut c_void, engine: u32, event: u32) {
        let direction = match event {
            HOST_CONTEXT_IN => Direction::In,
            HOST_CONTEXT_OUT => Direction::Out,
            _ => return,
        };
        // SAFETY: as in `suspend`.
        unsafe { &*private.cast::<E>() }.host_context(engine, direction);
    }

    unsafe extern "C" fn submit_done(private: *mut c_void, context: u64, tag: u64, outcome: u32) {
        let outcome = match outcome {
            OUTCOME_DONE => Outcome::Done,
            OUTCOME_HUNG => Outcome::Hung,
            OUTCOME_CANCELLED => Outcome::Cancelled,
            // What is unknown was not executed for all we know, and is not to go on.
            _ => Outcome::Hung,
        };
        // SAFETY: as in `suspend`.
        unsafe { &*private.cast::<E>() }.submit_done(context, tag, outcome);
    }
}

/// A host table that was found acceptable.
#[derive(Clone, Copy)]
pub struct Offer<'a> {
    table: HostTable,
    /// As long as the functions of the table can be called.
    valid: PhantomData<&'a HostTable>,
}

impl<'a> Offer<'a> {
    /// Checks the table that the platform data of an `i915.gvt` device points to.
    ///
    /// # Errors
    ///
    /// Why it can't be used; its text is the line that a client prints.
    ///
    /// # Safety
    ///
    /// As [`take`] of a [`HostTable`]. This and the functions in it stay valid and constant for `'a`.
    pub unsafe fn from_platform_data(data: *const c_void) -> Result<Self, Refusal> {
        // SAFETY: the caller's promise.
        let table = unsafe { take::<HostTable>(data, CLIENT_NEEDS) };
        let table = table.map_err(|(host, mismatch)| Refusal::host(host, mismatch))?;
        // The other direction: what the host needs of us. The hash is our own in both places.
        ClientTable::HEADER
            .accept(
                CLIENT_MAGIC,
                table.header.needs(),
                size_of::<ClientTable>(),
                Some(layout::hash(Version::CURRENT.minor)),
            )
            .map_err(|mismatch| {
                Refusal::client(table.header.version(), table.header.needs(), mismatch)
            })?;
        Ok(Self {
            table,
            valid: PhantomData,
        })
    }

    /// The version that the host offers.
    pub fn version(&self) -> Version {
        self.table.header.version()
    }

    /// The features that the host offers.
    pub fn features(&self) -> u64 {
        self.table.header.features
    }

    /// Becomes the device's client, whose events go to `events`.
    ///
    /// # Errors
    ///
    /// Why the host refuses; its text is the line that a client prints.
    ///
    /// # Safety
    ///
    /// `events` stays where it is, and valid, until the returned [`Host`] was dropped, and that
    /// happens before `'a` ends: it is not leaked.
    pub unsafe fn open<E: Events>(self, events: *const E) -> Result<Host<'a>, Refusal> {
        let Some(open) = self.table.open else {
            return Err(Refusal::host(
                Some(self.version()),
                Mismatch::Function { name: "open" },
            ));
        };
        let private = events.cast_mut().cast::<c_void>();
        // SAFETY: the table is valid and was checked; our own is a constant, and `private` is valid
        // until `close`, by the caller's promise.
        let returned = unsafe { open(self.table.device, &Callbacks::<E>::TABLE, private) };
        Errno::check(returned).map_err(|errno| Refusal::open(self.version(), errno))?;
        Ok(Host {
            table: self.table,
            valid: PhantomData,
        })
    }
}

/// A GPU whose client we are, until this is dropped.
///
/// The methods are the operations of [`HostTable`] with the same errors and rules.
pub struct Host<'a> {
    table: HostTable,
    /// As long as the functions of the table can be called.
    valid: PhantomData<&'a HostTable>,
}

/// Calls an operation: those of the common minor version were found to be there when the offer was
/// checked, those of later ones are null.
macro_rules! call {
    ($host:expr, $operation:ident $(, $arg:expr)*) => {
        match $host.table.$operation {
            // SAFETY: the table was checked, and its functions stay valid for `'a`; pointers lead to memory
            // of the types that the operation's signature names, borrowed for the call.
            Some(operation) => Errno::check(unsafe { operation($host.table.device $(, $arg)*) }),
            None => Err(Errno(EOPNOTSUPP)),
        }
    };
}

impl<'a> Host<'a> {
    /// The version that the host offers.
    pub fn version(&self) -> Version {
        self.table.header.version()
    }

    /// Describes the GPU.
    pub fn info(&self) -> Result<Info, Errno> {
        let mut info = MaybeUninit::<Info>::zeroed();
        call!(self, info, info.as_mut_ptr(), size_of::<Info>() as u32)?;
        // SAFETY: `Info` is made of numbers and pointers: zeros are valid, and so is whatever the
        // host wrote over them.
        Ok(unsafe { info.assume_init() })
    }

    /// The golden snapshot.
    pub fn snapshot(&self) -> Result<Golden<'a>, Errno> {
        let mut place = MaybeUninit::<Snapshot>::zeroed();
        call!(self, snapshot, place.as_mut_ptr())?;
        // SAFETY: as in `info`.
        let place = unsafe { place.assume_init() };
        let size = usize::try_from(place.size).map_err(|_| Errno(EINVAL))?;
        if place.data.is_null() || isize::try_from(size).is_err() {
            return Err(Errno(EINVAL));
        }
        // SAFETY: the contract: so many bytes, constant and valid until the client's remove
        // returns, which `'a` does not outlive.
        let bytes = unsafe { core::slice::from_raw_parts(place.data, size) };
        Ok(Golden { bytes })
    }

    /// Executes register accesses with forcewake held.
    pub fn mmio_exec(&self, ops: &mut [MmioOp]) -> Result<(), Errno> {
        let count = u32::try_from(ops.len()).unwrap_or(u32::MAX);
        call!(self, mmio_exec, ops.as_mut_ptr(), count)
    }

    /// Wakes the GPU, and keeps it awake as long as what is returned lives.
    pub fn wake(&self) -> Result<Wake<'_>, Errno> {
        call!(self, wake_get)?;
        Ok(Wake { table: &self.table })
    }

    /// Takes a range out of the GGTT.
    pub fn ggtt_reserve(&self, request: &GgttRequest) -> Result<GgttRange, Errno> {
        let mut range = GgttRange::default();
        call!(
            self,
            ggtt_reserve,
            ptr::from_ref(request),
            ptr::from_mut(&mut range)
        )?;
        Ok(range)
    }

    /// Gives a range back.
    pub fn ggtt_release(&self, range: u64) -> Result<(), Errno> {
        call!(self, ggtt_release, range)
    }

    /// Writes entries of a range.
    pub fn ggtt_write(&self, range: u64, first: u32, entries: &[u64]) -> Result<(), Errno> {
        let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        call!(self, ggtt_write, range, first, entries.as_ptr(), count)
    }

    /// Takes fence registers.
    pub fn fences_reserve(&self, count: u32) -> Result<u64, Errno> {
        let mut handle = 0;
        call!(self, fences_reserve, count, ptr::from_mut(&mut handle))?;
        Ok(handle)
    }

    /// Gives fence registers back.
    pub fn fences_release(&self, fences: u64) -> Result<(), Errno> {
        call!(self, fences_release, fences)
    }

    /// Writes a fence register.
    pub fn fence_write(
        &self,
        fences: u64,
        index: u32,
        value: u64,
        range: u64,
    ) -> Result<(), Errno> {
        call!(self, fence_write, fences, index, value, range)
    }

    /// Allocates a buffer in the host's part of the GGTT.
    pub fn buffer_alloc(&self, size: u64) -> Result<Buffer, Errno> {
        let mut buffer = Buffer::default();
        call!(self, buffer_alloc, size, ptr::from_mut(&mut buffer))?;
        Ok(buffer)
    }

    /// Frees a buffer.
    pub fn buffer_free(&self, buffer: u64) -> Result<(), Errno> {
        call!(self, buffer_free, buffer)
    }

    /// Reads a buffer from `offset` on.
    pub fn buffer_read(&self, buffer: u64, offset: u64, data: &mut [u8]) -> Result<(), Errno> {
        let size = data.len() as u64;
        call!(self, buffer_read, buffer, offset, data.as_mut_ptr(), size)
    }

    /// Writes a buffer from `offset` on.
    pub fn buffer_write(&self, buffer: u64, offset: u64, data: &[u8]) -> Result<(), Errno> {
        let size = data.len() as u64;
        call!(self, buffer_write, buffer, offset, data.as_ptr(), size)
    }

    /// Makes a logical context.
    pub fn ctx_create(&self, request: &ContextRequest) -> Result<Context, Errno> {
        let mut context = Context::default();
        call!(
            self,
            ctx_create,
            ptr::from_ref(request),
            ptr::from_mut(&mut context)
        )?;
        Ok(context)
    }

    /// Destroys a context that is idle or dead.
    pub fn ctx_destroy(&self, context: u64) -> Result<(), Errno> {
        call!(self, ctx_destroy, context)
    }

    /// Reads a context's image from `offset` on.
    pub fn ctx_read(&self, context: u64, offset: u64, data: &mut [u8]) -> Result<(), Errno> {
        let size = data.len() as u64;
        call!(self, ctx_read, context, offset, data.as_mut_ptr(), size)
    }

    /// Writes a context's image from `offset` on.
    pub fn ctx_write(&self, context: u64, offset: u64, data: &[u8]) -> Result<(), Errno> {
        let size = data.len() as u64;
        call!(self, ctx_write, context, offset, data.as_ptr(), size)
    }

    /// Has a context execute commands in the address space of the PML4 table at `root`: segments of
    /// them one after the other, at the most [`MAX_SEGMENTS`].
    pub fn ctx_submit(
        &self,
        context: u64,
        root: u64,
        commands: &[&[u32]],
        tag: u64,
    ) -> Result<(), Errno> {
        let mut segments = [const { Segment::of(&[]) }; MAX_SEGMENTS];
        let segments = segments.get_mut(..commands.len()).ok_or(Errno(E2BIG))?;
        for (segment, commands) in Iterator::zip(segments.iter_mut(), commands) {
            *segment = Segment::of(commands);
        }
        let submission = Submission {
            root,
            segments: segments.as_ptr(),
            count: segments.len() as u64,
            tag,
        };
        call!(self, ctx_submit, context, ptr::from_ref(&submission))
    }

    /// Ends the submission with that tag, if it is what a context executes.
    pub fn ctx_kill(&self, context: u64, tag: u64) -> Result<(), Errno> {
        call!(self, ctx_kill, context, tag)
    }
}

impl Drop for Host<'_> {
    fn drop(&mut self) {
        // It can only fail if the device is not open, which it is.
        let _ = call!(self, close);
    }
}

/// The GPU is awake as long as this lives.
pub struct Wake<'h> {
    table: &'h HostTable,
}

impl Drop for Wake<'_> {
    fn drop(&mut self) {
        // It can only fail if nothing was taken, which was.
        let _ = call!(self, wake_put);
    }
}

/// The golden snapshot as the host hands it out.
#[derive(Clone, Copy)]
pub struct Golden<'a> {
    bytes: &'a [u8],
}

impl<'a> Golden<'a> {
    /// Its bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Checks it, and reads it then.
    ///
    /// # Errors
    ///
    /// What is damaged.
    pub fn blob(&self) -> Result<Blob<'a>, Damage> {
        Blob::new(self.bytes)
    }
}

const _: () = {
    // A table of this size can be told in the header's 32 bits.
    assert!(size_of::<HostTable>() < u32::MAX as usize);
    // What `HostDevice` is does not matter here, only that it is thin.
    assert!(size_of::<*mut HostDevice>() == size_of::<usize>());
};

#[cfg(test)]
mod tests;
