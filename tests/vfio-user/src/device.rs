// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a device gives to the server, and what it gets.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use rustix::io::Errno;

use crate::dma::{DmaWindow, GuestMemory};
use crate::irq::{Interrupts, IrqIndex};

/// The device's way out: client memory and interrupts.
///
/// It outlives clients; without one, memory is empty and interrupts go nowhere.
#[derive(Clone, Debug)]
pub struct Bus {
    /// Memory of the present client.
    pub memory: Arc<GuestMemory>,
    /// Interrupts to the present client.
    pub interrupts: Arc<Interrupts>,
}

impl Bus {
    /// A bus for a device with these interrupt indexes.
    pub fn new(irqs: &[IrqIndex]) -> Self {
        Self {
            memory: Arc::default(),
            interrupts: Arc::new(Interrupts::new(irqs)),
        }
    }
}

/// One region of a device. A size of 0 means that the device does not have it.
#[derive(Debug, Default)]
pub struct Region {
    /// Bytes.
    pub size: u64,
    /// Clients may read.
    pub readable: bool,
    /// Clients may write.
    pub writable: bool,
    /// What clients may map.
    pub mappable: Option<Mappable>,
    /// What it is, type and subtype, where its index does not say so.
    pub kind: Option<(u32, u32)>,
}

impl Region {
    /// A region that is read and written by messages only.
    pub fn trapped(size: u64) -> Self {
        Self {
            size,
            readable: true,
            writable: true,
            mappable: None,
            kind: None,
        }
    }
}

/// The parts of a region that clients may map.
#[derive(Debug)]
pub struct Mappable {
    /// The file behind them.
    pub file: File,
    /// Where in the file the region starts.
    pub offset: u64,
    /// Parts of the region; all of it if empty.
    pub areas: Vec<Range<u64>>,
}

/// A PCI device, as the session drives it.
///
/// The session calls from one thread, and only with accesses that are inside of a region which
/// allows them. Client mistakes never reach the device.
pub trait Device {
    /// The regions by index (`VFIO_PCI_BAR0_REGION_INDEX` and so on). Must not change.
    fn regions(&self) -> &[Region];

    /// Reads `data.len()` bytes.
    ///
    /// # Errors
    /// Reported to the client.
    fn read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> Result<(), Errno>;

    /// Writes `data`.
    ///
    /// # Errors
    /// Reported to the client, unless it wants no reply.
    fn write(&mut self, region: u32, offset: u64, data: &[u8]) -> Result<(), Errno>;

    /// Resets the device.
    ///
    /// # Errors
    /// Reported to the client.
    fn reset(&mut self) -> Result<(), Errno>;

    /// A window of client memory has come.
    fn dma_mapped(&mut self, window: DmaWindow) {
        let _ = window;
    }

    /// A window of client memory goes: the device must not keep what it read from it. Called
    /// before the client gets its answer.
    fn dma_unmapped(&mut self, window: DmaWindow) {
        let _ = window;
    }

    /// The client connected, masked or fired vectors of an interrupt index.
    fn irqs_changed(&mut self, index: u32) {
        let _ = index;
    }

    /// A client has connected; it has sent nothing yet. [`client_gone`](Device::client_gone) follows
    /// in any case.
    fn client_came(&mut self) {}

    /// The client is gone and all its memory with it. Device state may stay: the protocol has no
    /// rule for it.
    fn client_gone(&mut self) {}
}
