// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A machine with a bound GPU in the process of a test, and its table.
//!
//! Its functions panic where they cannot do what a test asks for.

use crate::card::Card;
use crate::client::{Attachment, Recorder};
use crate::i915::I915;
use crate::machine::Machine;
use gen9_gpu::Options;
use iface::client::Events;
use iface::host::{HostDevice, HostTable};
use kernel::error::Result;
use kernel::testing::Ledger;

/// A machine with a GPU that i915 has bound.
pub struct Bed {
    /// i915, loaded on that machine.
    pub i915: I915,
}

impl Bed {
    /// A machine with the GPU that `gpu` describes, as the lab's `--gpu` does.
    pub fn new(gpu: &str) -> Self {
        let mut i915 = I915::load(Machine::new(Options::parse(gpu).unwrap()));
        i915.bind(0);
        Bed { i915 }
    }

    /// The same on a machine whose GPU no snapshot can be taken of, for want of memory.
    pub fn without_snapshot(gpu: &str) -> Self {
        let mut i915 = I915::load(Machine::new(Options::parse(gpu).unwrap()));
        Ledger::current().fail_at(0, true);
        i915.bind(0);
        Ledger::current().fail_none();
        Bed { i915 }
    }

    /// The bound card.
    pub fn card(&self) -> &Card {
        self.i915.card().unwrap()
    }

    /// The machine.
    pub fn machine(&self) -> &Machine {
        self.i915.machine()
    }

    /// The published table.
    pub fn table(&self) -> &HostTable {
        // SAFETY: the published table, which stays as long as the GPU is bound.
        unsafe { &*self.i915.platform_data().cast::<HostTable>() }
    }

    /// First argument of the table's operations.
    pub fn device(&self) -> *mut HostDevice {
        self.table().device
    }

    /// kvmgt, attached.
    pub fn attach(&self) -> Attachment<'_> {
        self.try_attach().unwrap()
    }

    /// kvmgt, attached if it can be; if not, it has printed why.
    ///
    /// # Errors
    ///
    /// As [`Attachment::attach`].
    pub fn try_attach(&self) -> Result<Attachment<'_>> {
        self.try_attach_with(Recorder::default())
    }

    /// The same, with somebody else to hear of what happens to the GPU.
    ///
    /// # Errors
    ///
    /// As [`Attachment::attach_with`].
    pub fn try_attach_with<E: Events>(&self, events: E) -> Result<Attachment<'_, E>> {
        // SAFETY: the published table, which the attachment does not outlive.
        unsafe { Attachment::attach_with(0, self.i915.platform_data(), None, events) }
    }
}
