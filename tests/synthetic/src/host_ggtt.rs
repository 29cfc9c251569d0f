// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the GPU's own GGTT leads to, seen from the host: past kvmgt and past i915.
//!
//! BAR 0 of the GPU has the entries in its upper half; root maps it by the file that the kernel has of
//! each BAR. A part of the GGTT that is nobody's leads to one page, i915's scratch page.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;

use anyhow::{Context, Result};

use crate::registers::{GGTT, PAGE_SHIFT};
use crate::transport::vfio::map;
use crate::transport::Sharing;

/// Bytes of an entry.
const ENTRY: usize = 8;

/// The entries of the addresses in a part: each value that occurs, with how often it does.
///
/// # Errors
/// The BAR can't be mapped.
pub fn entries(bar0: &File, part: &Range<u64>) -> Result<BTreeMap<u64, usize>> {
    let count = usize::try_from((part.end - part.start) >> PAGE_SHIFT)?;
    let first = GGTT + (part.start >> PAGE_SHIFT) * ENTRY as u64;
    // A mapping begins where a page does.
    let skipped = first % (1 << PAGE_SHIFT);
    let before = usize::try_from(skipped)?;
    let length = before + count * ENTRY;
    let mapped = map(bar0, first - skipped, length, Sharing::Shared)
        .with_context(|| format!("cannot map the entries of {:#x}", part.start))?;
    let mut found = BTreeMap::new();
    for place in 0..count {
        let entry = mapped.read64(before + place * ENTRY);
        *found.entry(entry).or_default() += 1;
    }
    Ok(found)
}
