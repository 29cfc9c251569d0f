// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The Gen8 interrupt hierarchy: sources, groups, master, and the message or pin to the CPU.

/// Where interrupts leave the device.
pub trait InterruptSink: Send {
    /// Sends the device's one MSI message. Called on a rising edge, MSI enabled.
    fn message(&mut self);

    /// Sets the level of the INTA pin. Called when it changes and MSI is not enabled.
    fn pin(&mut self, asserted: bool);
}

/// A sink that drops everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoInterrupts;

impl InterruptSink for NoInterrupts {
    fn message(&mut self) {}
    fn pin(&mut self, _asserted: bool) {}
}

/// A group of sources with its own ISR, IMR, IIR and IER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IrqGroup {
    /// Render and blitter engines.
    Gt0,
    /// Video decode engines.
    Gt1,
    /// Power management and GuC.
    Gt2,
    /// Video enhancement engine.
    Gt3,
    /// Pipe A.
    PipeA,
    /// Pipe B.
    PipeB,
    /// Pipe C.
    PipeC,
    /// Digital ports and AUX channels.
    Port,
    /// Other display events.
    Misc,
    /// Power control unit.
    Pcu,
    /// South display (PCH): hotplug, GMBUS.
    South,
}

/// What a unit needs to raise interrupts.
pub trait IrqLines {
    /// Signals an event: `bits` become pending in `group` unless its IMR masks them.
    fn raise(&mut self, group: IrqGroup, bits: u32);

    /// Sets the level of `bits` in the group's ISR, without making them pending.
    fn set_level(&mut self, group: IrqGroup, bits: u32, high: bool);
}
