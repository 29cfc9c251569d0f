// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Odds and ends of the PCH's display engine.

use super::context::Context;
use super::written::Written;
use crate::address::MmioOffset;

/// PCH_ADPA: looks for an analog monitor (PRM Vol 2c, DAC_CTL, bit 16).
const FORCE_HOTPLUG: u32 = 1 << 16;
/// SOUTH_CHICKEN2: the PHY of FDI shall be in reset (PRM Vol 2c, SCHICKEN_2, bit 12).
const FDI_RESET: u32 = 1 << 12;
/// SOUTH_CHICKEN2: it is (bit 13).
const FDI_IN_RESET: u32 = 1 << 13;

/// What four registers without a known name hold (observed: what the C GVT-g tells).
const READY: u32 = 1 << 17;
/// What `REG_E6C04` holds (observed, as above).
const REG_E6C04: u32 = 0x3;
/// What `REG_E6E1C` holds (observed, as above).
const REG_E6E1C: u32 = 0x2f << 16;

/// A register of the PCH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// Control of the analog output: its search ends at once, without a monitor.
    Adpa,
    /// Reset of FDI's PHY, which is done at once.
    SouthChicken2,
    /// Always reads the same.
    Constant(u32),
}

impl Register {
    /// The register of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "PCH_ADPA" => Some(Self::Adpa),
            "SOUTH_CHICKEN2" => Some(Self::SouthChicken2),
            "REG_E651C" | "REG_E661C" | "REG_E671C" | "REG_E681C" => Some(Self::Constant(READY)),
            "REG_E6C04" => Some(Self::Constant(REG_E6C04)),
            "REG_E6E1C" => Some(Self::Constant(REG_E6E1C)),
            _ => None,
        }
    }

    /// Reads it.
    pub(super) fn read(self, context: &mut Context<'_>, at: MmioOffset) -> u32 {
        match self {
            Self::Constant(value) => context.registers.set(at, value),
            Self::Adpa | Self::SouthChicken2 => (),
        }
        context.registers.get(at)
    }

    /// Writes it.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        context.store(at, written);
        let value = context.registers.get(at);
        match self {
            Self::Adpa => context.registers.set(at, value & !FORCE_HOTPLUG),
            Self::SouthChicken2 => {
                context
                    .registers
                    .set_if(value & FDI_RESET != 0, at, FDI_IN_RESET);
            }
            Self::Constant(_) => (),
        }
    }
}
