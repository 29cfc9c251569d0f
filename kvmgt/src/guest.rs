// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the core asks of the world around a vGPU: traits, so that tests can stand in for it.

use crate::address::{DmaAddress, Gfn, MmioOffset};
use crate::device::Device;
use crate::gtt::ppgtt::{GuestMemory, PageTracker, ShadowMemory};
use crate::host::Host;
use crate::message::Complaint;
use crate::schedule::time::Time;
use crate::schedule::Turns;
use kernel::prelude::*;

/// The VM that a vGPU belongs to, and whoever watches it.
pub trait Guest {
    /// Pins a page of the guest's memory, and maps it for the GPU to read and write. May sleep.
    ///
    /// Each success is undone by one [`unpin`](Guest::unpin). The core pins a page at most once at
    /// a time.
    ///
    /// # Errors
    ///
    /// `EFAULT` the guest has no such page; `ENOMEM`; others that the world has.
    fn pin(&mut self, gfn: Gfn) -> Result<DmaAddress>;

    /// Undoes [`pin`](Guest::pin). By then no entry that the GPU uses leads to the page.
    fn unpin(&mut self, gfn: Gfn, address: DmaAddress);

    /// Sends the vGPU's MSI message to the guest. Does not sleep.
    fn send_msi(&mut self);

    /// Takes note of something that happened; whoever watches prints or traces it.
    fn note(&mut self, event: Event);
}

/// Something that happened to a vGPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The guest did what it must not, or something failed. Printed, with a limit on the rate.
    Complaint(Complaint),
    /// The guest's driver says whether it has a picture to show (`display_ready` of PVINFO).
    DisplayReady(bool),
    /// The guest wrote a register of an interrupt group (tracepoint `write_ir`).
    InterruptRegister {
        /// The register.
        offset: MmioOffset,
        /// Which kind it is: `IMR`, `IER`, `IIR` or `MASTER`.
        kind: &'static str,
        /// What was written.
        written: u32,
        /// What it was before.
        before: u32,
    },
    /// An interrupt event was raised in a vGPU (tracepoint `propagate_event`).
    Interrupt {
        /// Its name.
        name: &'static str,
        /// Its bit in the registers of its group.
        bit: u32,
    },
    /// A message was sent (tracepoint `inject_msi`).
    Msi {
        /// The lower half of its address.
        address: u32,
        /// Its data.
        data: u16,
    },
}

/// What surrounds a vGPU while it handles one request.
pub struct World<'a> {
    /// The GPU.
    pub device: &'a Device,
    /// The GPU's host half.
    pub host: &'a dyn Host,
    /// The VM.
    pub guest: &'a mut dyn Guest,
    /// Its memory.
    pub memory: &'a mut dyn GuestMemory,
    /// Who watches its writes.
    pub tracker: &'a mut dyn PageTracker,
    /// Pages for shadows of its page tables.
    pub shadow: &'a mut dyn ShadowMemory,
    /// When it is its turn on an engine.
    pub turns: &'a dyn Turns,
    /// What time it is. All of the request happens at that moment.
    pub now: Time,
}
