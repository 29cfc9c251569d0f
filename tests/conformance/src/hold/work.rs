// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A buffer and a context that are held.

use crate::checks::{buffers, contexts, submission};
use crate::commands::{Commands, RENDER_GPR};
use crate::table::{ensure, expect};
use crate::{Context, Failure, Outcome};
use iface::errno::EBUSY;
use iface::types::{self, Buffer};

/// What is in the buffer, and where.
const MARK: u32 = 0x6b65_6570;
const MARK_AT: u64 = 4088;
/// What is in [`RENDER_GPR`] of the context.
const SAVED: u32 = 0x5a7e_d003;
/// Where the context writes.
const COUNT_AT: u64 = 0;
const SAVED_AT: u64 = 64;

/// A buffer, and a context that uses it.
pub(super) struct Work {
    buffer: Buffer,
    context: types::Context,
    /// Whether an image has the register.
    is_saved: bool,
}

impl Work {
    /// Makes both, and has the context execute something.
    pub(super) fn new(context: &Context<'_>) -> Result<Self, Failure> {
        let buffer = buffers::alloc(context, 1)?;
        let mark = context
            .table
            .buffer_write(buffer.handle, MARK_AT, &MARK.to_le_bytes());
        expect("buffer_write", mark, 0)?;
        let engine = contexts::render(context)?;
        let made = contexts::create(context, &contexts::of(&engine))?;
        let mut work = Self {
            buffer,
            context: made,
            is_saved: false,
        };
        work.execute(context, &Commands::new().load_register(RENDER_GPR, SAVED))?;
        work.is_saved = submission::value_of(context, &work.context, RENDER_GPR)?.is_some();
        Ok(work)
    }

    /// Looks whether both are as they were, and work.
    pub(super) fn verify(&self, context: &Context<'_>) -> Outcome {
        let found = submission::dword(context, &self.buffer, MARK_AT)?;
        ensure("what is in the buffer", found.into(), MARK.into())?;
        let count = submission::dword(context, &self.buffer, COUNT_AT)? + 1;
        let commands = Commands::new()
            .store(self.buffer.start + COUNT_AT, count)
            .store_register(RENDER_GPR, self.buffer.start + SAVED_AT);
        self.execute(context, &commands)?;
        let found = submission::dword(context, &self.buffer, COUNT_AT)?;
        ensure("what was executed", found.into(), count.into())?;
        let found = submission::dword(context, &self.buffer, SAVED_AT)?;
        match self.is_saved {
            true => ensure("what is in the context", found.into(), SAVED.into()),
            false => Ok(()),
        }
    }

    fn execute(&self, context: &Context<'_>, commands: &Commands) -> Outcome {
        let root = submission::empty_root(context);
        submission::submit(context, &self.context, root, commands, 0)?;
        submission::wait_until(context, "an end", || {
            let read = context.table.ctx_read(self.context.handle, 0, &mut [0]);
            read != -EBUSY
        })
    }
}
