// SPDX-License-Identifier: GPL-2.0 OR MIT
//! How fast the link of a port is: ten bits make a symbol, so that a link of 1.62 Gbit/s has 162
//! million a second.

use super::{Kilohertz, Platform, Port, RegisterFile};
use crate::address::MmioOffset;
use crate::mmio::registers::named;

/// Symbols a second of a port's link, as the PLL is set that it has; `None` if it has none, or that has
/// no frequency.
pub(super) fn symbol_clock(
    port: Port,
    platform: Platform,
    registers: &RegisterFile,
) -> Option<Kilohertz> {
    match platform {
        Platform::Bdw => broadwell(port, registers),
        Platform::Bxt => broxton(port, registers),
        Platform::Skl | Platform::Kbl | Platform::Cfl | Platform::Cml => skylake(port, registers),
    }
}

const DPLL_CTRL1: MmioOffset = named("DPLL_CTRL1");
const DPLL_CTRL2: MmioOffset = named("DPLL_CTRL2");
/// DPLL_CTRL2: bits of a port (PRM Vol 2c, DPLL_CTRL2), of which the upper two are the PLL.
const SELECT_BITS: u32 = 3;
const SELECT_SHIFT: u32 = 1;
const SELECT: u32 = 0x3;
/// DPLL_CTRL1: bits of a PLL (PRM Vol 2c, DPLL_CTRL1), of which these are the rate of a link.
const PLL_BITS: u32 = 6;
const RATE_SHIFT: u32 = 1;
const RATE: u32 = 0x7;

/// Skylake and what came after it: the PLL that the port has been given.
fn skylake(port: Port, registers: &RegisterFile) -> Option<Kilohertz> {
    let shift = SELECT_BITS
        .saturating_mul(port as u32)
        .saturating_add(SELECT_SHIFT);
    let pll = registers.get(DPLL_CTRL2).wrapping_shr(shift) & SELECT;
    let shift = PLL_BITS.saturating_mul(pll).saturating_add(RATE_SHIFT);
    match registers.get(DPLL_CTRL1).wrapping_shr(shift) & RATE {
        0 => Some(Kilohertz(540_000)),
        1 => Some(Kilohertz(270_000)),
        2 => Some(Kilohertz(162_000)),
        3 => Some(Kilohertz(324_000)),
        4 => Some(Kilohertz(216_000)),
        5 => Some(Kilohertz(432_000)),
        _ => None,
    }
}

/// PORT_CLK_SEL: the PLL (PRM Vol 2c, PORT_CLK_SEL, bits 31:29).
const CLOCK_SHIFT: u32 = 29;
const SPLL: MmioOffset = named("SPLL_CTL");
/// SPLL_CTL: the frequency (PRM Vol 2c, SPLL_CTL, bits 27:26).
const SPLL_SHIFT: u32 = 26;
const SPLL_FREQUENCY: u32 = 0x3;
/// WRPLL_CTL1 and WRPLL_CTL2, which have no names in the register table.
const WRPLL_1: MmioOffset = named("REG_46040");
const WRPLL_2: MmioOffset = named("REG_46060");
/// WRPLL_CTL: the reference (PRM Vol 2c, WRPLL_CTL, bits 29:28).
const REFERENCE_SHIFT: u32 = 28;
const REFERENCE: u32 = 0x3;
/// WRPLL_CTL: the feedback divider (bits 23:16).
const FEEDBACK_SHIFT: u32 = 16;
const FEEDBACK: u32 = 0xff;
/// WRPLL_CTL: the post divider (bits 13:8).
const POST_SHIFT: u32 = 8;
const POST: u32 = 0x3f;
/// WRPLL_CTL: the reference divider (bits 7:0).
const DIVIDER: u32 = 0xff;
/// By what the clock is divided besides, for what of the dividers is behind the point (observed).
const WRPLL_FIXED: u64 = 5;

static PORT_CLOCKS: [MmioOffset; 5] = [
    named("PORT_CLK_SEL_PORT_A"),
    named("PORT_CLK_SEL_PORT_B"),
    named("PORT_CLK_SEL_PORT_C"),
    named("PORT_CLK_SEL_PORT_D"),
    named("PORT_CLK_SEL_PORT_E"),
];

/// Broadwell: the LCPLL at one of its rates, or one of three others.
fn broadwell(port: Port, registers: &RegisterFile) -> Option<Kilohertz> {
    let select = PORT_CLOCKS.get(port as usize)?;
    match registers.get(*select) >> CLOCK_SHIFT {
        0 => Some(Kilohertz(540_000)),
        1 => Some(Kilohertz(270_000)),
        2 => Some(Kilohertz(162_000)),
        3 => match registers.get(SPLL) >> SPLL_SHIFT & SPLL_FREQUENCY {
            0 => Some(Kilohertz(162_000)),
            1 => Some(Kilohertz(270_000)),
            2 => Some(Kilohertz(540_000)),
            _ => None,
        },
        4 => wrpll(registers.get(WRPLL_1)),
        5 => wrpll(registers.get(WRPLL_2)),
        _ => None,
    }
}

fn wrpll(control: u32) -> Option<Kilohertz> {
    let reference: u64 = match control >> REFERENCE_SHIFT & REFERENCE {
        // The PCH's, with or without a spread spectrum.
        1 | 2 => 135_000,
        // The LCPLL.
        3 => 2_700_000,
        _ => return None,
    };
    let feedback = u64::from(control >> FEEDBACK_SHIFT & FEEDBACK);
    let post = u64::from(control >> POST_SHIFT & POST);
    let divider = u64::from(control & DIVIDER);
    let below = post.saturating_mul(divider).saturating_mul(WRPLL_FIXED);
    let symbols = reference.saturating_mul(feedback).checked_div(below)?;
    Some(Kilohertz(symbols))
}

/// What Broxton's PLLs multiply, in kHz.
const BXT_REFERENCE: u64 = 100_000;
/// The first multiplier of Broxton's PLLs, which is fixed (observed).
const BXT_M1: u64 = 2;
/// Cycles of Broxton's PLLs in a symbol.
const BXT_CYCLES: u64 = 5;
/// PORT_PLL_EBB_0: the dividers behind the oscillator (PRM Vol 2c, PORT_PLL_EBB_0, bits 15:13 and 12:8).
const P1_SHIFT: u32 = 13;
const P1: u32 = 0x7;
const P2_SHIFT: u32 = 8;
const P2: u32 = 0x1f;
/// PORT_PLL_0: the second multiplier (PRM Vol 2c, PORT_PLL_0, bits 7:0).
const M2: u32 = 0xff;
/// PORT_PLL_1: the divider in front of the oscillator (PRM Vol 2c, PORT_PLL_1, bits 11:8).
const N_SHIFT: u32 = 8;
const N: u32 = 0xf;
/// PORT_PLL_2: the fraction of the second multiplier (PRM Vol 2c, PORT_PLL_2, bits 21:0).
const FRACTION: u32 = 0x3f_ffff;
const FRACTION_BITS: u32 = 22;
/// PORT_PLL_3: it has one (PRM Vol 2c, PORT_PLL_3, bit 16).
const HAS_FRACTION: u32 = 1 << 16;

/// The registers of a port's PLL on Broxton.
struct PortPll {
    behind: MmioOffset,
    multiplier: MmioOffset,
    divider: MmioOffset,
    fraction: MmioOffset,
    has_fraction: MmioOffset,
}

macro_rules! port_pll {
    ($channel:literal) => {
        PortPll {
            behind: named(concat!("BXT_PORT_PLL_EBB_0_", $channel)),
            multiplier: named(concat!("BXT_PORT_PLL_", $channel, "_0")),
            divider: named(concat!("BXT_PORT_PLL_", $channel, "_1")),
            fraction: named(concat!("BXT_PORT_PLL_", $channel, "_2")),
            has_fraction: named(concat!("BXT_PORT_PLL_", $channel, "_3")),
        }
    };
}

/// Those of ports A, B and C: each is at a channel of a PHY of its own.
static PORT_PLLS: [PortPll; 3] = [
    port_pll!("DPIO_PHY1_DPIO_CH0"),
    port_pll!("DPIO_PHY0_DPIO_CH0"),
    port_pll!("DPIO_PHY0_DPIO_CH1"),
];

/// Broxton: the port's own PLL.
fn broxton(port: Port, registers: &RegisterFile) -> Option<Kilohertz> {
    let pll = PORT_PLLS.get(port as usize)?;
    let has_fraction = registers.get(pll.has_fraction) & HAS_FRACTION != 0;
    let fraction = match has_fraction {
        true => registers.get(pll.fraction) & FRACTION,
        false => 0,
    };
    let m2 = u64::from(registers.get(pll.multiplier) & M2) << FRACTION_BITS | u64::from(fraction);
    let n = u64::from(registers.get(pll.divider) >> N_SHIFT & N);
    let oscillator = BXT_REFERENCE
        .saturating_mul(BXT_M1)
        .saturating_mul(m2)
        .checked_div(n << FRACTION_BITS)?;
    let behind = registers.get(pll.behind);
    let p1 = u64::from(behind >> P1_SHIFT & P1);
    let p2 = u64::from(behind >> P2_SHIFT & P2);
    let below = p1.saturating_mul(p2).saturating_mul(BXT_CYCLES);
    oscillator.checked_div(below).map(Kilohertz)
}
