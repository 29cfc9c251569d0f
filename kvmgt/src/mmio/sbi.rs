// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The PCH's sideband: registers that are reached by an address, a datum and a command. There is
//! nothing behind it but a small memory.

use super::context::Context;
use super::registers::named;
use super::written::Written;
use crate::address::MmioOffset;

const ADDRESS: MmioOffset = named("SBI_ADDR");
const DATA: MmioOffset = named("SBI_DATA");
const CONTROL: MmioOffset = named("SBI_CTL_STAT");

/// SBI_ADDR: bits in front of the register's address (PRM Vol 2c, SBI_ADDR, bits 31:16).
const ADDRESS_SHIFT: u32 = 16;
/// SBI_CTL_STAT: it is at work, and what came of it; zero is done and good (PRM Vol 2c,
/// SBI_CTL_STAT, bits 2:0).
const STATUS: u32 = 0x7;
/// SBI_CTL_STAT: the command (bits 15:8).
const COMMAND: u32 = 0xff00;
/// SBI_CTL_STAT: reads a register (bits 15:8).
const READ: u32 = 0x0600;
/// SBI_CTL_STAT: writes a register (bits 15:8).
const WRITE: u32 = 0x0700;

/// Registers that are remembered; i915 uses half as many.
const CAPACITY: usize = 20;

/// Registers behind the sideband that were written, by address.
#[derive(Default)]
pub(crate) struct Sideband {
    registers: [Option<(u32, u32)>; CAPACITY],
}

impl Sideband {
    /// Reads one: zero if it was never written.
    fn read(&self, address: u32) -> u32 {
        self.registers
            .iter()
            .flatten()
            .find(|(known, _)| *known == address)
            .map_or(0, |(_, value)| *value)
    }

    /// Writes one, if there is still room for it.
    fn write(&mut self, address: u32, value: u32) {
        let slot = self.registers.iter_mut().find(|slot| match slot {
            Some((known, _)) => *known == address,
            // All behind the first that is free are free.
            None => true,
        });
        if let Some(slot) = slot {
            *slot = Some((address, value));
        }
    }
}

/// A register of the sideband.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// The datum.
    Data,
    /// Takes commands.
    Control,
}

impl Register {
    /// The register of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "SBI_DATA" => Some(Self::Data),
            "SBI_CTL_STAT" => Some(Self::Control),
            _ => None,
        }
    }

    /// Reads it.
    pub(super) fn read(self, context: &mut Context<'_>, at: MmioOffset) -> u32 {
        match self {
            Self::Data if context.registers.get(CONTROL) & COMMAND == READ => {
                let value = context.state.sideband.read(address(context));
                context.registers.set(at, value);
            }
            Self::Data | Self::Control => (),
        }
        context.registers.get(at)
    }

    /// Writes it.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        context.store(at, written);
        match self {
            Self::Data => (),
            Self::Control => {
                context.registers.update(at, STATUS, 0);
                if context.registers.get(at) & COMMAND == WRITE {
                    let value = context.registers.get(DATA);
                    context.state.sideband.write(address(context), value);
                }
            }
        }
    }
}

/// Which register is meant.
fn address(context: &Context<'_>) -> u32 {
    context.registers.get(ADDRESS) >> ADDRESS_SHIFT
}
