// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The call-backs by which the host half tells its client what happens to the GPU.
//!
//! # Rules for all of them
//!
//! - `private` is what the client gave to `open`.
//! - They are called between `open` and the return of `close` only. They may be called at the
//!   same time from different threads; the same one of a device is not, but for resets and
//!   scheduling of different engines, and the ends of different submissions.
//! - They may call operations of the host table, but for `open` and `close`, where their own text
//!   does not say otherwise.

use crate::layout::table;
use crate::version::{Header, CLIENT_MAGIC, CLIENT_NEEDS};
use core::ffi::c_void;

/// `phase` of [`ClientTable::gpu_reset`]: the engines are about to be reset.
pub const RESET_PREPARE: u32 = 0;
/// `phase` of [`ClientTable::gpu_reset`]: the engines were reset, and what the client reserved was
/// restored.
pub const RESET_DONE: u32 = 1;

/// `engines` of [`ClientTable::gpu_reset`]: the whole GPU.
pub const RESET_ALL: u32 = u32::MAX;

/// `event` of [`ClientTable::schedule_event`]: a context is about to be loaded.
pub const SCHEDULE_IN: u32 = 0;
/// `event` of [`ClientTable::schedule_event`]: a context was saved.
pub const SCHEDULE_OUT: u32 = 1;

/// `outcome` of [`ClientTable::submit_done`]: all was executed.
pub const OUTCOME_DONE: u32 = 0;
/// `outcome` of [`ClientTable::submit_done`]: the engine hung in it, and was reset; the context is
/// dead.
pub const OUTCOME_HUNG: u32 = 1;
/// `outcome` of [`ClientTable::submit_done`]: it was killed, or the GPU was lost; the context is
/// dead.
pub const OUTCOME_CANCELLED: u32 = 2;

table! {
    /// The table that a client gives to `open`.
    pub struct ClientTable {
        data {
            /// What this is.
            since 0 pub header: Header,
        }
        functions {
            /// Engines are reset, by i915's decision: a hang, or a request of the host's user.
            ///
            /// `engines` is an or of [`Engine::mask`](crate::types::Engine::mask), or [`RESET_ALL`].
            /// The two phases come in pairs. For single engines: any context, interrupts may be off;
            /// nothing may be allocated, no lock taken that is ever held with interrupts on, and only
            /// `mmio_exec` called. For the whole GPU: process context; it may sleep, but not wait for
            /// the GPU or for memory to be reclaimed. The GPU is awake. Since 1.0.
            since 0 fn gpu_reset(private: *mut c_void, engines: u32, phase: u32);

            /// The host is about to suspend; the GPU still runs.
            ///
            /// Process context, may sleep. After it returned the client starts no work until
            /// `resume`. Since 1.0.
            since 0 fn suspend(private: *mut c_void);

            /// The host has resumed, and what the client reserved was restored.
            ///
            /// Process context, may sleep. The last thing that i915 does on resume. Since 1.0.
            since 0 fn resume(private: *mut c_void);

            /// A context comes to an engine, or has gone from it.
            ///
            /// `engine` is one bit, [`Engine::mask`](crate::types::Engine::mask). `context` is the
            /// client's handle, or 0 for a context that is not the client's. `event` is
            /// [`SCHEDULE_IN`] or [`SCHEDULE_OUT`]. IN comes before the context is given to the
            /// engine, when another one may still run there: registers must not be switched then.
            ///
            /// Any context: interrupts may be off, and locks of i915's scheduler are held. No
            /// operation may be called, nothing allocated, and no lock taken that is ever held with
            /// interrupts on. Since 1.0.
            since 0 fn schedule_event(private: *mut c_void, engine: u32, context: u64, event: u32);

            /// A submission has ended: the engine has saved the context and let go of it.
            ///
            /// `tag` is that of the submission, `outcome` one of `OUTCOME_*`. By then the context can
            /// be read, written, destroyed, and, unless it is dead, submitted to again. All of that
            /// may be done from here.
            ///
            /// Process context, may sleep; it may be called at the same time for different contexts.
            /// Since 1.0.
            since 0 fn submit_done(private: *mut c_void, context: u64, tag: u64, outcome: u32);
        }
    }
}

impl ClientTable {
    /// The header of a client table of this build.
    pub const HEADER: Header = Header::new(CLIENT_MAGIC, size_of::<Self>(), CLIENT_NEEDS);
}

const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(ClientTable, gpu_reset) == 48);
    assert!(size_of::<ClientTable>() == 48 + 5 * 8);
};
