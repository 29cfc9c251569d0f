// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A VM in the process of a test: what kvmgt's core asks of the VM that a vGPU belongs to.

use kernel::error::code::EFAULT;
use kernel::error::Result;
use kvmgt_core::address::{DmaAddress, Gfn, PAGE_SHIFT};
use kvmgt_core::guest::{Event, Guest};
use std::collections::BTreeSet;
use std::ops::Range;

/// A VM whose memory is a part of the machine's, page by page in the same order.
///
/// It panics where the core breaks the contract of [`Guest`]: pins a page twice, or unpins what is
/// not pinned.
pub struct Vm {
    memory: Range<u64>,
    pinned: BTreeSet<Gfn>,
    messages: usize,
    events: Vec<Event>,
}

impl Vm {
    /// A VM with that part of the machine's memory; both ends are at page boundaries.
    pub fn new(memory: Range<u64>) -> Self {
        Vm {
            memory,
            pinned: BTreeSet::new(),
            messages: 0,
            events: Vec::new(),
        }
    }

    /// Where a page of its memory is in the machine's, if it has that page.
    pub fn address(&self, gfn: Gfn) -> Option<u64> {
        let offset = gfn.0.checked_mul(1 << PAGE_SHIFT)?;
        let address = self.memory.start.checked_add(offset)?;
        self.memory.contains(&address).then_some(address)
    }

    /// The pages that are pinned.
    pub fn pinned(&self) -> &BTreeSet<Gfn> {
        &self.pinned
    }

    /// How many messages were sent.
    pub fn messages(&self) -> usize {
        self.messages
    }

    /// What was noted since this was last called.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }
}

impl Guest for Vm {
    fn pin(&mut self, gfn: Gfn) -> Result<DmaAddress> {
        let address = self.address(gfn).ok_or(EFAULT)?;
        assert!(self.pinned.insert(gfn), "{gfn:?} is pinned twice");
        Ok(DmaAddress(address))
    }

    fn unpin(&mut self, gfn: Gfn, address: DmaAddress) {
        assert_eq!(self.address(gfn), Some(address.0));
        assert!(self.pinned.remove(&gfn), "{gfn:?} is not pinned");
    }

    fn send_msi(&mut self) {
        self.messages += 1;
    }

    fn note(&mut self, event: Event) {
        self.events.push(event);
    }
}
