// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Operations called wrongly return the error that they document and have changed nothing; called
//! rightly they do what they say.
//!
//! The crate `conformance` checks that of every operation, on real kernels too. Here stands what
//! needs to look behind the table: at what i915 counts as taken, with allocations that fail, with a
//! GPU that does not wake. The calls go through the table as a client of another language would make them, so that what
//! `iface`'s safe face keeps callers from can be tried too.

mod buffers;
mod contexts;
mod fences;
mod ggtt;
mod lifecycle;
mod registers;
mod submissions;
mod work;

use iface::types::{GgttRequest, GGTT_PAGE_SIZE, PTE_PRESENT, REGION_APERTURE};

/// A page of the machine's memory, as an entry of the GGTT.
const PAGE: u64 = 0x1234_5000 | PTE_PRESENT;
/// What nobody ever gave out.
const NO_HANDLE: u64 = 0x7777_0000_0001;
/// Pages of the ranges below.
const PAGES: u64 = 16;

/// A range in the aperture.
fn aperture(pages: u64) -> GgttRequest {
    let size = pages * GGTT_PAGE_SIZE;
    GgttRequest {
        region: REGION_APERTURE,
        size,
        align: GGTT_PAGE_SIZE,
        ..GgttRequest::default()
    }
}
