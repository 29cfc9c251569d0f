// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The VM of a vGPU, as the core asks for it: the client of a socket.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::error::code::EFAULT;
use kernel::error::Result;
use kvmgt_core::address::{DmaAddress, Gfn};
use kvmgt_core::guest::{Event, Guest};
use kvmgt_core::vgpu::shares::VgpuId;
use vfio_bindings::bindings::vfio::VFIO_PCI_MSI_IRQ_INDEX;
use vfio_user_server::Bus;

use crate::memory::Memory;

mod reach;
mod windows;

pub use reach::Reach;
pub use windows::Windows;

/// The client of a vGPU.
pub struct Client {
    id: VgpuId,
    bus: Bus,
    memory: Arc<Memory>,
    windows: Windows,
    complaints: RateLimit,
}

/// The most complaints in an [`INTERVAL`], as the kernel has it.
const BURST: u32 = 10;
/// See [`BURST`].
const INTERVAL: Duration = Duration::from_secs(5);

/// Lets so many pass, and no more until some time is over.
#[derive(Default)]
struct RateLimit {
    begun: Option<Instant>,
    passed: u32,
}

impl RateLimit {
    fn allow(&mut self) -> bool {
        let now = Instant::now();
        if self
            .begun
            .is_none_or(|begun| now.duration_since(begun) > INTERVAL)
        {
            *self = Self {
                begun: Some(now),
                passed: 0,
            };
        }
        self.passed = self.passed.saturating_add(1);
        self.passed <= BURST
    }
}

impl Client {
    /// Who has announced that memory.
    pub fn new(id: VgpuId, bus: Bus, memory: Arc<Memory>, windows: Windows) -> Self {
        Self {
            id,
            bus,
            memory,
            windows,
            complaints: RateLimit::default(),
        }
    }
}

impl Guest for Client {
    fn pin(&mut self, gfn: Gfn) -> Result<DmaAddress> {
        self.windows.address(gfn)?;
        self.memory.pin(self.id, gfn).ok_or(EFAULT)
    }

    fn unpin(&mut self, gfn: Gfn, _address: DmaAddress) {
        self.memory.unpin(self.id, gfn);
    }

    fn send_msi(&mut self) {
        self.bus.interrupts.trigger(VFIO_PCI_MSI_IRQ_INDEX, 0);
    }

    fn note(&mut self, event: Event) {
        let id = self.id;
        match event {
            Event::Complaint(complaint) => {
                if self.complaints.allow() {
                    tracing::warn!("{id}: {complaint}");
                }
            }
            event => tracing::debug!("{id}: {event:?}"),
        }
    }
}
