// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The VM of a vGPU, as the core asks for it: the client of a socket.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::error::code::EFAULT;
use kernel::error::Result;
use kvmgt_core::address::{DmaAddress, Gfn, PAGE_SHIFT};
use kvmgt_core::guest::{Event, Guest};
use kvmgt_core::vgpu::shares::VgpuId;
use vfio_bindings::bindings::vfio::VFIO_PCI_MSI_IRQ_INDEX;
use vfio_user_server::{Bus, DmaWindow};

use crate::memory::Memory;

/// The client of a vGPU.
pub struct Client {
    id: VgpuId,
    bus: Bus,
    memory: Arc<Memory>,
    /// The memory that the client has announced, by address.
    windows: BTreeMap<u64, DmaWindow>,
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
    /// Nobody yet.
    pub fn new(id: VgpuId, bus: Bus, memory: Arc<Memory>) -> Self {
        Self {
            id,
            bus,
            memory,
            windows: BTreeMap::new(),
            complaints: RateLimit::default(),
        }
    }

    /// The client has announced memory.
    pub fn add(&mut self, window: DmaWindow) {
        self.windows.insert(window.address, window);
    }

    /// The client has withdrawn it, and none of it is pinned any more.
    pub fn remove(&mut self, window: DmaWindow) {
        self.windows.remove(&window.address);
    }

    /// The client is gone, and nothing is pinned any more.
    pub fn clear(&mut self) {
        self.windows.clear();
    }

    /// Pages that are pinned.
    pub fn pinned(&self) -> usize {
        self.memory.pinned(self.id)
    }

    /// Whether the GPU may read and write a page of the client's memory.
    fn allows(&self, gfn: Gfn) -> bool {
        let Some(address) = gfn
            .0
            .checked_mul(1 << PAGE_SHIFT)
            .filter(|address| address >> PAGE_SHIFT == gfn.0)
        else {
            return false;
        };
        // Windows are whole pages, so one that holds the first byte holds all of the page.
        let below = self.windows.range(..=address).next_back();
        below.is_some_and(|(start, window)| {
            address - start < window.size && window.readable && window.writable
        })
    }
}

impl Guest for Client {
    fn pin(&mut self, gfn: Gfn) -> Result<DmaAddress> {
        if !self.allows(gfn) {
            return Err(EFAULT);
        }
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
