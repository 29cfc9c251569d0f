// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The operations on buffers and contexts.

use super::{call, Table};
use core::ptr;
use iface::types::{Buffer, Context, ContextRequest, Segment, Submission, MAX_SEGMENTS};

impl Table<'_> {
    pub(crate) fn buffer_alloc(&self, size: u64) -> Result<Buffer, i32> {
        let mut buffer = Buffer::default();
        match call!(self, buffer_alloc, size, ptr::from_mut(&mut buffer)) {
            0 => Ok(buffer),
            error => Err(error),
        }
    }

    pub(crate) fn buffer_alloc_nowhere(&self, size: u64) -> i32 {
        call!(self, buffer_alloc, size, ptr::null_mut())
    }

    pub(crate) fn buffer_free(&self, buffer: u64) -> i32 {
        call!(self, buffer_free, buffer)
    }

    pub(crate) fn buffer_read(&self, buffer: u64, offset: u64, data: &mut [u8]) -> i32 {
        let size = data.len() as u64;
        call!(self, buffer_read, buffer, offset, data.as_mut_ptr(), size)
    }

    pub(crate) fn buffer_write(&self, buffer: u64, offset: u64, data: &[u8]) -> i32 {
        let size = data.len() as u64;
        call!(self, buffer_write, buffer, offset, data.as_ptr(), size)
    }

    /// Both directions without memory.
    pub(crate) fn buffer_copy_nowhere(&self, buffer: u64) -> [i32; 2] {
        [
            call!(self, buffer_read, buffer, 0, ptr::null_mut(), 1),
            call!(self, buffer_write, buffer, 0, ptr::null(), 1),
        ]
    }

    pub(crate) fn ctx_create(&self, request: &ContextRequest) -> Result<Context, i32> {
        let mut context = Context::default();
        match call!(
            self,
            ctx_create,
            ptr::from_ref(request),
            ptr::from_mut(&mut context)
        ) {
            0 => Ok(context),
            error => Err(error),
        }
    }

    pub(crate) fn ctx_create_nowhere(&self, request: Option<&ContextRequest>) -> i32 {
        call!(
            self,
            ctx_create,
            request.map_or(ptr::null(), ptr::from_ref),
            ptr::null_mut()
        )
    }

    pub(crate) fn ctx_destroy(&self, context: u64) -> i32 {
        call!(self, ctx_destroy, context)
    }

    pub(crate) fn ctx_read(&self, context: u64, offset: u64, data: &mut [u8]) -> i32 {
        let size = data.len() as u64;
        call!(self, ctx_read, context, offset, data.as_mut_ptr(), size)
    }

    pub(crate) fn ctx_write(&self, context: u64, offset: u64, data: &[u8]) -> i32 {
        let size = data.len() as u64;
        call!(self, ctx_write, context, offset, data.as_ptr(), size)
    }

    pub(crate) fn ctx_submit(&self, context: u64, root: u64, commands: &[u32], tag: u64) -> i32 {
        self.ctx_submit_segments(context, root, &[commands], tag)
    }

    /// In segments, of which there are at the most one more than can be.
    pub(crate) fn ctx_submit_segments(
        &self,
        context: u64,
        root: u64,
        commands: &[&[u32]],
        tag: u64,
    ) -> i32 {
        let mut segments = [Segment::of(&[]); MAX_SEGMENTS + 1];
        for (segment, commands) in segments.iter_mut().zip(commands) {
            *segment = Segment::of(commands);
        }
        let submission = Submission {
            root,
            segments: segments.as_ptr(),
            count: commands.len() as u64,
            tag,
        };
        call!(self, ctx_submit, context, &submission)
    }

    /// Without a submission, without segments, and without commands of the second segment.
    pub(crate) fn ctx_submit_nowhere(&self, context: u64, root: u64) -> [i32; 3] {
        let null = Segment {
            commands: ptr::null(),
            count: 2,
        };
        let segments = [Segment::of(&[0, 0]), null];
        let [no_segments, no_commands] = [ptr::null(), segments.as_ptr()].map(|at| Submission {
            root,
            segments: at,
            count: 2,
            tag: 0,
        });
        [
            call!(self, ctx_submit, context, ptr::null()),
            call!(self, ctx_submit, context, &no_segments),
            call!(self, ctx_submit, context, &no_commands),
        ]
    }

    /// With a number of segments, and then of dwords, that no memory holds.
    pub(crate) fn ctx_submit_endless(&self, context: u64, root: u64) -> [i32; 2] {
        let two = Segment::of(&[0, 0]);
        let endless = Segment {
            count: u64::MAX,
            ..two
        };
        let [segments, dwords] =
            [(&two, u64::MAX), (&endless, 1)].map(|(segment, count)| Submission {
                root,
                segments: segment,
                count,
                tag: 0,
            });
        [
            call!(self, ctx_submit, context, &segments),
            call!(self, ctx_submit, context, &dwords),
        ]
    }

    pub(crate) fn ctx_kill(&self, context: u64, tag: u64) -> i32 {
        call!(self, ctx_kill, context, tag)
    }
}
