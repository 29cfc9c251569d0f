// SPDX-License-Identifier: GPL-2.0 OR MIT
//! PLLs: locks, and the frequencies that their dividers give.

use crate::address::MmioOffset;
use crate::platform::PlatformId;
use crate::register_file::RegisterFile;

use super::bits;

/// Reference of SKL's PLLs in kHz.
const SKL_REFERENCE: u64 = 24_000;
/// Reference of BXT's port PLLs in kHz.
const BXT_REFERENCE: u64 = 100_000;
/// BDW's LCPLL in kHz, the WRPLLs' usual reference.
const LCPLL: u64 = 2_700_000;
/// The PCH's spread-spectrum reference of BDW's WRPLLs in kHz.
const PCH_SSC: u64 = 135_000;
/// Bits of fraction in the DCO's multiplier (SKL).
const DCO_FRACTION_BITS: u32 = 15;
/// Ratio of the analog front end's clock and the pixel clock.
const AFE_RATIO: u64 = 5;

/// The dividers of a SKL PLL in HDMI mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrpllConfig {
    /// DCO multiplier with 15 bits of fraction, ready for CFGCR1.
    pub cfgcr1: u32,
    /// Post dividers, ready for CFGCR2.
    pub cfgcr2: u32,
}

impl WrpllConfig {
    /// Dividers for a pixel clock; `None` if no divider brings the DCO into its range.
    pub fn for_clock(clock_khz: u64) -> Option<Self> {
        /// The DCO's centre frequencies in kHz, with their codes.
        const CENTRES: [(u64, u32); 3] = [(8_400_000, 3), (9_000_000, 1), (9_600_000, 0)];
        /// Dividers: total, code of P (2, 3 or 7), Q, code of K, which is always 2.
        const DIVIDERS: [(u64, u32, u32); 11] = [
            (4, 1, 1),
            (6, 2, 1),
            (8, 1, 2),
            (12, 1, 3),
            (14, 4, 1),
            (16, 1, 4),
            (18, 2, 3),
            (20, 1, 5),
            (24, 1, 6),
            (28, 4, 2),
            (32, 1, 8),
        ];
        const K_IS_2: u32 = 1;
        let afe = clock_khz.checked_mul(AFE_RATIO).filter(|afe| *afe > 0)?;
        let candidates = CENTRES.iter().flat_map(|centre| {
            DIVIDERS
                .iter()
                .map(move |divider| (divider.0.saturating_mul(afe), centre, divider))
        });
        // The DCO may run 1 % above and 6 % below a centre frequency.
        let (dco, &(_, centre_code), &(_, p, q)) = candidates
            .filter(|(dco, (centre, _), _)| {
                *dco <= centre + centre / 100 && *dco >= centre - centre * 6 / 100
            })
            .min_by_key(|(dco, (centre, _), _)| dco.abs_diff(*centre))?;
        // Rounded up, so that what a driver reads back does not fall below the clock.
        let multiplier = (dco << DCO_FRACTION_BITS).div_ceil(SKL_REFERENCE) as u32;
        let (integer, fraction) = (
            multiplier >> DCO_FRACTION_BITS,
            multiplier & ((1 << DCO_FRACTION_BITS) - 1),
        );
        Some(Self {
            cfgcr1: bits::ENABLE | fraction << 9 | integer,
            cfgcr2: q << 8 | u32::from(q > 1) << 7 | K_IS_2 << 5 | p << 2 | centre_code,
        })
    }

    /// The clock in kHz that these dividers give.
    pub fn clock(self) -> Option<u64> {
        let p = match self.cfgcr2 >> 2 & 7 {
            0 => 1,
            1 => 2,
            2 => 3,
            4 | 5 => 7,
            _ => return None,
        };
        let k = [5, 2, 3, 1][(self.cfgcr2 >> 5 & 3) as usize];
        let q = if self.cfgcr2 >> 7 & 1 == 1 {
            u64::from(self.cfgcr2 >> 8 & 0xff)
        } else {
            1
        };
        let integer = u64::from(self.cfgcr1 & 0x1ff);
        let fraction = u64::from(self.cfgcr1 >> 9 & 0x7fff);
        let dco = integer * SKL_REFERENCE + ((fraction * SKL_REFERENCE) >> DCO_FRACTION_BITS);
        dco.checked_div(p * q * k * AFE_RATIO)
    }
}

/// Handles a write to a PLL's enable register; `false` if `offset` is none.
pub fn write(regs: &mut RegisterFile, platform: PlatformId, offset: u32, value: u32) -> bool {
    match (platform, offset) {
        (PlatformId::Broadwell, bits::LCPLL_CTL) => {
            let locked = if value & bits::LCPLL_DISABLE == 0 {
                bits::STATE
            } else {
                0
            };
            let fclk = if value & bits::LCPLL_FCLK != 0 {
                bits::LCPLL_FCLK_DONE
            } else {
                0
            };
            let kept = value & !(bits::STATE | bits::LCPLL_FCLK_DONE);
            regs.set(MmioOffset(offset), kept | locked | fclk);
        }
        (PlatformId::Broadwell, _) => return false,
        (PlatformId::Broxton, bits::BXT_DE_PLL_ENABLE) => {
            regs.set(MmioOffset(offset), super::follow_enable(value));
        }
        (PlatformId::Broxton, 0x4_6074 | 0x4_6078 | 0x4_607c) => {
            let power = if value & bits::BXT_PORT_PLL_POWER != 0 {
                bits::BXT_PORT_PLL_POWER >> 1
            } else {
                0
            };
            let kept = super::follow_enable(value) & !(bits::BXT_PORT_PLL_POWER >> 1);
            regs.set(MmioOffset(offset), kept | power);
        }
        (PlatformId::Broxton, _) => return false,
        (_, _) if bits::DPLL_ENABLE.contains(&offset) => {
            // Only the two LCPLLs show their lock here as well.
            let own = if offset <= bits::DPLL_ENABLE[1] {
                super::follow_enable(value)
            } else {
                value
            };
            regs.set(MmioOffset(offset), own);
            update_status(regs);
        }
        _ => return false,
    }
    true
}

/// Derives SKL's lock register from the enable bits.
pub fn update_status(regs: &mut RegisterFile) {
    let locks = bits::DPLL_ENABLE
        .iter()
        .enumerate()
        .fold(0, |locks, (pll, enable)| {
            let on = regs.get(MmioOffset(*enable)) & bits::ENABLE != 0;
            locks | u32::from(on) << (8 * pll)
        });
    regs.set(MmioOffset(bits::DPLL_STATUS), locks);
}

/// The clock that feeds `port` (0 for A) in kHz: TMDS clock, or symbol clock of a link.
pub fn port_clock(regs: &RegisterFile, platform: PlatformId, port: u32) -> Option<u64> {
    match platform {
        PlatformId::Broadwell => bdw_port_clock(regs, port),
        PlatformId::Broxton => bxt_port_clock(regs, port),
        _ => skl_port_clock(regs, port),
    }
}

fn skl_port_clock(regs: &RegisterFile, port: u32) -> Option<u64> {
    let select = regs.get(MmioOffset(bits::DPLL_CTRL2));
    if select >> (port + 15) & 1 != 0 {
        return None;
    }
    let pll = (select >> (port * 3 + 1) & 3) as usize;
    if regs.get(MmioOffset(bits::DPLL_ENABLE[pll])) & bits::ENABLE == 0 {
        return None;
    }
    let mode = regs.get(MmioOffset(bits::DPLL_CTRL1)) >> (6 * pll);
    if mode & bits::DPLL_CTRL1_HDMI_MODE != 0 {
        let at = bits::DPLL1_CFGCR1 + 8 * (pll as u32).checked_sub(1)?;
        return WrpllConfig {
            cfgcr1: regs.get(MmioOffset(at)),
            cfgcr2: regs.get(MmioOffset(at + 4)),
        }
        .clock();
    }
    const SYMBOL_CLOCKS: [u64; 6] = [540_000, 270_000, 162_000, 324_000, 216_000, 432_000];
    SYMBOL_CLOCKS.get((mode >> 1 & 7) as usize).copied()
}

fn bdw_port_clock(regs: &RegisterFile, port: u32) -> Option<u64> {
    const SPLL_CTL: u32 = 0x4_6020;
    let wrpll = |offset: u32| {
        let value = regs.get(MmioOffset(offset));
        let reference = if value >> 28 & 3 == 3 { LCPLL } else { PCH_SSC };
        let (r, p, n) = (value & 0xff, value >> 8 & 0x3f, value >> 16 & 0xff);
        let on = value & bits::ENABLE != 0;
        (reference * u64::from(n) / 10)
            .checked_div(u64::from(p * r))
            .map(|half| half * 2)
            .filter(|_| on)
    };
    match regs.get(MmioOffset(bits::PORT_CLK_SEL + 4 * port)) >> 29 {
        0 => Some(540_000),
        1 => Some(270_000),
        2 => Some(162_000),
        3 => [81_000, 135_000, 270_000]
            .get((regs.get(MmioOffset(SPLL_CTL)) >> 26 & 3) as usize)
            .copied(),
        4 => wrpll(bits::WRPLL_CTL1),
        5 => wrpll(bits::WRPLL_CTL2),
        _ => None,
    }
}

fn bxt_port_clock(regs: &RegisterFile, port: u32) -> Option<u64> {
    const PLL_0: [u32; 3] = [0x16_2100, 0x6_c100, 0x6_c380];
    const EBB_0: [u32; 3] = [0x16_2034, 0x6_c034, 0x6_c340];
    let index = port as usize;
    let enable = regs.get(MmioOffset(bits::BXT_PORT_PLL_ENABLE.checked_add(4 * port)?));
    if enable & bits::ENABLE == 0 {
        return None;
    }
    let pll = |n: u32| Some(regs.get(MmioOffset(PLL_0.get(index)? + 4 * n)));
    let ebb = regs.get(MmioOffset(*EBB_0.get(index)?));
    // M2 is an integer with 22 bits of fraction, used only if its enable bit is set.
    let fraction = if pll(3)? >> 16 & 1 == 1 {
        pll(2)? & 0x3f_ffff
    } else {
        0
    };
    let m2 = u64::from(pll(0)? & 0xff) << 22 | u64::from(fraction);
    let n = u64::from(pll(1)? >> 8 & 0xf);
    let (p1, p2) = (u64::from(ebb >> 13 & 7), u64::from(ebb >> 8 & 0x1f));
    const M1: u64 = 2;
    let vco = ((BXT_REFERENCE * M1 * m2) >> 22).checked_div(n)?;
    vco.checked_div(p1 * p2)?.checked_div(AFE_RATIO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dividers_when_asked_for_common_clocks_give_them_within_a_kilohertz() {
        for clock in [65_000, 108_000, 148_500] {
            let config = WrpllConfig::for_clock(clock).unwrap();

            assert!(
                config.clock().unwrap().abs_diff(clock) <= 1,
                "{clock}: {config:?}"
            );
        }
    }

    #[test]
    fn dividers_when_clock_is_out_of_reach_are_none() {
        assert_eq!(WrpllConfig::for_clock(0), None);
        assert_eq!(WrpllConfig::for_clock(10), None);
    }

    #[test]
    fn lock_when_pll_is_enabled_follows() {
        let mut regs = RegisterFile::default();

        assert!(write(
            &mut regs,
            PlatformId::Skylake,
            0x4_6014,
            bits::ENABLE
        ));
        assert_eq!(regs.get(MmioOffset(0x4_6014)), bits::ENABLE | bits::STATE);
        assert_eq!(regs.get(MmioOffset(bits::DPLL_STATUS)), 1 << 8);

        write(&mut regs, PlatformId::Skylake, 0x4_6014, 0);
        assert_eq!(regs.get(MmioOffset(bits::DPLL_STATUS)), 0);
    }

    #[test]
    fn port_clock_when_link_rate_is_chosen_is_its_symbol_clock() {
        let mut regs = RegisterFile::default();
        write(&mut regs, PlatformId::Kabylake, 0x4_6010, bits::ENABLE);
        regs.set(MmioOffset(bits::DPLL_CTRL1), 3 << 1 | 1);

        assert_eq!(port_clock(&regs, PlatformId::Kabylake, 3), Some(324_000));
    }

    #[test]
    fn port_clock_when_gated_is_none() {
        let mut regs = RegisterFile::default();
        regs.set(MmioOffset(bits::DPLL_CTRL2), bits::DPLL_CTRL2_ALL_OFF);

        assert_eq!(port_clock(&regs, PlatformId::Kabylake, 1), None);
    }
}
