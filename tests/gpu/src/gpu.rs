// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The device as its host sees it.

use std::sync::Arc;

use crate::address::MmioOffset;
use crate::clock::Cycles;
use crate::clock::Nanos;
use crate::interrupt::InterruptSink;
use crate::memory::DmaMemory;
use crate::options::Options;

/// What engines did in a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Every engine is idle.
    Idle,
    /// Some engine waits: for memory to change, or, hung, for a reset.
    Waiting,
    /// Some engine has more to execute: call again soon.
    Busy,
}

/// A GPU.
pub struct Gpu {
    options: Options,
    _memory: Arc<dyn DmaMemory>,
    _interrupts: Box<dyn InterruptSink>,
}

impl Gpu {
    /// A GPU after power-on.
    pub fn new(
        options: Options,
        memory: Arc<dyn DmaMemory>,
        interrupts: Box<dyn InterruptSink>,
    ) -> Self {
        Self {
            options,
            _memory: memory,
            _interrupts: interrupts,
        }
    }

    /// The choices it was made with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Power-on reset, also what a function level reset does.
    pub fn reset(&mut self) {}

    /// Reads configuration space; bytes beyond its 256 read 0.
    pub fn config_read(&mut self, _offset: u64, data: &mut [u8]) {
        data.fill(0);
    }

    /// Writes configuration space; bytes beyond its 256 are ignored.
    pub fn config_write(&mut self, _offset: u64, _data: &[u8]) {}

    /// Reads BAR0: registers below 8 MiB, page table entries of the GGTT above.
    pub fn bar0_read(&mut self, _offset: u64, data: &mut [u8]) {
        data.fill(0);
    }

    /// Writes BAR0.
    pub fn bar0_write(&mut self, _offset: u64, _data: &[u8]) {}

    /// Reads the aperture: memory through the GGTT, detiled inside of fences.
    pub fn bar2_read(&mut self, _offset: u64, data: &mut [u8]) {
        data.fill(0);
    }

    /// Writes the aperture.
    pub fn bar2_write(&mut self, _offset: u64, _data: &[u8]) {}

    /// Reads the index (0) or data (4) port of BAR4.
    pub fn bar4_read(&mut self, _offset: u64, data: &mut [u8]) {
        data.fill(0);
    }

    /// Writes the index (0) or data (4) port of BAR4.
    pub fn bar4_write(&mut self, _offset: u64, _data: &[u8]) {}

    /// Reads one register as a driver does.
    pub fn read32(&mut self, offset: MmioOffset) -> u32 {
        let mut data = [0; 4];
        self.bar0_read(u64::from(offset.0), &mut data);
        u32::from_le_bytes(data)
    }

    /// Writes one register as a driver does.
    pub fn write32(&mut self, offset: MmioOffset, value: u32) {
        self.bar0_write(u64::from(offset.0), &value.to_le_bytes());
    }

    /// Executes engines for at most `budget`, and lets time-driven events happen.
    pub fn run(&mut self, _budget: Cycles) -> Activity {
        Activity::Idle
    }

    /// Virtual time of the next event that needs [`Gpu::run`], if any is coming.
    pub fn next_event(&self) -> Option<Nanos> {
        None
    }
}
