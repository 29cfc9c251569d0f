// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Offsets and bits of the display engine's registers.
//!
//! Source: PRM Vol 2c (SKL, KBL, BDW) "Command Reference: Registers", display chapters; names are
//! those that i915 uses.

use crate::address::MmioOffset;

/// Display timestamp, counts microseconds.
pub const TIMESTAMP_CTR: u32 = 0x4_4070;

// Power.

/// Power well request and state of the firmware; the driver's, KVMR's and the debugger's follow.
pub const PWR_WELL_CTL_BIOS: u32 = 0x4_5400;
/// Power well request and state of the driver.
pub const PWR_WELL_CTL_DRIVER: u32 = 0x4_5404;
/// Power well request and state of KVMR.
pub const PWR_WELL_CTL_KVMR: u32 = 0x4_5408;
/// Power well request and state of the debugger.
pub const PWR_WELL_CTL_DEBUG: u32 = 0x4_540c;
/// The request bits of a power well register; the state bit is the one below.
pub const PWR_WELL_REQUESTS: u32 = 0xaaaa_aaaa;
/// Request bit of power well 1.
pub const PWR_WELL_1_REQUEST: u32 = 1 << 29;
/// Request bit of power well 2.
pub const PWR_WELL_2_REQUEST: u32 = 1 << 31;
/// Request bit of the miscellaneous IO well.
pub const PWR_WELL_MISC_IO_REQUEST: u32 = 1 << 1;
/// Request bit of the DDI B IO well.
pub const PWR_WELL_DDI_B_REQUEST: u32 = 1 << 5;
/// Fuse download and distribution status (SKL on).
pub const FUSE_STATUS: u32 = 0x4_2000;
/// Fuses are downloaded.
pub const FUSE_DOWNLOADED: u32 = 1 << 31;
/// Fuses are distributed to power group 0; 1 and 2 are the bits below.
pub const FUSE_PG0: u32 = 1 << 27;
/// Fuses are distributed to power group 1.
pub const FUSE_PG1: u32 = 1 << 26;
/// Fuses are distributed to power group 2.
pub const FUSE_PG2: u32 = 1 << 25;
/// Display buffer power.
pub const DBUF_CTL: u32 = 0x4_5008;
/// Most enable bits are bit 31 and the acknowledgement is bit 30.
pub const ENABLE: u32 = 1 << 31;
/// The state that follows [`ENABLE`].
pub const STATE: u32 = 1 << 30;

// Fuses and straps.

/// Display fuses (SKL on).
pub const DFSM: u32 = 0x5_1000;
/// All pipes are fused off.
pub const DFSM_NO_PIPES: u32 = 1 << 30 | 1 << 21 | 1 << 28;
/// South fuses and straps.
pub const SFUSE_STRAP: u32 = 0xc_2014;
/// Fuse: the display is disabled (BDW).
pub const SFUSE_DISPLAY_DISABLED: u32 = 1 << 7;
/// Fuse: there is no CRT (BDW).
pub const SFUSE_CRT_DISABLED: u32 = 1 << 6;
/// Straps: ports B (bit 2), C and D are there.
pub const SFUSE_PORTS_BCD: u32 = 7;

// Clocks.

/// CD clock frequency selection.
pub const CDCLK_CTL: u32 = 0x4_6000;
/// CD clock 337.5 MHz: selection 2, and 337.5 * 2 - 2 as "decimal" in half MHz.
pub const CDCLK_337_5: u32 = 2 << 26 | (337 - 1) << 1 | 1;
/// Enable and lock of SKL's DPLL 0, and of LCPLL 1.
pub const DPLL0_ENABLE: u32 = 0x4_6010;
/// Enable of SKL's four PLLs in order.
pub const DPLL_ENABLE: [u32; 4] = [0x4_6010, 0x4_6014, 0x4_6040, 0x4_6060];
/// Modes and link rates of SKL's PLLs, six bits each.
pub const DPLL_CTRL1: u32 = 0x6_c058;
/// The fields of DPLL 0 in [`DPLL_CTRL1`]; those of PLL n are 6 n bits higher.
pub const DPLL_CTRL1_HDMI_MODE: u32 = 1 << 5;
/// The PLL's settings here override what it came up with.
pub const DPLL_CTRL1_OVERRIDE: u32 = 1;
/// Which PLL feeds which port.
pub const DPLL_CTRL2: u32 = 0x6_c05c;
/// All ports' clocks are off, as after reset.
pub const DPLL_CTRL2_ALL_OFF: u32 = 0x1f << 15;
/// Lock of SKL's PLLs, one bit in each byte.
pub const DPLL_STATUS: u32 = 0x6_c060;
/// First configuration register of DPLL 1; 2 and 3 follow, 8 bytes apart.
pub const DPLL1_CFGCR1: u32 = 0x6_c040;
/// LCPLL of BDW.
pub const LCPLL_CTL: u32 = 0x13_0040;
/// LCPLL: disable.
pub const LCPLL_DISABLE: u32 = 1 << 31;
/// LCPLL: CD clock comes from FCLK.
pub const LCPLL_FCLK: u32 = 1 << 21;
/// LCPLL: the switch to FCLK is done.
pub const LCPLL_FCLK_DONE: u32 = 1 << 19;
/// Port clock selection: none.
pub const PORT_CLK_SEL_NONE: u32 = 7 << 29;
/// WRPLL 1 of BDW.
pub const WRPLL_CTL1: u32 = 0x4_6040;
/// WRPLL 2 of BDW.
pub const WRPLL_CTL2: u32 = 0x4_6060;
/// Clock selection of BDW's port A; the other ports follow.
pub const PORT_CLK_SEL: u32 = 0x4_6100;
/// Display PLL of BXT.
pub const BXT_DE_PLL_ENABLE: u32 = 0x4_6070;
/// Enable of the PLL of BXT's port A; B and C follow.
pub const BXT_PORT_PLL_ENABLE: u32 = 0x4_6074;
/// BXT port PLL: power request (26); the state is the bit below.
pub const BXT_PORT_PLL_POWER: u32 = 1 << 26;
/// BXT: PHY power request, one bit a PHY.
pub const BXT_GT_DISP_PWRON: u32 = 0x13_8090;
/// BXT: common lane register with the power-good bit, PHY 0 (ports B, C) and 1 (port A).
pub const BXT_CL1CM_DW0: [u32; 2] = [0x6_c000, 0x16_2000];
/// BXT: the PHY has power.
pub const BXT_PHY_POWER_GOOD: u32 = 1 << 16;
/// BXT: calibration status of PHY 0 and 1.
pub const BXT_REF_DW3: [u32; 2] = [0x6_c18c, 0x16_218c];
/// BXT: the calibration is done.
pub const BXT_GRC_DONE: u32 = 1 << 22;
/// BXT: lane staggering of a port's lanes together: A, B, C. Then the distances down to the
/// registers of lanes 0 and 1, and of lanes 2 and 3.
pub const BXT_PCS_DW12_GROUPS: [(u32, [u32; 2]); 3] = [
    (0x16_2c30, [0x800, 0x600]),
    (0x6_cc30, [0x800, 0x600]),
    (0x6_ce30, [0x600, 0x400]),
];
/// BXT: control of the PHY families DDI B/C and A.
pub const BXT_PHY_CTL_FAMILY: [u32; 2] = [0x6_4c90, 0x6_4c80];
/// BXT: the common reset is off.
pub const BXT_COMMON_RESET_DISABLE: u32 = 1 << 31;
/// BXT: PHY status of port A; B and C follow, 0x10 apart.
pub const BXT_PHY_CTL_DDI: u32 = 0x6_4c00;
/// BXT: the lanes are on.
pub const BXT_PHY_LANE_ENABLED: u32 = 1 << 8;

// Transcoders and pipes.

/// A display timing generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transcoder {
    /// Fixed to pipe A.
    A,
    /// Fixed to pipe B.
    B,
    /// Fixed to pipe C.
    C,
    /// For port A, any pipe.
    Edp,
}

impl Transcoder {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::C, Self::Edp];

    /// The transcoder's register at that distance from its first (the A register is `offset`).
    pub fn register(self, offset: u32) -> MmioOffset {
        MmioOffset(match self {
            Self::A => offset,
            Self::B => offset + 0x1000,
            Self::C => offset + 0x2000,
            Self::Edp => offset + 0xf000,
        })
    }
}

/// Horizontal total (31:16) and active pixels, each minus 1.
pub const TRANS_HTOTAL: u32 = 0x6_0000;
/// Horizontal blank end and start.
pub const TRANS_HBLANK: u32 = 0x6_0004;
/// Horizontal sync end and start.
pub const TRANS_HSYNC: u32 = 0x6_0008;
/// Vertical total and active lines.
pub const TRANS_VTOTAL: u32 = 0x6_000c;
/// Vertical blank end and start.
pub const TRANS_VBLANK: u32 = 0x6_0010;
/// Vertical sync end and start.
pub const TRANS_VSYNC: u32 = 0x6_0014;
/// Pipe source size: width (31:16) and height, each minus 1.
pub const PIPESRC: u32 = 0x6_001c;
/// Link M value of the transcoder.
pub const LINK_M1: u32 = 0x6_0040;
/// Link N value of the transcoder.
pub const LINK_N1: u32 = 0x6_0044;
/// What the transcoder sends, and through which port.
pub const TRANS_DDI_FUNC_CTL: u32 = 0x6_0400;
/// Positive vertical sync.
pub const TRANS_DDI_PVSYNC: u32 = 1 << 17;
/// Positive horizontal sync.
pub const TRANS_DDI_PHSYNC: u32 = 1 << 16;
/// Clock selection of BDW's transcoder A: the port, plus 1.
pub const TRANS_CLK_SEL: u32 = 0x4_6140;
/// Transcoder enable; offset of transcoder A.
pub const TRANSCONF: u32 = 0x7_0008;
/// Distance between the registers of neighbouring pipes.
pub const PIPE_STRIDE: u32 = 0x1000;
/// Current scan line of pipe A.
pub const PIPEDSL: u32 = 0x7_0000;
/// Frame counter of pipe A.
pub const PIPE_FRMCOUNT: u32 = 0x7_0040;
/// Flip counter of pipe A.
pub const PIPE_FLIPCOUNT: u32 = 0x7_0044;
/// Time stamp of the frame's start, in µs.
pub const PIPE_FRMTMSTMP: u32 = 0x7_0048;

// Interrupt bits of a pipe's group.

/// Start of the vertical blank.
pub const PIPE_VBLANK: u32 = 1 << 0;
/// Vertical sync.
pub const PIPE_VSYNC: u32 = 1 << 1;
/// Gen9: plane 1 has flipped; planes 2 to 4 are the bits above.
pub const GEN9_PLANE1_FLIP_DONE: u32 = 1 << 3;
/// Gen8: the primary plane has flipped; the sprite is the bit above.
pub const GEN8_PRIMARY_FLIP_DONE: u32 = 1 << 4;

// Planes; offsets of plane 1 of pipe A.

/// Registers of a pipe from this one on belong to its cursor and planes.
pub const FIRST_PLANE_REGISTER: u32 = 0x80;

/// Plane control.
pub const PLANE_CTL: u32 = 0x7_0180;
/// Plane registers, up to the next plane.
pub const PLANE_STRIDE_BYTES: u32 = 0x100;
/// Async flip: the surface changes at once.
pub const PLANE_CTL_ASYNC: u32 = 1 << 9;
/// Row pitch.
pub const PLANE_STRIDE: u32 = 0x7_0188;
/// Position: y (31:16) and x.
pub const PLANE_POS: u32 = 0x7_018c;
/// Size: height (31:16) and width, each minus 1.
pub const PLANE_SIZE: u32 = 0x7_0190;
/// Surface base; writing it arms the plane's other registers.
pub const PLANE_SURF: u32 = 0x7_019c;
/// Start of the visible part in the surface: y (31:16) and x.
pub const PLANE_OFFSET: u32 = 0x7_01a4;
/// Surface base that is being scanned out.
pub const PLANE_SURFLIVE: u32 = 0x7_01ac;
/// The address bits of a surface register.
pub const SURF_ADDRESS: u32 = 0xffff_f000;
/// Cursor control.
pub const CUR_CTL: u32 = 0x7_0080;
/// Cursor base; writing it arms the cursor's other registers.
pub const CUR_BASE: u32 = 0x7_0084;
/// Cursor position.
pub const CUR_POS: u32 = 0x7_0088;
/// Cursor base that is being scanned out.
pub const CUR_SURFLIVE: u32 = 0x7_00ac;

// Digital ports.

/// Control of DDI A's buffer; B to E follow, [`PORT_STRIDE`] apart.
pub const DDI_BUF_CTL: u32 = 0x6_4000;
/// Distance between the registers of neighbouring ports.
pub const PORT_STRIDE: u32 = 0x100;
/// DDI buffer: idle.
pub const DDI_BUF_IDLE: u32 = 1 << 7;
/// Port A only: firmware found a display (BDW straps).
pub const DDI_INIT_DISPLAY_DETECTED: u32 = 1 << 0;
/// DisplayPort transport control of port A.
pub const DP_TP_CTL: u32 = 0x6_4040;
/// DisplayPort transport status of port A.
pub const DP_TP_STATUS: u32 = 0x6_4044;
/// Transport control: which pattern is sent (10:8).
pub const DP_TP_TRAIN_SHIFT: u32 = 8;
/// Transport control: the idle pattern.
pub const DP_TP_TRAIN_IDLE: u32 = 2;
/// Transport status: the idle pattern was sent often enough.
pub const DP_TP_IDLE_DONE: u32 = 1 << 25;
/// Transport status bits that are cleared by writing 1.
pub const DP_TP_STICKY: u32 = 1 << 27 | 1 << 26 | 1 << 25 | 1 << 24;
/// AUX channel control of port A.
pub const AUX_CTL: u32 = 0x6_4010;
/// AUX channel control of port B on BDW, in the PCH.
pub const PCH_AUX_CTL_B: u32 = 0xe_4110;

// South display (PCH).

/// Hotplug control and status of ports A to D.
pub const PORT_HOTPLUG: u32 = 0xc_4030;
/// Hotplug control and status of port E.
pub const PORT_HOTPLUG2: u32 = 0xc_403c;
/// Status bits of [`PORT_HOTPLUG`], cleared by writing 1.
pub const PORT_HOTPLUG_STATUS: u32 = 0x0303_0303;
/// A long pulse on a port: plugged or unplugged.
pub const HOTPLUG_LONG: u32 = 2;
/// Frequency of the PCH's raw clock.
pub const PCH_RAWCLK_FREQ: u32 = 0xc_6204;
/// The raw clock is 24 MHz (LPT and SPT); drivers derive the AUX clock of BDW from it.
pub const RAWCLK_24_MHZ: u32 = 24;
/// Panel power status.
pub const PP_STATUS: u32 = 0xc_7200;
/// Panel power control.
pub const PP_CONTROL: u32 = 0xc_7204;
/// Panel power control: on.
pub const PP_POWER_ON: u32 = 1;
/// Panel power status: on (31), the sequencer idle in its on state (3:0 = 8).
pub const PP_STATUS_ON: u32 = 1 << 31 | 8;
/// Side band address.
pub const SBI_ADDR: u32 = 0xc_6000;
/// Side band data.
pub const SBI_DATA: u32 = 0xc_6004;
/// Side band control and status.
pub const SBI_CTL_STAT: u32 = 0xc_6008;
/// Side band: an operation is in flight.
pub const SBI_BUSY: u32 = 1;
/// Side band: the last operation failed (2:1).
pub const SBI_RESPONSE: u32 = 3 << 1;
/// Side band opcode (15:8).
pub const SBI_OPCODE_SHIFT: u32 = 8;
/// Side band: write a register of the clock unit, any destination. Bit 0 of an opcode is set.
pub const SBI_OPCODE_WRITE: u32 = 1;
/// Scratch register that firmware sets when it has lit the display (SWF 0x18).
pub const SWF_18: u32 = 0x4_f060;
