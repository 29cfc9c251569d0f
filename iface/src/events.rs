// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The call-backs by which the host half tells its client what happens to the GPU.
//!
//! # Rules for all of them
//!
//! - `private` is what the client gave to `open`.
//! - They are called between `open` and the return of `close` only. They may be called at the
//!   same time from different threads; the same one of a device is not, but for resets of
//!   different engines.
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
    assert!(size_of::<ClientTable>() == 48 + 3 * 8);
};
