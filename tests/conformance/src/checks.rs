// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The checks, by what they are about.

pub(crate) mod buffers;
pub(crate) mod contexts;
pub(crate) mod fences;
mod ggtt;
mod lifecycle;
mod mmio;
mod parallel;
pub(crate) mod submission;
mod trouble;

use crate::table::{ensure, expect};
use crate::{Check, Context, Failure, Outcome};
use iface::types::{GgttRange, GgttRequest, GGTT_PAGE_SHIFT, GGTT_PAGE_SIZE, REGION_APERTURE};

/// All of them.
pub(crate) const ALL: &[&[Check]] = &[
    lifecycle::CHECKS,
    mmio::CHECKS,
    ggtt::CHECKS,
    fences::CHECKS,
    parallel::CHECKS,
    buffers::CHECKS,
    contexts::CHECKS,
    submission::CHECKS,
    trouble::CHECKS,
];

/// A handle that nobody got.
const NO_HANDLE: u64 = 0x7fff_0000_0001;

/// Opens for a check.
fn open(context: &Context<'_>) -> Outcome {
    expect("open", context.table.open(), 0)
}

/// A range of the aperture of so many pages.
pub(crate) fn aperture(pages: u64) -> GgttRequest {
    GgttRequest {
        region: REGION_APERTURE,
        reserved: 0,
        size: pages << GGTT_PAGE_SHIFT,
        align: GGTT_PAGE_SIZE,
    }
}

/// Takes a range for a check.
pub(crate) fn reserve(context: &Context<'_>, request: &GgttRequest) -> Result<GgttRange, Failure> {
    context
        .table
        .ggtt_reserve(request)
        .map_err(|error| Failure {
            what: "ggtt_reserve",
            got: error.into(),
            wanted: 0,
        })
}

/// What failed when it should have worked, or the other way round.
fn refused<T>(what: &'static str, result: Result<T, i32>, wanted: i32) -> Outcome {
    expect(what, result.err().unwrap_or(0), wanted)
}

/// The entry of a range's page, as the GPU has it.
pub(crate) fn entry(context: &Context<'_>, range: &GgttRange, page: u64) -> u64 {
    context
        .bench
        .ggtt_entry((range.start >> GGTT_PAGE_SHIFT) + page)
}

/// Compares an entry as the GPU has it.
pub(crate) fn ensure_entry(
    what: &'static str,
    context: &Context<'_>,
    range: &GgttRange,
    page: u64,
    wanted: u64,
) -> Outcome {
    ensure(what, entry(context, range, page) as i64, wanted as i64)
}

/// Looks at an entry that held `left` and was given back: it is scratch, or somebody else's by now.
pub(crate) fn ensure_given_back(
    context: &Context<'_>,
    range: &GgttRange,
    page: u64,
    left: u64,
    scratch: u64,
) -> Outcome {
    if context.bench.is_alone() {
        return ensure_entry("entry", context, range, page, scratch);
    }
    let is_left = entry(context, range, page) == left;
    ensure("entry is as it was left", is_left.into(), 0)
}
