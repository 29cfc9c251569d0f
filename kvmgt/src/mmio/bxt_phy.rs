// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Broxton's display PHYs: PHY 1 for port A, PHY 0 for ports B and C. They are ready at once.

use super::context::Context;
use super::registers::{named, RegisterFile};
use super::written::Written;
use crate::address::MmioOffset;

/// P_CR_GT_DISP_PWRON: power for PHY 0 (PRM BXT Vol 2c, P_CR_GT_DISP_PWRON, bit 0).
const POWER_PHY0: u32 = 1 << 0;
/// P_CR_GT_DISP_PWRON: power for PHY 1 (bit 1).
const POWER_PHY1: u32 = 1 << 1;
/// PORT_CL1CM_DW0: the PHY has power (PRM BXT Vol 2c, PORT_CL1CM_DW0, bit 16).
const POWER_GOOD: u32 = 1 << 16;
/// PORT_CL1CM_DW0: a bit that is set as long as it has none (bit 7).
const POWER_RESERVED: u32 = 1 << 7;
/// PORT_REF_DW3: its resistors are calibrated (PRM BXT Vol 2c, PORT_REF_DW3, bit 22: GRC_DONE).
const CALIBRATED: u32 = 1 << 22;
/// PHY_CTL_FAMILY: the lanes of the family leave reset (PRM BXT Vol 2c, PHY_CTL_FAMILY, bit 31).
const COMMON_RESET_DISABLE: u32 = 1 << 31;
/// PHY_CTL_FAMILY: cleared by a reset (bit 30).
const FAMILY_STATUS: u32 = 1 << 30;
/// PHY_CTL_DDI: lanes are on (PRM BXT Vol 2c, PHY_CTL_DDI, bit 8).
const LANE_ENABLED: u32 = 1 << 8;
/// PHY_CTL_DDI: lanes have no power (bit 9).
const LANE_POWERDOWN: u32 = 1 << 9;
/// PHY_CTL_DDI: the common lane has no power (bit 10).
const COMMON_POWERDOWN: u32 = 1 << 10;
/// PORT_TX_DW3: a way of choosing the voltage swing that vGPUs are not told of (PRM BXT Vol 2c,
/// PORT_TX_DW3, bit 27).
const UNIQUE_TRANSITION: u32 = 1 << 27;

const POWER: MmioOffset = named("BXT_P_CR_GT_DISP_PWRON");
const COMMON_PHY0: MmioOffset = named("BXT_PORT_CL1CM_DW0_DPIO_PHY0");
const COMMON_PHY1: MmioOffset = named("BXT_PORT_CL1CM_DW0_DPIO_PHY1");
const REFERENCE_PHY0: MmioOffset = named("BXT_PORT_REF_DW3_DPIO_PHY0");
const REFERENCE_PHY1: MmioOffset = named("BXT_PORT_REF_DW3_DPIO_PHY1");
const FAMILY_PHY0: MmioOffset = named("BXT_PHY_CTL_FAMILY_DPIO_PHY0");
const FAMILY_PHY1: MmioOffset = named("BXT_PHY_CTL_FAMILY_DPIO_PHY1");
const PORT_A: MmioOffset = named("BXT_PHY_CTL_PORT_A");
const PORT_B: MmioOffset = named("BXT_PHY_CTL_PORT_B");
const PORT_C: MmioOffset = named("BXT_PHY_CTL_PORT_C");

/// Registers of the two pairs of lanes of a channel, that its group register writes both.
static GROUPS: [(&str, [MmioOffset; 2]); 3] = [
    (
        "BXT_PORT_PCS_DW12_GRP_DPIO_PHY0_DPIO_CH0",
        [
            named("BXT_PORT_PCS_DW12_LN01_DPIO_PHY0_DPIO_CH0"),
            named("BXT_PORT_PCS_DW12_LN23_DPIO_PHY0_DPIO_CH0"),
        ],
    ),
    (
        "BXT_PORT_PCS_DW12_GRP_DPIO_PHY0_DPIO_CH1",
        [
            named("BXT_PORT_PCS_DW12_LN01_DPIO_PHY0_DPIO_CH1"),
            named("BXT_PORT_PCS_DW12_LN23_DPIO_PHY0_DPIO_CH1"),
        ],
    ),
    (
        "BXT_PORT_PCS_DW12_GRP_DPIO_PHY1_DPIO_CH0",
        [
            named("BXT_PORT_PCS_DW12_LN01_DPIO_PHY1_DPIO_CH0"),
            named("BXT_PORT_PCS_DW12_LN23_DPIO_PHY1_DPIO_CH0"),
        ],
    ),
];

/// A register of the PHYs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// Power of both.
    Power,
    /// Reset of the ports of one.
    Family(&'static [MmioOffset]),
    /// Voltage swing of a channel.
    TxDw3,
    /// A register that is written in place of several.
    Group([MmioOffset; 2]),
}

impl Register {
    /// The register of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "BXT_P_CR_GT_DISP_PWRON" => Some(Self::Power),
            "BXT_PHY_CTL_FAMILY_DPIO_PHY0" => Some(Self::Family(&[PORT_B, PORT_C])),
            "BXT_PHY_CTL_FAMILY_DPIO_PHY1" => Some(Self::Family(&[PORT_A])),
            "BXT_PORT_TX_DW3_LN_DPIO_PHY0_DPIO_CH0_0"
            | "BXT_PORT_TX_DW3_LN_DPIO_PHY0_DPIO_CH1_0"
            | "BXT_PORT_TX_DW3_LN_DPIO_PHY1_DPIO_CH0_0" => Some(Self::TxDw3),
            _ => GROUPS
                .iter()
                .find(|(group, _)| *group == name)
                .map(|(_, lanes)| Self::Group(*lanes)),
        }
    }

    /// Reads it.
    pub(super) fn read(self, context: &mut Context<'_>, at: MmioOffset) -> u32 {
        match self {
            Self::TxDw3 => context.registers.update(at, UNIQUE_TRANSITION, 0),
            Self::Power | Self::Family(_) | Self::Group(_) => (),
        }
        context.registers.get(at)
    }

    /// Writes it.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        context.store(at, written);
        let registers = &mut *context.registers;
        let value = registers.get(at);
        match self {
            Self::Power => {
                for (power, common, reference) in [
                    (POWER_PHY0, COMMON_PHY0, REFERENCE_PHY0),
                    (POWER_PHY1, COMMON_PHY1, REFERENCE_PHY1),
                ] {
                    if value & power != 0 {
                        registers.update(common, POWER_RESERVED, POWER_GOOD);
                        registers.update(reference, 0, CALIBRATED);
                    }
                }
            }
            Self::Family(ports) => {
                let lanes = match value & COMMON_RESET_DISABLE {
                    0 => 0,
                    _ => LANE_ENABLED,
                };
                ports.iter().for_each(|port| registers.set(*port, lanes));
            }
            Self::TxDw3 => (),
            Self::Group(lanes) => lanes.iter().for_each(|lane| registers.set(*lane, value)),
        }
    }
}

/// What a reset of the device does besides: the PHYs have no power.
pub(super) fn reset(registers: &mut RegisterFile) {
    registers.update(POWER, POWER_PHY0 | POWER_PHY1, 0);
    for common in [COMMON_PHY0, COMMON_PHY1] {
        registers.update(common, POWER_GOOD, 0);
    }
    for family in [FAMILY_PHY0, FAMILY_PHY1] {
        registers.update(family, FAMILY_STATUS, 0);
    }
    for port in [PORT_A, PORT_B, PORT_C] {
        registers.update(port, LANE_ENABLED, LANE_POWERDOWN | COMMON_POWERDOWN);
    }
}
