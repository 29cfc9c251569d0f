// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The display engine: pipes, planes, PLLs, power wells, AUX, GMBUS.

use crate::address::{GgttAddress, MmioOffset};
use crate::clock::Nanos;
use crate::interrupt::IrqLines;
use crate::memory::DmaFault;
use crate::platform::Platform;
use crate::register_file::RegisterFile;

/// What the display engine may touch while it handles an access or a tick.
pub struct DisplayBus<'a> {
    /// Storage of all registers; the display keeps its visible state there.
    pub regs: &'a mut RegisterFile,
    /// Interrupt lines of the display groups.
    pub irq: &'a mut dyn IrqLines,
    /// Virtual time now.
    pub now: Nanos,
}

/// Read access to what planes scan out.
pub trait FrameMemory {
    /// Fills `data` from graphics address `address` on, through the GGTT.
    ///
    /// # Errors
    /// [`DmaFault`] if a page is not mapped.
    fn read(&self, address: GgttAddress, data: &mut [u8]) -> Result<(), DmaFault>;
}

/// The display engine.
pub struct Display {
    _platform: &'static Platform,
}

impl Display {
    /// A display engine in reset; with `present` false all pipes are fused off.
    pub fn new(platform: &'static Platform, _present: bool) -> Self {
        Self {
            _platform: platform,
        }
    }

    /// Whether the register at `offset` belongs to the display engine.
    ///
    /// The interrupt registers of the display groups do not: they are in [`crate::interrupt`].
    pub fn owns(_offset: MmioOffset) -> bool {
        false
    }

    /// Returns to the reset state; registers already hold their seeded reset values.
    pub fn reset(&mut self, _bus: &mut DisplayBus<'_>) {}

    /// Reads the register at `offset` (dword aligned).
    pub fn read(&mut self, offset: MmioOffset, bus: &mut DisplayBus<'_>) -> u32 {
        bus.regs.get(offset)
    }

    /// Writes the register at `offset` (dword aligned).
    pub fn write(&mut self, offset: MmioOffset, value: u32, bus: &mut DisplayBus<'_>) {
        bus.regs.set(offset, value);
    }

    /// Lets time-driven events happen that are due at `bus.now`.
    pub fn tick(&mut self, _bus: &mut DisplayBus<'_>) {}

    /// Virtual time of the next event, if any is coming.
    pub fn next_event(&self) -> Option<Nanos> {
        None
    }
}
