// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Reservations that are held while the GPU is reset or sleeps, and looked at afterwards.

mod work;

use crate::checks::{aperture, ensure_entry, entry, fences, reserve};
use crate::table::{ensure, expect, Table};
use crate::{Bench, Context, Failure, Outcome};
use core::ffi::c_void;
use iface::types::{GgttRange, GgttRequest, GGTT_PAGE_SHIFT, PTE_PRESENT, REGION_HIGH};
use work::Work;

/// Pages of each range.
const PAGES: u64 = 64;
/// Addresses that no memory needs to have: nothing uses the entries.
const FIRST_PAGE: [u64; 2] = [0x1_4000_0000, 0x2_8000_0000];

/// Two ranges and a fence with contents that are known, a buffer, and a context, of a device that is
/// open.
pub struct Hold<'a> {
    table: Table<'a>,
    /// One in the aperture, one behind it.
    ranges: [GgttRange; 2],
    /// What every page is that nothing was written to.
    scratch: u64,
    work: Work,
}

/// What page number `page` of range number `range` holds: every other page is written.
fn wanted(range: usize, page: u64) -> Option<u64> {
    let first = FIRST_PAGE.get(range)?;
    (page % 2 == 0).then_some((first + (page << GGTT_PAGE_SHIFT)) | PTE_PRESENT)
}

impl<'a> Hold<'a> {
    /// Opens the device, reserves, and writes.
    ///
    /// # Errors
    ///
    /// What failed; nothing is held then.
    ///
    /// # Safety
    ///
    /// As [`Offer::from_platform_data`](iface::client::Offer::from_platform_data).
    pub unsafe fn new(
        platform_data: *const c_void,
        bench: &(dyn Bench + Sync),
    ) -> Result<Self, Failure> {
        // SAFETY: the caller's promise.
        let table = unsafe { Table::new(platform_data) }?;
        expect("open", table.open(), 0)?;
        let hold = Self::fill(table, bench);
        if hold.is_err() {
            table.close();
        }
        hold
    }

    fn fill(table: Table<'a>, bench: &(dyn Bench + Sync)) -> Result<Self, Failure> {
        let context = Context { table, bench };
        let high = GgttRequest {
            region: REGION_HIGH,
            ..aperture(PAGES)
        };
        let ranges = [
            reserve(&context, &aperture(PAGES))?,
            reserve(&context, &high)?,
        ];
        let mut scratch = 0;
        awake(&context, || {
            scratch = entry(&context, &ranges[0], 0);
            Ok(())
        })?;
        for (number, range) in ranges.iter().enumerate() {
            for page in 0..PAGES {
                if let Some(entry) = wanted(number, page) {
                    // Below 64.
                    let page = page as u32;
                    expect(
                        "ggtt_write",
                        table.ggtt_write(range.handle, page, &[entry]),
                        0,
                    )?;
                }
            }
        }
        let fence = table.fences_reserve(2).map_err(|error| Failure {
            what: "fences_reserve",
            got: error.into(),
            wanted: 0,
        })?;
        let value = fences::over(&ranges[0]);
        let written = table.fence_write(fence, 1, value, ranges[0].handle);
        expect("fence_write", written, 0)?;
        Ok(Self {
            table,
            ranges,
            scratch,
            work: Work::new(&context)?,
        })
    }

    /// Looks whether everything is as it was written.
    pub fn verify(&self, bench: &(dyn Bench + Sync)) -> Outcome {
        let context = Context {
            table: self.table,
            bench,
        };
        awake(&context, || {
            for (number, range) in self.ranges.iter().enumerate() {
                for page in 0..PAGES {
                    let wanted = wanted(number, page).unwrap_or(self.scratch);
                    ensure_entry("an entry", &context, range, page, wanted)?;
                }
            }
            let value = fences::over(&self.ranges[0]);
            ensure("fences that hold it", fences::holding(&context, value), 1)
        })?;
        self.work.verify(&context)
    }

    /// Closes the device and looks whether all is scratch again.
    pub fn release(self, bench: &(dyn Bench + Sync)) -> Outcome {
        expect("close", self.table.close(), 0)?;
        let context = Context {
            table: self.table,
            bench,
        };
        expect("open", self.table.open(), 0)?;
        let outcome = awake(&context, || {
            for range in &self.ranges {
                for page in 0..PAGES {
                    ensure_entry("an entry given back", &context, range, page, self.scratch)?;
                }
            }
            let value = fences::over(&self.ranges[0]);
            ensure("fences that hold it", fences::holding(&context, value), 0)
        });
        self.table.close();
        outcome
    }
}

/// Keeps the GPU awake meanwhile: an entry of a GPU that sleeps reads as anything.
fn awake(context: &Context<'_>, f: impl FnOnce() -> Outcome) -> Outcome {
    expect("wake_get", context.table.wake_get(), 0)?;
    let outcome = f();
    expect("wake_put", context.table.wake_put(), 0)?;
    outcome
}
