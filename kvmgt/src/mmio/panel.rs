// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Power sequence of the panel, which is over at once.

use super::context::Context;
use super::registers::named;
use super::written::Written;
use crate::address::MmioOffset;

const STATUS: MmioOffset = named("PCH_PP_STATUS");

/// PP_CONTROL: the panel shall have power (PRM Vol 2c, PP_CONTROL, bit 0).
const POWER_ON: u32 = 1 << 0;
/// PP_STATUS: it has (PRM Vol 2c, PP_STATUS, bit 31).
const ON: u32 = 1 << 31;
/// PP_STATUS: it is being turned off (bits 29:28).
const GOING_OFF: u32 = 2 << 28;
/// PP_STATUS: it must stay off for a while (bit 27).
const CYCLE_DELAY: u32 = 1 << 27;
/// PP_STATUS: state of the sequence: on, and nothing to do (bits 3:0).
const ON_IDLE: u32 = 0x8;

/// A register of the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// Asks for power.
    Control,
}

impl Register {
    /// The register of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        (name == "PCH_PP_CONTROL").then_some(Self::Control)
    }

    /// Writes it.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        context.store(at, written);
        let transient = GOING_OFF | CYCLE_DELAY;
        match context.registers.get(at) & POWER_ON {
            0 => context.registers.update(STATUS, ON | transient, 0),
            _ => context.registers.update(STATUS, transient, ON | ON_IDLE),
        }
    }
}
