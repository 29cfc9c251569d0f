// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Power wells, display buffer, fuses and the PHYs of Broxton: requests that are acknowledged.

use crate::address::MmioOffset;
use crate::platform::PlatformId;
use crate::register_file::RegisterFile;

use super::bits;

/// All four requesters of power wells.
const REQUESTERS: [u32; 4] = [
    bits::PWR_WELL_CTL_BIOS,
    bits::PWR_WELL_CTL_DRIVER,
    bits::PWR_WELL_CTL_KVMR,
    bits::PWR_WELL_CTL_DEBUG,
];

/// Handles a write to a power register; `false` if `offset` is none.
pub fn write(regs: &mut RegisterFile, platform: PlatformId, offset: u32, value: u32) -> bool {
    match offset {
        _ if REQUESTERS.contains(&offset) => {
            regs.update(MmioOffset(offset), bits::PWR_WELL_REQUESTS, value);
            update_wells(regs, platform);
        }
        bits::DBUF_CTL => regs.set(MmioOffset(offset), super::follow_enable(value)),
        bits::BXT_GT_DISP_PWRON if platform == PlatformId::Broxton => {
            regs.set(MmioOffset(offset), value);
            for (phy, register) in bits::BXT_CL1CM_DW0.iter().enumerate() {
                let good = if value >> phy & 1 == 1 {
                    bits::BXT_PHY_POWER_GOOD
                } else {
                    0
                };
                regs.update(MmioOffset(*register), bits::BXT_PHY_POWER_GOOD, good);
                let calibrated = if good != 0 { bits::BXT_GRC_DONE } else { 0 };
                let status = MmioOffset(bits::BXT_REF_DW3[phy]);
                regs.update(status, bits::BXT_GRC_DONE, calibrated);
            }
        }
        _ if platform == PlatformId::Broxton && bits::BXT_PHY_CTL_FAMILY.contains(&offset) => {
            regs.set(MmioOffset(offset), value);
            let on = value & bits::BXT_COMMON_RESET_DISABLE != 0;
            let status = if on { bits::BXT_PHY_LANE_ENABLED } else { 0 };
            let ports = if offset == bits::BXT_PHY_CTL_FAMILY[1] {
                0..1
            } else {
                1..3
            };
            for port in ports {
                let register = MmioOffset(bits::BXT_PHY_CTL_DDI + 0x10 * port);
                regs.update(register, bits::BXT_PHY_LANE_ENABLED, status);
            }
        }
        _ if platform == PlatformId::Broxton => {
            let mut groups = bits::BXT_PCS_DW12_GROUPS.iter();
            let Some((_, lanes)) = groups.find(|(group, _)| *group == offset) else {
                return false;
            };
            regs.set(MmioOffset(offset), value);
            for distance in lanes {
                regs.set(MmioOffset(offset - distance), value);
            }
        }
        _ => return false,
    }
    true
}

/// Derives the state bits from everybody's requests: a well is on if anyone wants it.
pub fn update_wells(regs: &mut RegisterFile, platform: PlatformId) {
    let requests =
        |regs: &RegisterFile, offset| regs.get(MmioOffset(offset)) & bits::PWR_WELL_REQUESTS;
    let wanted = REQUESTERS
        .iter()
        .fold(0, |all, offset| all | requests(regs, *offset));
    for offset in REQUESTERS {
        let own = requests(regs, offset);
        regs.set(MmioOffset(offset), own | wanted >> 1);
    }
    if platform == PlatformId::Broadwell {
        return;
    }
    let group = |request, status| if wanted & request != 0 { status } else { 0 };
    regs.set(
        MmioOffset(bits::FUSE_STATUS),
        bits::FUSE_DOWNLOADED
            | bits::FUSE_PG0
            | group(bits::PWR_WELL_1_REQUEST, bits::FUSE_PG1)
            | group(bits::PWR_WELL_2_REQUEST, bits::FUSE_PG2),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKL: PlatformId = PlatformId::Skylake;

    #[test]
    fn well_when_driver_requests_it_is_on_for_all_readers() {
        let mut regs = RegisterFile::default();

        assert!(write(
            &mut regs,
            SKL,
            bits::PWR_WELL_CTL_DRIVER,
            1 << 29 | 1 << 28
        ));

        assert_eq!(
            regs.get(MmioOffset(bits::PWR_WELL_CTL_DRIVER)),
            1 << 29 | 1 << 28
        );
        assert_eq!(regs.get(MmioOffset(bits::PWR_WELL_CTL_BIOS)), 1 << 28);
        assert_ne!(regs.get(MmioOffset(bits::FUSE_STATUS)) & bits::FUSE_PG1, 0);
    }

    #[test]
    fn well_when_firmware_still_requests_it_stays_on() {
        let mut regs = RegisterFile::default();
        write(&mut regs, SKL, bits::PWR_WELL_CTL_BIOS, 1 << 31);
        write(&mut regs, SKL, bits::PWR_WELL_CTL_DRIVER, 1 << 31);

        write(&mut regs, SKL, bits::PWR_WELL_CTL_DRIVER, 0);

        assert_eq!(regs.get(MmioOffset(bits::PWR_WELL_CTL_DRIVER)), 1 << 30);
    }

    #[test]
    fn lanes_when_written_as_a_group_all_have_the_value() {
        let mut regs = RegisterFile::default();

        assert!(write(&mut regs, PlatformId::Broxton, 0x6_ce30, 0x44));

        let lanes = [0x6_ce30, 0x6_c830, 0x6_ca30];
        assert_eq!(lanes.map(|at| regs.get(MmioOffset(at))), [0x44; 3]);
        assert!(!write(&mut regs, SKL, 0x6_ce30, 0x44));
    }

    #[test]
    fn phy_when_powered_reports_power_good() {
        let mut regs = RegisterFile::default();

        assert!(write(
            &mut regs,
            PlatformId::Broxton,
            bits::BXT_GT_DISP_PWRON,
            2
        ));

        assert_eq!(regs.get(MmioOffset(0x16_2000)), bits::BXT_PHY_POWER_GOOD);
        assert_eq!(regs.get(MmioOffset(0x16_218c)), bits::BXT_GRC_DONE);
        assert_eq!(regs.get(MmioOffset(0x6_c000)), 0);
        assert!(!write(&mut regs, SKL, bits::BXT_GT_DISP_PWRON, 2));
    }
}
