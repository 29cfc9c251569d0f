// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Clients: one that does nothing, and one that notes what it is told.

use super::{expect, Table};
use crate::Outcome;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use iface::events::{OUTCOME_CANCELLED, OUTCOME_DONE};
use iface::ClientTable;

unsafe extern "C" fn no_sleep(_: *mut c_void) {}
unsafe extern "C" fn no_host_context(_: *mut c_void, _: u32, _: u32) {}
unsafe extern "C" fn no_done(_: *mut c_void, _: u64, _: u64, _: u32) {}

/// A client that does nothing.
pub(crate) const CLIENT: ClientTable = ClientTable {
    header: ClientTable::HEADER,
    suspend: Some(no_sleep),
    resume: Some(no_sleep),
    host_context: Some(no_host_context),
    submit_done: Some(no_done),
};

/// A client that notes what it is told.
static RECORDING: ClientTable = ClientTable {
    host_context: Some(note_host_context),
    submit_done: Some(note_done),
    ..CLIENT
};

/// The end of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) context: u64,
    pub(crate) tag: u64,
    pub(crate) outcome: u32,
}

/// What a client was told.
#[derive(Default)]
pub(crate) struct Recorder {
    ends: AtomicU32,
    context: AtomicU64,
    tag: AtomicU64,
    outcome: AtomicU32,
    done: AtomicU32,
    cancelled: AtomicU32,
    foreign: AtomicU32,
}

impl Recorder {
    /// How many submissions have ended.
    pub(crate) fn ends(&self) -> u32 {
        self.ends.load(Ordering::Acquire)
    }

    /// The one that ended last.
    pub(crate) fn last_end(&self) -> End {
        End {
            context: self.context.load(Ordering::Relaxed),
            tag: self.tag.load(Ordering::Relaxed),
            outcome: self.outcome.load(Ordering::Relaxed),
        }
    }

    /// How many of them executed everything.
    pub(crate) fn done(&self) -> u32 {
        self.done.load(Ordering::Acquire)
    }

    /// How many of them were cancelled.
    pub(crate) fn cancelled(&self) -> u32 {
        self.cancelled.load(Ordering::Acquire)
    }

    /// How many events of contexts that are not the client's there were.
    pub(crate) fn foreign(&self) -> u32 {
        self.foreign.load(Ordering::SeqCst)
    }
}

unsafe extern "C" fn note_host_context(private: *mut c_void, _engine: u32, _event: u32) {
    // SAFETY: what `Table::recorded` passed, valid until `close` has returned.
    let recorder = unsafe { &*private.cast::<Recorder>() };
    recorder.foreign.fetch_add(1, Ordering::SeqCst);
}

unsafe extern "C" fn note_done(private: *mut c_void, context: u64, tag: u64, outcome: u32) {
    // SAFETY: as above.
    let recorder = unsafe { &*private.cast::<Recorder>() };
    recorder.context.store(context, Ordering::Relaxed);
    recorder.tag.store(tag, Ordering::Relaxed);
    recorder.outcome.store(outcome, Ordering::Relaxed);
    match outcome {
        OUTCOME_DONE => recorder.done.fetch_add(1, Ordering::Relaxed),
        OUTCOME_CANCELLED => recorder.cancelled.fetch_add(1, Ordering::Relaxed),
        _ => 0,
    };
    recorder.ends.fetch_add(1, Ordering::Release);
}

impl Table<'_> {
    /// Opens the device, runs `f` with what the client is told, and closes it.
    pub(crate) fn recorded(&self, f: impl FnOnce(&Recorder) -> Outcome) -> Outcome {
        let recorder = Recorder::default();
        let private = ptr::from_ref(&recorder).cast_mut().cast::<c_void>();
        let opened = super::call!(self, open, &RECORDING, private);
        expect("open", opened, 0)?;
        let outcome = f(&recorder);
        // `f` may have done so.
        self.close();
        outcome
    }
}
