// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The state that system firmware leaves behind before the first driver.
//!
//! Firmware (a GOP driver) has lit pipe A for its boot screen, and somebody has left addresses and
//! data in registers. The boot screen's surface is mapped to stolen memory, of which the GPU has
//! none: drivers find the mode, cannot keep the picture, and turn the plane off without a
//! complaint.

use crate::address::MmioOffset;
use crate::display::bits::{self, Transcoder};
use crate::display::edid::Mode;
use crate::display::pll::WrpllConfig;
use crate::display::{power, Monitor};
use crate::options::Options;
use crate::platform::{Platform, PlatformId};
use crate::register_file::RegisterFile;
use crate::seed;

/// Programs what firmware would: display lit as by a boot screen, secrets in scratch registers.
///
/// Broadwell and Broxton come up dark: their firmware is taken to wait for the driver.
pub fn program(regs: &mut RegisterFile, platform: &Platform, options: &Options) {
    for (offset, value) in seed::secrets(platform.id, options.seed) {
        regs.set(offset, value);
    }
    let monitor = Monitor::default();
    let lit = !matches!(platform.id, PlatformId::Broadwell | PlatformId::Broxton);
    if let (true, true, Some(mode)) = (options.display, lit, monitor.modes.first()) {
        light(regs, platform.id, monitor.port, mode);
    }
}

/// Lights pipe A on an HDMI port of Skylake and its successors.
fn light(regs: &mut RegisterFile, platform: PlatformId, port: u32, mode: &Mode) {
    let Some(clock) = WrpllConfig::for_clock(u64::from(mode.clock_khz)) else {
        return;
    };
    for (offset, value) in clocks(port, clock).into_iter().chain(pipe(port, mode)) {
        regs.set(offset, value);
    }
    power::update_wells(regs, platform);
    crate::display::pll::update_status(regs);
}

/// Power, CD clock, PLLs and the port.
fn clocks(port: u32, clock: WrpllConfig) -> Vec<(MmioOffset, u32)> {
    /// DPLL 0 runs at 8100 MHz, which its link rate of 810 MHz implies; it feeds the CD clock.
    const DPLL0_8100: u32 = bits::DPLL_CTRL1_OVERRIDE | 2 << 1;
    /// The legacy VGA plane is off.
    const VGA_OFF: (u32, u32) = (0x4_1000, 1 << 31);
    let pll_1 = (bits::DPLL_CTRL1_HDMI_MODE | bits::DPLL_CTRL1_OVERRIDE) << 6;
    let wells = bits::PWR_WELL_1_REQUEST
        | bits::PWR_WELL_2_REQUEST
        | bits::PWR_WELL_MISC_IO_REQUEST
        | bits::PWR_WELL_DDI_B_REQUEST << (2 * (port - 1));
    let on = bits::ENABLE | bits::STATE;
    // Port n: its clock is not gated, comes from PLL 1, and the choice is valid.
    let select = bits::DPLL_CTRL2_ALL_OFF & !(1 << (port + 15)) | (1 << 1 | 1) << (3 * port);
    [
        VGA_OFF,
        (bits::PWR_WELL_CTL_BIOS, wells),
        (bits::DBUF_CTL, on),
        (bits::CDCLK_CTL, bits::CDCLK_337_5),
        (bits::DPLL_CTRL1, DPLL0_8100 | pll_1),
        (bits::DPLL1_CFGCR1, clock.cfgcr1),
        (bits::DPLL1_CFGCR1 + 4, clock.cfgcr2),
        (bits::DPLL_ENABLE[0], on),
        (bits::DPLL_ENABLE[1], on),
        (bits::DPLL_CTRL2, select),
        (bits::DDI_BUF_CTL + port * bits::PORT_STRIDE, bits::ENABLE),
    ]
    .map(|(offset, value)| (MmioOffset(offset), value))
    .to_vec()
}

/// Transcoder, pipe, primary plane and the plane's share of the display buffer.
fn pipe(port: u32, mode: &Mode) -> Vec<(MmioOffset, u32)> {
    /// The port is driven as DVI, which any monitor on an HDMI port understands.
    const MODE_DVI: u32 = 1 << 24;
    const PLANE_XRGB: u32 = bits::ENABLE | 4 << 24;
    /// Blocks of the display buffer: the plane has all but the last 32, which the cursor has.
    const PLANE_BUF_CFG: (u32, u32) = (0x7_027c, 859 << 16);
    const CUR_BUF_CFG: (u32, u32) = (0x7_017c, 891 << 16 | 860);
    /// Watermark level 0 of the plane: on, 2 lines, 160 blocks.
    const PLANE_WM_0: (u32, u32) = (0x7_0240, 1 << 31 | 2 << 14 | 160);
    let [h_active, h_sync, h_sync_end, h_total] = mode.horizontal;
    let [v_active, v_sync, v_sync_end, v_total] = mode.vertical;
    let pair = |high: u32, low: u32| (high - 1) << 16 | (low - 1);
    let polarity = [bits::TRANS_DDI_PHSYNC, bits::TRANS_DDI_PVSYNC]
        .iter()
        .zip(mode.positive_sync)
        .fold(
            0,
            |all, (bit, positive)| if positive { all | bit } else { all },
        );
    let at = |offset| Transcoder::A.register(offset).0;
    [
        (at(bits::TRANS_HTOTAL), pair(h_total, h_active)),
        (at(bits::TRANS_HBLANK), pair(h_total, h_active)),
        (at(bits::TRANS_HSYNC), pair(h_sync_end, h_sync)),
        (at(bits::TRANS_VTOTAL), pair(v_total, v_active)),
        (at(bits::TRANS_VBLANK), pair(v_total, v_active)),
        (at(bits::TRANS_VSYNC), pair(v_sync_end, v_sync)),
        (bits::PIPESRC, pair(h_active, v_active)),
        (
            at(bits::TRANS_DDI_FUNC_CTL),
            bits::ENABLE | port << 28 | MODE_DVI | polarity,
        ),
        (at(bits::TRANSCONF), bits::ENABLE | bits::STATE),
        PLANE_BUF_CFG,
        CUR_BUF_CFG,
        PLANE_WM_0,
        (bits::PLANE_STRIDE, h_active * 4 / 64),
        (bits::PLANE_SIZE, (v_active - 1) << 16 | (h_active - 1)),
        (bits::PLANE_CTL, PLANE_XRGB),
    ]
    .map(|(offset, value)| (MmioOffset(offset), value))
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Nanos;
    use crate::display::{Display, DisplayBus};
    use crate::interrupt::{IrqGroup, IrqLines};

    struct Deaf;

    impl IrqLines for Deaf {
        fn raise(&mut self, _group: IrqGroup, _bits: u32) {}
        fn set_level(&mut self, _group: IrqGroup, _bits: u32, _high: bool) {}
    }

    /// A GPU's registers and display after firmware.
    fn boot(platform: PlatformId, display: bool) -> (RegisterFile, Display) {
        let mut regs = RegisterFile::default();
        let table = Platform::get(platform);
        let mut engine = Display::new(table, display);
        let mut bus = DisplayBus {
            regs: &mut regs,
            irq: &mut Deaf,
            now: Nanos(0),
        };
        engine.reset(&mut bus);
        let options = Options {
            display,
            ..Options::for_platform(platform)
        };
        program(&mut regs, table, &options);
        let mut bus = DisplayBus {
            regs: &mut regs,
            irq: &mut Deaf,
            now: Nanos(0),
        };
        engine.tick(&mut bus);
        (regs, engine)
    }

    #[test]
    fn pipe_when_firmware_has_lit_it_runs_at_sixty_hertz() {
        for platform in [
            PlatformId::Skylake,
            PlatformId::Kabylake,
            PlatformId::Cometlake,
        ] {
            let (_, display) = boot(platform, true);

            assert_eq!(display.active_pipe(), Some(0));
            assert!(display.refresh_mhz(0).unwrap().abs_diff(60_000) < 10);
        }
    }

    #[test]
    fn requests_when_firmware_made_them_are_acknowledged() {
        let (regs, _) = boot(PlatformId::Kabylake, true);
        let get = |offset| regs.get(MmioOffset(offset));

        let wells = get(bits::PWR_WELL_CTL_BIOS);
        assert_eq!(wells >> 1 & 0x5555_5555, wells & 0x5555_5555);
        assert_eq!(get(bits::DPLL_STATUS), 1 | 1 << 8);
        assert_ne!(get(bits::SWF_18) & 0xff_ffff, 0);
    }

    #[test]
    fn display_when_fused_off_stays_dark() {
        let (regs, display) = boot(PlatformId::Kabylake, false);

        assert_eq!(display.active_pipe(), None);
        assert_eq!(regs.get(MmioOffset(bits::TRANSCONF)), 0);
    }

    #[test]
    fn secrets_when_planted_are_all_there() {
        for platform in PlatformId::ALL {
            let (regs, _) = boot(platform, true);

            for (offset, value) in seed::secrets(platform, 0) {
                assert_eq!(regs.get(offset), value, "{offset}");
            }
        }
    }
}
