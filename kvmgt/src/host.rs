// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the core asks of the host half: a trait, so that tests can stand in for it.

use iface::client;
use iface::types::{Buffer, Context, ContextRequest, GgttRange, GgttRequest, Info, MmioOp};
use kernel::prelude::*;

/// A GPU as its host half shows it to a client.
///
/// The operations are those of [`iface::host::HostTable`], with the same errors and rules.
pub trait Host {
    /// Describes the GPU; what it says does not change.
    fn info(&self) -> Result<Info>;

    /// The golden snapshot in the format of [`iface::snapshot`], unchecked.
    fn snapshot(&self) -> Result<&[u8]>;

    /// Executes register accesses with forcewake held; the GPU must be awake.
    fn mmio_exec(&self, ops: &mut [MmioOp]) -> Result;

    /// Calls `act` with the GPU awake. May sleep.
    ///
    /// # Errors
    ///
    /// `EIO` it does not wake; those of `act`.
    fn awake(&self, act: &mut dyn FnMut() -> Result) -> Result;

    /// Takes a range out of the GGTT; all of its entries lead to the scratch page.
    fn ggtt_reserve(&self, request: &GgttRequest) -> Result<GgttRange>;

    /// Gives a range back.
    fn ggtt_release(&self, range: u64) -> Result;

    /// Writes entries of a range from its entry number `first` on, and flushes once.
    fn ggtt_write(&self, range: u64, first: u32, entries: &[u64]) -> Result;

    /// Takes fence registers, all disabled.
    fn fences_reserve(&self, count: u32) -> Result<u64>;

    /// Gives fence registers back.
    fn fences_release(&self, fences: u64) -> Result;

    /// Writes a fence register; a valid fence must lie inside `range`.
    fn fence_write(&self, fences: u64, index: u32, value: u64, range: u64) -> Result;

    /// Allocates a buffer of zeroes in the host's part of the GGTT.
    fn buffer_alloc(&self, size: u64) -> Result<Buffer>;

    /// Frees a buffer.
    fn buffer_free(&self, buffer: u64) -> Result;

    /// Reads a buffer from byte `offset` on.
    fn buffer_read(&self, buffer: u64, offset: u64, data: &mut [u8]) -> Result;

    /// Writes a buffer from byte `offset` on.
    fn buffer_write(&self, buffer: u64, offset: u64, data: &[u8]) -> Result;

    /// Makes a logical context, whose image is the engine's default state.
    fn ctx_create(&self, request: &ContextRequest) -> Result<Context>;

    /// Destroys a context that executes nothing.
    fn ctx_destroy(&self, context: u64) -> Result;

    /// Reads a context's image from byte `offset` on.
    fn ctx_read(&self, context: u64, offset: u64, data: &mut [u8]) -> Result;

    /// Writes a context's image from byte `offset` on.
    fn ctx_write(&self, context: u64, offset: u64, data: &[u8]) -> Result;

    /// Has a context execute segments of commands, one after the other, in the address space of a
    /// PML4 table.
    fn ctx_submit(&self, context: u64, root: u64, commands: &[&[u32]], tag: u64) -> Result;

    /// Ends the submission with that tag, if it is what a context executes, without waiting for that.
    fn ctx_kill(&self, context: u64, tag: u64) -> Result;
}

impl Host for client::Host<'_> {
    fn info(&self) -> Result<Info> {
        Self::info(self).map_err(error)
    }

    fn snapshot(&self) -> Result<&[u8]> {
        match Self::snapshot(self) {
            Ok(golden) => Ok(golden.bytes()),
            Err(errno) => Err(error(errno)),
        }
    }

    fn mmio_exec(&self, ops: &mut [MmioOp]) -> Result {
        Self::mmio_exec(self, ops).map_err(error)
    }

    fn awake(&self, act: &mut dyn FnMut() -> Result) -> Result {
        let _wake = self.wake().map_err(error)?;
        act()
    }

    fn ggtt_reserve(&self, request: &GgttRequest) -> Result<GgttRange> {
        Self::ggtt_reserve(self, request).map_err(error)
    }

    fn ggtt_release(&self, range: u64) -> Result {
        Self::ggtt_release(self, range).map_err(error)
    }

    fn ggtt_write(&self, range: u64, first: u32, entries: &[u64]) -> Result {
        Self::ggtt_write(self, range, first, entries).map_err(error)
    }

    fn fences_reserve(&self, count: u32) -> Result<u64> {
        Self::fences_reserve(self, count).map_err(error)
    }

    fn fences_release(&self, fences: u64) -> Result {
        Self::fences_release(self, fences).map_err(error)
    }

    fn fence_write(&self, fences: u64, index: u32, value: u64, range: u64) -> Result {
        Self::fence_write(self, fences, index, value, range).map_err(error)
    }

    fn buffer_alloc(&self, size: u64) -> Result<Buffer> {
        Self::buffer_alloc(self, size).map_err(error)
    }

    fn buffer_free(&self, buffer: u64) -> Result {
        Self::buffer_free(self, buffer).map_err(error)
    }

    fn buffer_read(&self, buffer: u64, offset: u64, data: &mut [u8]) -> Result {
        Self::buffer_read(self, buffer, offset, data).map_err(error)
    }

    fn buffer_write(&self, buffer: u64, offset: u64, data: &[u8]) -> Result {
        Self::buffer_write(self, buffer, offset, data).map_err(error)
    }

    fn ctx_create(&self, request: &ContextRequest) -> Result<Context> {
        Self::ctx_create(self, request).map_err(error)
    }

    fn ctx_destroy(&self, context: u64) -> Result {
        Self::ctx_destroy(self, context).map_err(error)
    }

    fn ctx_read(&self, context: u64, offset: u64, data: &mut [u8]) -> Result {
        Self::ctx_read(self, context, offset, data).map_err(error)
    }

    fn ctx_write(&self, context: u64, offset: u64, data: &[u8]) -> Result {
        Self::ctx_write(self, context, offset, data).map_err(error)
    }

    fn ctx_submit(&self, context: u64, root: u64, commands: &[&[u32]], tag: u64) -> Result {
        Self::ctx_submit(self, context, root, commands, tag).map_err(error)
    }

    fn ctx_kill(&self, context: u64, tag: u64) -> Result {
        Self::ctx_kill(self, context, tag).map_err(error)
    }
}

/// An error of the contract as one of the kernel's; both have the same numbers.
fn error(errno: client::Errno) -> Error {
    Error::from_errno(errno.number().saturating_neg())
}
