// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the core asks of the host half: a trait, so that tests can stand in for it.

use iface::client;
use iface::types::{GgttRange, GgttRequest, Info, MmioOp};
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
        Self::mmio_exec(self, ops, false).map_err(error)
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
}

/// An error of the contract as one of the kernel's; both have the same numbers.
fn error(errno: client::Errno) -> Error {
    Error::from_errno(errno.number().saturating_neg())
}
