// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Hotplug: how a guest sees that a monitor is there, comes or goes.
//!
//! As long as it is there, a bit of an interrupt group's ISR is set. When it comes or goes, that is
//! an event of this bit, and a register says that the pulse was a long one: the monitor itself
//! has only short ones, to be looked after. Straps say which ports there are.

use super::context::Context;
use super::registers::{named, RegisterFile};
use super::written::Written;
use crate::address::MmioOffset;
use crate::display::monitor;
use crate::hardware::Port;
use crate::interrupt::{self, Event, Group};
use iface::registers::Platform;

/// Status of ports, two bits each: cleared by writing ones (PRM Vol 2c, SHOTPLUG_CTL).
const STATUS: MmioOffset = named("PCH_PORT_HOTPLUG");
/// All status in it: ports B, C, D and A.
const STATUS_BITS: u32 = 0x0303_0303;
/// Status of a port: a long pulse (the upper of the two bits).
const LONG_PULSE: u32 = 0x2;

/// What is the case in the two groups that have ports.
const PCH_LIVE: MmioOffset = named("SDEISR");
const PORT_LIVE: MmioOffset = named("GEN8_DE_PORT_ISR");

const STRAPS: MmioOffset = named("SFUSE_STRAP");
/// SFUSE_STRAP: the display engine is off (PRM Vol 2c, SFUSE_STRAP, bit 7).
const DISPLAY_DISABLED: u32 = 1 << 7;
/// SFUSE_STRAP: there is no analog output (bit 6).
const ANALOG_DISABLED: u32 = 1 << 6;
/// SFUSE_STRAP: ports that there are: B, C, D (bits 2:0).
const PORTS: u32 = 0x7;

/// The register of status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Register;

impl Register {
    /// The register of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        (name == "PCH_PORT_HOTPLUG").then_some(Self)
    }

    /// Writes it.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        let plain = context.merged(at, written) & !STATUS_BITS;
        let status = context.registers.get(at) & !written.value() & STATUS_BITS;
        context.registers.set(at, plain | status);
    }
}

/// The monitor comes, or goes.
pub(crate) fn plug(context: &mut Context<'_>, is_connected: bool) {
    let platform = context.device.model().platform;
    let port = monitor::port(platform);
    show(context.registers, platform, is_connected);
    context.registers.update(STATUS, 0, long_pulse(port));
    interrupt::raise(context, Event::Hotplug(port));
}

/// A reset of the device: the monitor is the only one, and it has not just come.
pub(crate) fn reset(registers: &mut RegisterFile, platform: Platform, is_connected: bool) {
    let straps = ANALOG_DISABLED | strap(monitor::port(platform));
    registers.update(STRAPS, DISPLAY_DISABLED | PORTS, straps);
    show(registers, platform, is_connected);
}

/// Whether the monitor is there.
fn show(registers: &mut RegisterFile, platform: Platform, is_connected: bool) {
    let event = Event::Hotplug(monitor::port(platform));
    let (live, bit) = match event.place(platform) {
        Some((Group::DePort, bit)) => (PORT_LIVE, bit),
        Some((_, bit)) => (PCH_LIVE, bit),
        None => return,
    };
    registers.set_if(is_connected, live, 1_u32.wrapping_shl(bit));
}

/// The bit of a port among the straps.
fn strap(port: Port) -> u32 {
    match port {
        Port::B => 1 << 2,
        Port::C => 1 << 1,
        Port::D => 1 << 0,
        Port::A | Port::E => 0,
    }
}

/// The status of a port that has seen a long pulse; port E has a register of its own.
fn long_pulse(port: Port) -> u32 {
    match port {
        Port::A => LONG_PULSE << 24,
        Port::B => LONG_PULSE,
        Port::C => LONG_PULSE << 8,
        Port::D => LONG_PULSE << 16,
        Port::E => 0,
    }
}
