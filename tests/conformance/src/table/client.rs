// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Clients: one that does nothing, and one that notes what it is told.

use super::{expect, Table};
use crate::Outcome;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use iface::events::{OUTCOME_CANCELLED, RESET_DONE, RESET_PREPARE, SCHEDULE_IN};
use iface::ClientTable;

unsafe extern "C" fn no_reset(_: *mut c_void, _: u32, _: u32) {}
unsafe extern "C" fn no_sleep(_: *mut c_void) {}
unsafe extern "C" fn no_schedule(_: *mut c_void, _: u32, _: u64, _: u32) {}
unsafe extern "C" fn no_done(_: *mut c_void, _: u64, _: u64, _: u32) {}

/// A client that does nothing.
pub(crate) const CLIENT: ClientTable = ClientTable {
    header: ClientTable::HEADER,
    gpu_reset: Some(no_reset),
    suspend: Some(no_sleep),
    resume: Some(no_sleep),
    schedule_event: Some(no_schedule),
    submit_done: Some(no_done),
};

/// A client that notes what it is told.
static RECORDING: ClientTable = ClientTable {
    gpu_reset: Some(note_reset),
    schedule_event: Some(note_schedule),
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
    cancelled: AtomicU32,
    /// The context whose scheduling is counted.
    watched: AtomicU64,
    ins: AtomicU32,
    outs: AtomicU32,
    /// The engine that it came to last.
    engine: AtomicU32,
    foreign: AtomicU32,
    resets: [AtomicU32; 2],
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

    /// How many of them were cancelled.
    pub(crate) fn cancelled(&self) -> u32 {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Counts the events of `context` from now on.
    pub(crate) fn watch(&self, context: u64) {
        self.watched.store(context, Ordering::SeqCst);
        for counter in [&self.ins, &self.outs, &self.engine] {
            counter.store(0, Ordering::SeqCst);
        }
    }

    /// How often what is watched came to an engine and went, and the mask of the last engine.
    pub(crate) fn scheduled(&self) -> (u32, u32, u32) {
        let [ins, outs, engine] =
            [&self.ins, &self.outs, &self.engine].map(|counter| counter.load(Ordering::SeqCst));
        (ins, outs, engine)
    }

    /// How many events of contexts that are not the client's there were.
    pub(crate) fn foreign(&self) -> u32 {
        self.foreign.load(Ordering::SeqCst)
    }

    /// How many resets began and ended.
    pub(crate) fn resets(&self) -> (u32, u32) {
        let [prepare, done] = &self.resets;
        (prepare.load(Ordering::SeqCst), done.load(Ordering::SeqCst))
    }
}

unsafe extern "C" fn note_reset(private: *mut c_void, _engines: u32, phase: u32) {
    // SAFETY: what `Table::recorded` passed, valid until `close` has returned.
    let recorder = unsafe { &*private.cast::<Recorder>() };
    let [prepare, done] = &recorder.resets;
    match phase {
        RESET_PREPARE => prepare.fetch_add(1, Ordering::SeqCst),
        RESET_DONE => done.fetch_add(1, Ordering::SeqCst),
        _ => 0,
    };
}

unsafe extern "C" fn note_schedule(private: *mut c_void, engine: u32, context: u64, event: u32) {
    // SAFETY: as above.
    let recorder = unsafe { &*private.cast::<Recorder>() };
    if context == 0 {
        recorder.foreign.fetch_add(1, Ordering::SeqCst);
    }
    if context == 0 || context != recorder.watched.load(Ordering::SeqCst) {
        return;
    }
    if event == SCHEDULE_IN {
        recorder.ins.fetch_add(1, Ordering::SeqCst);
        recorder.engine.store(engine, Ordering::SeqCst);
    } else {
        recorder.outs.fetch_add(1, Ordering::SeqCst);
    }
}

unsafe extern "C" fn note_done(private: *mut c_void, context: u64, tag: u64, outcome: u32) {
    // SAFETY: as above.
    let recorder = unsafe { &*private.cast::<Recorder>() };
    recorder.context.store(context, Ordering::Relaxed);
    recorder.tag.store(tag, Ordering::Relaxed);
    recorder.outcome.store(outcome, Ordering::Relaxed);
    if outcome == OUTCOME_CANCELLED {
        recorder.cancelled.fetch_add(1, Ordering::Relaxed);
    }
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
