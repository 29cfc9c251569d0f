// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Copies of the guest's commands, made once.

use super::address;
use super::refusal::{Fault, Rule};
use super::ring::{Runs, DWORD};
use super::{Limits, Memory};
use crate::address::{Gma, PAGE_SIZE};
use crate::gtt::ranges::Ranges;
use kernel::prelude::*;

/// Dwords of a page.
const PAGE_DWORDS: usize = (PAGE_SIZE / DWORD) as usize;
/// What a copy grows by before the guest's dwords are put there.
static EMPTY: [u32; PAGE_DWORDS] = [0; PAGE_DWORDS];

/// Where copies come from, and how much more of them there may be.
pub(super) struct Source<'a> {
    memory: &'a mut dyn Memory,
    reach: &'a Ranges,
    limit: u32,
    left: u32,
}

impl<'a> Source<'a> {
    /// Memory of which nothing has been copied.
    pub(super) fn new(memory: &'a mut dyn Memory, reach: &'a Ranges, limits: Limits) -> Self {
        Self {
            memory,
            reach,
            limit: limits.dwords,
            left: limits.dwords,
        }
    }

    /// A copy of memory whose size is known.
    pub(super) fn runs(&mut self, runs: &Runs) -> Result<KVVec<u32>, Fault> {
        let mut dwords = KVVec::new();
        for (first, bytes) in runs.runs {
            self.append(&mut dwords, first, bytes)?;
        }
        Ok(dwords)
    }

    /// Adds `bytes` bytes of memory to a copy, all or nothing.
    fn append(&mut self, copy: &mut KVVec<u32>, first: Gma, bytes: u64) -> Result<(), Fault> {
        if bytes == 0 {
            return Ok(());
        }
        address::check(self.reach, first, bytes)?;
        let over = Rule::Budget {
            limit: self.limit,
            unit: "dwords",
        };
        let dwords = u32::try_from(bytes / DWORD).map_err(|_| over)?;
        self.left = self.left.checked_sub(dwords).ok_or(over)?;

        let old = copy.len();
        let mut more = dwords as usize;
        copy.reserve(more, GFP_KERNEL)?;
        while more > 0 {
            let chunk = EMPTY.get(..more).unwrap_or(&EMPTY);
            copy.extend_from_slice(chunk, GFP_KERNEL)?;
            more = more.saturating_sub(chunk.len());
        }
        let into = copy.get_mut(old..).unwrap_or_default();
        self.memory
            .copy(first, into)
            .map_err(|error| match error == ENOMEM {
                true => Fault::Host(error),
                false => Rule::Unreadable { first, error }.into(),
            })
    }
}

/// A copy of commands.
pub(super) struct PrivateCopy {
    /// What there is of it.
    pub(super) dwords: KVVec<u32>,
    /// Where more is, if its end is not known.
    next: Option<Gma>,
}

impl PrivateCopy {
    /// A copy of a batch, of which there is nothing yet.
    pub(super) fn batch(first: Gma) -> Self {
        Self {
            dwords: KVVec::new(),
            next: Some(first),
        }
    }

    /// A copy that is whole.
    pub(super) fn whole(dwords: KVVec<u32>) -> Self {
        Self { dwords, next: None }
    }

    /// Copies more, page after page, until there are `end` dwords. What is bounded stays.
    pub(super) fn fill(&mut self, end: usize, source: &mut Source<'_>) -> Result<(), Fault> {
        while let (Some(next), true) = (self.next, self.dwords.len() < end) {
            let in_page = next.0 % PAGE_SIZE;
            // As much as the budget has, so that a batch that ends before is not refused for it.
            let left = u64::from(source.left.max(1)).saturating_mul(DWORD);
            let bytes = PAGE_SIZE.saturating_sub(in_page).min(left);
            source.append(&mut self.dwords, next, bytes)?;
            self.next = Some(Gma(next.0.saturating_add(bytes)));
        }
        Ok(())
    }
}
