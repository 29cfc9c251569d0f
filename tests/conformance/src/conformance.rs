// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Does a host half keep the contract? The same checks hosted and in the kernel.
//!
//! Each operation is called rightly and, in every way that its documentation names, wrongly, through
//! the table's own pointers: a client's safe face would keep some mistakes from being made. What a
//! check needs besides the table is a [`Bench`].
//!
//! A check leaves the device closed and everything given back, whatever comes out.

#![cfg_attr(not(MODULE), no_std)]

mod checks;
mod commands;
mod hold;
mod table;

use core::ffi::c_void;
use core::fmt;
pub use hold::Hold;
pub use table::Table;

/// The pages of memory that the GPU reaches by DMA which the checks need.
pub const DMA_PAGES: usize = 11;

/// What the checks need of the world that they run in.
pub trait Bench {
    /// The entry of page number `page` of the GGTT, as the GPU has it.
    fn ggtt_entry(&self, page: u64) -> u64;

    /// Calls `f` in a softirq's context with a spin lock held, or with what stands for that.
    fn with_lock_held(&self, f: &mut dyn FnMut());

    /// Calls `f` in `threads` threads at the same time, with their numbers.
    fn in_parallel(&self, threads: u32, f: &(dyn Fn(u32) + Sync));

    /// Lets the GPU sleep as if nobody used it; false if this world can't.
    fn put_to_sleep(&self) -> bool;

    /// Whether each engine executes a context of the host's own before the GPU can be put to sleep.
    fn has_idle_contexts(&self) -> bool;

    /// Whether the host ends what occupies an engine for too long.
    fn has_watchdog(&self) -> bool;

    /// Whether nobody else has work, who might take what was given back.
    fn is_alone(&self) -> bool;

    /// Lets a moment pass, in which the GPU goes on.
    fn wait(&self);

    /// The DMA address of page number `page`, below [`DMA_PAGES`], of memory that is all zero when
    /// the checks begin.
    fn dma_address(&self, page: usize) -> u64;

    /// Reads qword number `index` of such a page.
    fn dma_read(&self, page: usize, index: usize) -> u64;

    /// Writes it.
    fn dma_write(&self, page: usize, index: usize, value: u64);
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was tried.
    pub what: &'static str,
    /// What came of it.
    pub got: i64,
    /// What the contract says.
    pub wanted: i64,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} instead of {}", self.what, self.got, self.wanted)
    }
}

/// How a check ended.
pub type Outcome = Result<(), Failure>;

/// A check.
pub struct Check {
    /// Its name.
    pub name: &'static str,
    run: fn(&Context<'_>) -> Outcome,
}

/// What a check works with.
pub(crate) struct Context<'a> {
    pub(crate) table: Table<'a>,
    pub(crate) bench: &'a (dyn Bench + Sync),
}

/// All checks.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    checks::ALL.iter().flat_map(|checks| checks.iter())
}

/// Runs all checks on a device that nobody has open, and tells `report` of each. Gives the number of
/// those that failed.
///
/// # Safety
///
/// As [`Offer::from_platform_data`](iface::client::Offer::from_platform_data).
pub unsafe fn run(
    platform_data: *const c_void,
    bench: &(dyn Bench + Sync),
    mut report: impl FnMut(&'static str, Outcome),
) -> usize {
    // SAFETY: the caller's promise.
    let table = match unsafe { Table::new(platform_data) } {
        Ok(table) => table,
        Err(failure) => {
            report("the table is acceptable", Err(failure));
            return 1;
        }
    };
    let context = Context { table, bench };
    let mut failed = 0;
    for check in checks() {
        let outcome = (check.run)(&context);
        // Of a check that failed half-way something may be left.
        context.table.close();
        failed += usize::from(outcome.is_err());
        report(check.name, outcome);
    }
    failed
}
