// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The call-backs by which the host half tells its client what happens to the GPU.
//!
//! # Rules for all of them
//!
//! - `private` is what the client gave to `open`.
//! - They are called between `open` and the return of `close` only. They may be called at the
//!   same time from different threads; the same one of a device is not, but for the contexts of
//!   different engines, and the ends of different submissions.
//! - They may call operations of the host table, but for `open` and `close`, where their own text
//!   does not say otherwise.
//! - `close` of any device waits for all of them.

use crate::layout::{table, Structure};
use crate::table::Table;
use crate::version::{Header, CLIENT_MAGIC, CLIENT_NEEDS};
use core::ffi::c_void;

/// `event` of [`ClientTable::host_context`]: it is about to be loaded.
pub const HOST_CONTEXT_IN: u32 = 0;
/// `event` of [`ClientTable::host_context`]: it was saved.
pub const HOST_CONTEXT_OUT: u32 = 1;

/// `outcome` of [`ClientTable::submit_done`]: all was executed.
pub const OUTCOME_DONE: u32 = 0;
/// `outcome` of [`ClientTable::submit_done`]: the engine hung in it, and was reset; the context is
/// dead. What the client's commands had changed in the engine's registers may be as it was left.
pub const OUTCOME_HUNG: u32 = 1;
/// `outcome` of [`ClientTable::submit_done`]: it was killed, or given up by a suspend, or the GPU was
/// lost; the context is dead, and the engine's registers are as after a hang.
pub const OUTCOME_CANCELLED: u32 = 2;

table! {
    /// The table that a client gives to `open`.
    #[derive(Clone, Copy)]
    pub struct ClientTable {
        data {
            /// What this is.
            since 0 pub header: Header,
        }
        functions {
            /// The host is about to suspend; the GPU still runs.
            ///
            /// Process context, may sleep. When it has returned the client calls no operation that
            /// wakes the GPU until `resume`, which comes too if the suspend is given up. What still
            /// executes then ends, the latest as [`OUTCOME_CANCELLED`]. Since 1.0.
            since 0 fn suspend(private: *mut c_void);

            /// The host has resumed, or does not suspend after all; what the client reserved was
            /// restored.
            ///
            /// Process context, may sleep. The last thing that i915 does on resume. Since 1.0.
            since 0 fn resume(private: *mut c_void);

            /// A context that is not the client's comes to an engine, or has gone from it.
            ///
            /// `engine` is one bit, [`Engine::mask`](crate::types::Engine::mask). `event` is
            /// [`HOST_CONTEXT_IN`] or [`HOST_CONTEXT_OUT`]. IN comes before the context is given to
            /// the engine, when another one may still run there. A context that was on the engine when
            /// the device was opened only goes.
            ///
            /// Any context: interrupts may be off, and locks of i915's scheduler may be held. No
            /// operation may be called, nothing allocated, and no lock taken that is ever held with
            /// interrupts on. Since 1.0.
            since 0 fn host_context(private: *mut c_void, engine: u32, event: u32);

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

// SAFETY: the header stands first, functions that may be null behind it; `table!` made the layout.
unsafe impl Table for ClientTable {
    const MAGIC: u64 = CLIENT_MAGIC;
    const LAYOUT: Structure = Self::LAYOUT;

    fn null_function(&self, minor: u16) -> Option<&'static str> {
        self.null_function(minor)
    }
}

impl ClientTable {
    /// The header of a client table of this build.
    pub const HEADER: Header = Header::new(CLIENT_MAGIC, size_of::<Self>(), CLIENT_NEEDS);
}

const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(ClientTable, suspend) == 48);
    assert!(size_of::<ClientTable>() == 48 + 4 * 8);
};
