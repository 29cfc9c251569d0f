// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The GMBUS, an I²C bus to the monitors. Nothing answers on it: each cycle ends at once, and not
//! acknowledged.

use super::context::Context;
use super::registers::named;
use super::written::Written;
use crate::address::MmioOffset;
use crate::interrupt::{self, Event};
use iface::registers::DWORD;

/// The row has the first four registers.
const SELECT: MmioOffset = named("PCH_GMBUS0");
const STATUS: MmioOffset = MmioOffset(SELECT.0 + 2 * DWORD);
const ENABLE: MmioOffset = named("PCH_GMBUS4");

/// GMBUS0: the pair of pins; none is zero (PRM Vol 2c, GMBUS0, bits 2:0).
const PINS: u32 = 0x7;
/// GMBUS1: clears errors and the interrupt when it is set, resets the bus when it is cleared (PRM
/// Vol 2c, GMBUS1, bit 31).
const CLEAR_INTERRUPT: u32 = 1 << 31;
/// GMBUS1: software is ready, which hardware clears when it has seen it (bit 30).
const SOFTWARE_READY: u32 = 1 << 30;
/// GMBUS1: a cycle starts (the lowest of bits 27:25).
const CYCLE: u32 = 1 << 25;
/// GMBUS1: a cycle stops (the highest of bits 27:25).
const STOP: u32 = 1 << 27;
/// GMBUS2: somebody uses the bus; set by a read, cleared by writing one (PRM Vol 2c, GMBUS2, bit
/// 15).
const IN_USE: u32 = 1 << 15;
/// GMBUS2: hardware waits for the next cycle (bit 14).
const WAIT_PHASE: u32 = 1 << 14;
/// GMBUS2: the bus was held for too long (bit 13).
const STALLED: u32 = 1 << 13;
/// GMBUS2: an interrupt was raised (bit 12).
const INTERRUPT: u32 = 1 << 12;
/// GMBUS2: hardware is ready (bit 11).
const HARDWARE_READY: u32 = 1 << 11;
/// GMBUS2: nobody has acknowledged (bit 10).
const NOT_ACKNOWLEDGED: u32 = 1 << 10;
/// GMBUS2: a cycle is under way (bit 9).
const ACTIVE: u32 = 1 << 9;
/// GMBUS4: what interrupts: a stall, a missing acknowledgement, an idle bus, a wait, hardware that
/// is ready (PRM Vol 2c, GMBUS4, bits 4:0).
const ON_STALL: u32 = 1 << 4;
const ON_NOT_ACKNOWLEDGED: u32 = 1 << 3;
const ON_IDLE: u32 = 1 << 2;
const ON_WAIT: u32 = 1 << 1;
const ON_READY: u32 = 1 << 0;

/// A register of the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// GMBUS0: chooses pins.
    Select,
    /// GMBUS1: takes commands.
    Command,
    /// GMBUS2.
    Status,
    /// GMBUS3: what was read; nothing ever is.
    Data,
    /// GMBUS4: enables interrupts.
    Enable,
}

impl Register {
    /// The dword number `index` of the register of that name.
    pub(super) fn named(name: &str, index: u32) -> Option<Self> {
        match (name, index) {
            ("PCH_GMBUS0", 0) => Some(Self::Select),
            ("PCH_GMBUS0", 1) => Some(Self::Command),
            ("PCH_GMBUS0", 2) => Some(Self::Status),
            ("PCH_GMBUS0", 3) => Some(Self::Data),
            ("PCH_GMBUS4", 0) => Some(Self::Enable),
            _ => None,
        }
    }

    /// Reads it.
    pub(super) fn read(self, context: &mut Context<'_>, at: MmioOffset) -> u32 {
        let value = context.registers.get(at);
        match self {
            Self::Status => context.registers.set(at, value | IN_USE),
            Self::Select | Self::Command | Self::Data | Self::Enable => (),
        }
        value
    }

    /// Writes it.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        match self {
            Self::Select => {
                context.store(at, written);
                if context.registers.get(at) & PINS != 0 {
                    end_cycle(context, WAIT_PHASE);
                }
            }
            Self::Command => command(context, at, written),
            Self::Status => {
                let released = written.value() & IN_USE;
                context.registers.update(at, released, 0);
            }
            Self::Data => (),
            Self::Enable => {
                let before = context.registers.get(at);
                context.store(at, written);
                interrupt(context, !before);
            }
        }
    }
}

/// A write of GMBUS1.
fn command(context: &mut Context<'_>, at: MmioOffset, written: Written) {
    let before = context.registers.get(at);
    let value = context.merged(at, written);
    if before & CLEAR_INTERRUPT != 0 {
        if value & CLEAR_INTERRUPT == 0 {
            context.registers.set(at, before & !CLEAR_INTERRUPT);
            context
                .registers
                .set(STATUS, HARDWARE_READY | NOT_ACKNOWLEDGED);
        }
        return;
    }
    if value & CLEAR_INTERRUPT != 0 {
        context.registers.update(STATUS, INTERRUPT, HARDWARE_READY);
    }
    context.registers.set(at, value & !SOFTWARE_READY);
    if value & (CYCLE | STOP) != 0 {
        end_cycle(context, 0);
        interrupt(context, u32::MAX);
    }
}

/// A cycle ends, and nobody has acknowledged it.
fn end_cycle(context: &mut Context<'_>, phase: u32) {
    let status = HARDWARE_READY | NOT_ACKNOWLEDGED | phase;
    context.registers.update(STATUS, ACTIVE, status);
}

/// Raises the interrupt if something among `candidates` is enabled and the case.
fn interrupt(context: &mut Context<'_>, candidates: u32) {
    let status = context.registers.get(STATUS);
    let has = |bit, cause| if status & bit != 0 { cause } else { 0 };
    let causes = has(HARDWARE_READY, ON_READY)
        | has(WAIT_PHASE, ON_WAIT)
        | has(NOT_ACKNOWLEDGED, ON_NOT_ACKNOWLEDGED)
        | has(STALLED, ON_STALL)
        | if status & ACTIVE == 0 { ON_IDLE } else { 0 };
    if context.registers.get(ENABLE) & causes & candidates != 0 {
        context.registers.update(STATUS, 0, INTERRUPT);
        interrupt::raise(context, Event::Gmbus);
    }
}
