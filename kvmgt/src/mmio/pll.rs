// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Clocks of the display engine. A PLL that is on is locked at once.

use super::context::Context;
use super::registers::named;
use super::written::Written;
use crate::address::MmioOffset;

/// Most PLLs: it is on (PRM Vol 2c, LCPLL1_CTL, DE_PLL_ENABLE, PORT_PLL_ENABLE, bit 31).
const ENABLE: u32 = 1 << 31;
/// Most PLLs: it is locked (bit 30).
const LOCK: u32 = 1 << 30;

/// LCPLL_CTL of Broadwell: it is off (PRM Vol 2c, LCPLL_CTL, bit 31).
const LCPLL_DISABLE: u32 = 1 << 31;
/// LCPLL_CTL of Broadwell: it is locked (bit 30).
const LCPLL_LOCK: u32 = 1 << 30;
/// LCPLL_CTL of Broadwell: the display's clock shall be the fabric's (bit 21).
const FCLK: u32 = 1 << 21;
/// LCPLL_CTL of Broadwell: it is (bit 19).
const FCLK_DONE: u32 = 1 << 19;

/// The PLLs that DPLL_STATUS tells of, and the bits by which (PRM Vol 2c, DPLL_STATUS).
static DPLLS: [(MmioOffset, u32); 4] = [
    (named("LCPLL1_CTL"), 1 << 0),
    (named("LCPLL2_CTL"), 1 << 8),
    (named("REG_46040"), 1 << 16),
    (named("REG_46060"), 1 << 24),
];

/// A register of the clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// Broadwell's.
    Lcpll,
    /// Skylake's: nothing in it but two bits, of which the lock follows.
    SklLcpll,
    /// Broxton's for the display's clock: a lock that comes with the PLL, in a register with more.
    BxtDe,
    /// The same for a port.
    BxtPort,
    /// Which ones are locked.
    DpllStatus,
}

impl Register {
    /// The register of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "LCPLL_CTL" => Some(Self::Lcpll),
            "LCPLL1_CTL" | "LCPLL2_CTL" => Some(Self::SklLcpll),
            "BXT_DE_PLL_ENABLE" => Some(Self::BxtDe),
            "BXT_PORT_PLL_ENABLE_PORT_A"
            | "BXT_PORT_PLL_ENABLE_PORT_B"
            | "BXT_PORT_PLL_ENABLE_PORT_C" => Some(Self::BxtPort),
            "DPLL_STATUS" => Some(Self::DpllStatus),
            _ => None,
        }
    }

    /// Reads it.
    pub(super) fn read(self, context: &mut Context<'_>, at: MmioOffset) -> u32 {
        match self {
            Self::DpllStatus => {
                let locked =
                    |(pll, _): &&(MmioOffset, u32)| context.registers.get(*pll) & ENABLE != 0;
                let status = DPLLS
                    .iter()
                    .filter(locked)
                    .fold(0, |all, (_, bit)| all | bit);
                context.registers.set(at, status);
                status
            }
            Self::Lcpll | Self::SklLcpll | Self::BxtDe | Self::BxtPort => context.registers.get(at),
        }
    }

    /// Writes it.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        let value = context.merged(at, written);
        let registers = &mut *context.registers;
        match self {
            Self::Lcpll => {
                registers.set(at, value);
                registers.set_if(value & LCPLL_DISABLE == 0, at, LCPLL_LOCK);
                registers.set_if(value & FCLK != 0, at, FCLK_DONE);
            }
            Self::SklLcpll => {
                registers.set(at, value & ENABLE);
                registers.set_if(value & ENABLE != 0, at, LOCK);
            }
            Self::BxtDe | Self::BxtPort => {
                let lock = if value & ENABLE != 0 { LOCK } else { 0 };
                registers.set(at, value | lock);
            }
            Self::DpllStatus => registers.set(at, value),
        }
    }
}
