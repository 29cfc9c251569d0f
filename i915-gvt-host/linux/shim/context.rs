// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Logical contexts.

use super::{to_result, Host};
use crate::bindings;
use core::ptr::{self, NonNull};
use iface::types::MAX_SEGMENTS;
use kernel::prelude::*;

/// A logical context of i915, pinned.
pub(crate) type Context = NonNull<bindings::gvt_shim_context>;

/// A logical context that was made.
pub(crate) struct MadeContext {
    /// The context.
    pub(crate) context: Context,
    /// Bytes of its image.
    pub(crate) image: u64,
    /// Dwords of the longest submission.
    pub(crate) commands: u64,
}

impl Host {
    /// Makes a context on the engine with mask `engine`. May sleep.
    pub(crate) fn context_create(
        self,
        engine: u32,
        commands: u64,
        handle: u64,
    ) -> Result<MadeContext> {
        let mut context = ptr::null_mut();
        let mut image = 0;
        let mut room = 0;
        // SAFETY: the host is valid; the three results are written.
        to_result(unsafe {
            bindings::gvt_shim_context_create(
                self.as_ptr(),
                engine,
                commands,
                handle,
                &mut context,
                &mut image,
                &mut room,
            )
        })?;
        Ok(MadeContext {
            context: NonNull::new(context).ok_or(EINVAL)?,
            image,
            commands: room,
        })
    }

    /// Gives a context back that executes nothing. May sleep.
    pub(crate) fn context_destroy(self, context: Context) {
        // SAFETY: it comes from `context_create`; `gvt_host` gives back what executes nothing, and
        // does not use it afterwards.
        unsafe { bindings::gvt_shim_context_destroy(context.as_ptr()) };
    }

    /// Copies out of an image, from a range that was checked to be inside.
    pub(crate) fn context_read(self, context: Context, offset: u64, data: &mut [u8]) {
        let size = data.len() as u64;
        // SAFETY: a context that was not yet destroyed, and so many bytes can be written.
        unsafe {
            bindings::gvt_shim_context_read(
                context.as_ptr(),
                offset,
                data.as_mut_ptr().cast(),
                size,
            )
        };
    }

    /// Copies into an image, to a range that was checked to be inside.
    pub(crate) fn context_write(self, context: Context, offset: u64, data: &[u8]) {
        let size = data.len() as u64;
        // SAFETY: a context that was not yet destroyed, and so many bytes can be read.
        unsafe {
            bindings::gvt_shim_context_write(context.as_ptr(), offset, data.as_ptr().cast(), size)
        };
    }

    /// Has a context that executes nothing execute `commands`, one segment after the other. May
    /// sleep.
    pub(crate) fn context_submit(self, context: Context, root: u64, commands: &[&[u32]]) -> Result {
        let mut segments = [bindings::gvt_shim_segment {
            commands: ptr::null(),
            count: 0,
        }; MAX_SEGMENTS];
        let segments = segments.get_mut(..commands.len()).ok_or(E2BIG)?;
        for (segment, commands) in Iterator::zip(segments.iter_mut(), commands) {
            segment.commands = commands.as_ptr();
            segment.count = commands.len() as u64;
        }
        let count = segments.len() as u32;
        // SAFETY: a context that was not yet destroyed, so many segments can be read, and of each
        // so many dwords.
        to_result(unsafe {
            bindings::gvt_shim_context_submit(context.as_ptr(), root, segments.as_ptr(), count)
        })
    }

    /// Ends what a context executes, without waiting for that.
    pub(crate) fn context_kill(self, context: Context) {
        // SAFETY: a context that was not yet destroyed.
        unsafe { bindings::gvt_shim_context_kill(context.as_ptr()) };
    }
}
