// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Pipe A, its planes, and the ports: places and bits (PRM Skylake and Broadwell, volume 2c).

/// The registers of transcoder A, of which each further one is a page on.
pub mod transcoder {
    /// Pixels in a line less one, in the upper half with the blank ones.
    pub const HTOTAL: u64 = 0x6_0000;
    /// Where the horizontal blank begins and ends.
    pub const HBLANK: u64 = 0x6_0004;
    /// Where the horizontal sync does.
    pub const HSYNC: u64 = 0x6_0008;
    /// Lines of a frame less one, in the upper half with the blank ones.
    pub const VTOTAL: u64 = 0x6_000c;
    /// Where the vertical blank begins and ends.
    pub const VBLANK: u64 = 0x6_0010;
    /// Where the vertical sync does.
    pub const VSYNC: u64 = 0x6_0014;
    /// The size of the picture: width less one in the upper half, height less one.
    pub const SOURCE: u64 = 0x6_001c;
    /// Bytes of pixels to those that the link carries: M and N.
    pub const DATA_M: u64 = 0x6_0030;
    /// See [`DATA_M`].
    pub const DATA_N: u64 = 0x6_0034;
    /// The pixel's clock to the link's: M and N.
    pub const LINK_M: u64 = 0x6_0040;
    /// See [`LINK_M`].
    pub const LINK_N: u64 = 0x6_0044;
    /// All that tell times.
    pub const TIMES: [u64; 10] = [
        HTOTAL, HBLANK, HSYNC, VTOTAL, VBLANK, VSYNC, DATA_M, DATA_N, LINK_M, LINK_N,
    ];
    /// Through which port it sends, and how.
    pub const FUNCTION: u64 = 0x6_0400;
    /// FUNCTION: it sends.
    pub const FUNCTION_ENABLE: u32 = 1 << 31;
    /// FUNCTION: where the port begins.
    pub const FUNCTION_PORT_SHIFT: u32 = 28;
    /// FUNCTION: DisplayPort, one stream, 8 bits a colour, four lanes.
    pub const FUNCTION_DISPLAY_PORT: u32 = 2 << 24 | 3 << 1;
    /// The control register.
    pub const CONTROL: u64 = 0x7_0008;
    /// CONTROL: it is to be on.
    pub const ENABLE: u32 = 1 << 31;
    /// CONTROL: it is on.
    pub const STATE: u32 = 1 << 30;
    /// How far transcoders and pipes are apart.
    pub const STRIDE: u64 = 0x1000;
    /// How many of them there are, but for that of port A.
    pub const COUNT: u64 = 3;
}

/// The registers of pipe A.
pub mod pipe {
    /// The line that is shown at the moment.
    pub const LINE: u64 = 0x7_0000;
    /// LINE: its bits.
    pub const LINE_MASK: u32 = 0xf_ffff;
    /// Frames that were begun.
    pub const FRAMES: u64 = 0x7_0040;
    /// Flips of the primary plane.
    pub const FLIPS: u64 = 0x7_0044;
    /// The group of its interrupts.
    pub const GROUP: u64 = 0x4_4400;
    /// How far the groups of pipes are apart.
    pub const GROUP_STRIDE: u64 = 0x10;
    /// A vertical blank begins.
    pub const VBLANK: u32 = 1 << 0;
    /// The primary plane and the sprite have flipped, since Skylake.
    pub const FLIPPED_GEN9: [u32; 2] = [1 << 3, 1 << 4];
    /// The same on Broadwell.
    pub const FLIPPED_BDW: [u32; 2] = [1 << 4, 1 << 5];
    /// The pipe's bit of the master of interrupts.
    pub const MASTER: u32 = 1 << 16;
    /// The registers that flip primary plane and sprite (observed: GVT-g, `REG_50080`).
    pub const FLIP: [u64; 2] = [0x5_0080, 0x5_0090];
    /// FLIP: at once.
    pub const FLIP_AT_ONCE: u32 = 1;
}

/// The registers of the primary plane of pipe A; those of the sprite are [`plane::STRIDE_OF_PLANES`] on.
pub mod plane {
    /// Control.
    pub const CONTROL: u64 = 0x7_0180;
    /// From one row to the next: since Skylake in units of 64 bytes or of tiles, on Broadwell in bytes.
    pub const STRIDE: u64 = 0x7_0188;
    /// STRIDE: bytes of a unit where there are no tiles.
    pub const STRIDE_UNIT: u32 = 64;
    /// Where it is shown: y in the upper half, x.
    pub const POSITION: u64 = 0x7_018c;
    /// How large it is, both less one.
    pub const SIZE: u64 = 0x7_0190;
    /// The surface that it is to show.
    pub const SURFACE: u64 = 0x7_019c;
    /// The first pixel of the surface: y in the upper half, x.
    pub const OFFSET: u64 = 0x7_01a4;
    /// The surface that it shows.
    pub const LIVE: u64 = 0x7_01ac;
    /// How far the planes of a pipe are apart.
    pub const STRIDE_OF_PLANES: u64 = 0x100;
    /// CONTROL: on.
    pub const ENABLE: u32 = 1 << 31;
    /// CONTROL: flips do not wait for the vertical blank.
    pub const AT_ONCE: u32 = 1 << 9;
    /// CONTROL since Skylake: 8 bits of each colour, blue lowest, and as they are.
    pub const XRGB_GEN9: u32 = 4 << 24 | 1 << 13;
    /// CONTROL: where the tiling begins; Broadwell has X tiles alone.
    pub const TILING_SHIFT: u32 = 10;
    /// CONTROL of Broadwell's primary plane: 8 bits of each colour, blue lowest.
    pub const XRGB_BDW: u32 = 6 << 26;
    /// CONTROL of Broadwell's sprite: the same.
    pub const XRGB_SPRITE_BDW: u32 = 2 << 25;
    /// All registers of planes: from that of the cursor to the last of a sprite.
    pub const ALL: std::ops::Range<u64> = 0x7_0080..0x7_0300;
}

/// The registers of the cursor of pipe A.
pub mod cursor {
    /// Control.
    pub const CONTROL: u64 = 0x7_0080;
    /// The surface, whose address turns it on.
    pub const BASE: u64 = 0x7_0084;
    /// Where it is: y in the upper half, x.
    pub const POSITION: u64 = 0x7_0088;
    /// POSITION: left of or above the picture.
    pub const NEGATIVE: u32 = 1 << 15;
    /// CONTROL: 64 by 64 pixels of 8 bits a colour and an opacity, the colours multiplied by that.
    pub const ARGB_64: u32 = 0x27;
}

/// The registers by which a port gets its clock.
pub mod clock {
    /// Since Skylake: what PLLs make, six bits each.
    pub const CONTROL1: u64 = 0x6_c058;
    /// CONTROL1 of PLL 0: 1.62 Gbit/s a lane, and what is said here goes.
    pub const CONTROL1_RBR: u32 = 2 << 1 | 1;
    /// Since Skylake: which PLL a port has.
    pub const CONTROL2: u64 = 0x6_c05c;
    /// CONTROL2 of port D: PLL 0, and what is said here goes.
    pub const CONTROL2_PORT_D: u32 = 1 << 9;
    /// Broadwell: which PLL port B has.
    pub const SELECT_B: u64 = 0x4_6104;
    /// SELECT: 0.81 GHz of the LCPLL, which is 1.62 Gbit/s.
    pub const SELECT_RBR: u32 = 2 << 29;
    /// Broxton: the PLL of port B is on.
    pub const PLL_B: u64 = 0x4_6078;
    /// Broxton: the dividers of that PLL behind it, and in front.
    pub const PLL_B_DIVIDERS: [(u64, u32); 5] = [
        // P1 is 4, and P2 is 2.
        (0x6_c034, 4 << 13 | 2 << 8),
        // M2 is 32.4 in units of 2⁻²², of which the fraction is in two registers on.
        (0x6_c100, 32),
        // N is 1.
        (0x6_c104, 1 << 8),
        (0x6_c108, 0x19_999a),
        // There is a fraction.
        (0x6_c10c, 1 << 16),
    ];
    /// What the link's clock is with these, in Hz.
    pub const LINK: u64 = 162_000_000;
}

/// Ports, by their number: A is 0.
pub mod port {
    /// Port B.
    pub const B: u32 = 1;
    /// Port D.
    pub const D: u32 = 3;
    /// Control of AUX channels, whose data follow.
    pub const AUX: [u64; 4] = [0x6_4010, 0x6_4110, 0x6_4210, 0x6_4310];
    /// Where Broadwell has them, but for the first.
    pub const AUX_BDW: [u64; 4] = [0x6_4010, 0xe_4110, 0xe_4210, 0xe_4310];
    /// Broxton has no port D.
    pub const COUNT_BXT: usize = 3;
    /// Kinds of pulses on ports, two bits each, cleared by writing ones.
    pub const HOTPLUG: u64 = 0xc_4030;
    /// HOTPLUG of port B: where its bits are; those of C and D are 8 on each.
    pub const HOTPLUG_SHIFT: u32 = 8;
    /// HOTPLUG: something came or went.
    pub const HOTPLUG_LONG: u32 = 2;
    /// HOTPLUG of port B: pulses interrupt.
    pub const HOTPLUG_ENABLE: u32 = 1 << 4;
    /// The bit of port B in the group of the PCH; those of C and D follow.
    pub const PCH_B: u32 = 1 << 21;
    /// The bit of port B in Broxton's group of ports; that of port C follows.
    pub const DE_PORT_B_BXT: u32 = 1 << 4;
    /// GMBUS0 of ports by their pins: B, C and D.
    pub const PINS: [u32; 3] = [5, 4, 6];
    /// The same on Broxton, which has B and C.
    pub const PINS_BXT: [u32; 2] = [1, 2];
}

/// What a DisplayPort sink tells (DisplayPort 1.2, 2.8.3).
pub mod dpcd {
    /// Its revision, the greatest rate and number of lanes.
    pub const REVISION: u32 = 0x000;
    /// The rate and the number of lanes that the source chose.
    pub const LINK: u32 = 0x100;
    /// How many sinks there are.
    pub const SINK_COUNT: u32 = 0x200;
    /// Whether lanes are trained, two to a byte, and aligned.
    pub const LANES: u32 = 0x202;
    /// Which pattern is sent to train lanes.
    pub const TRAINING: u32 = 0x102;
    /// LANES: both are trained.
    pub const LANES_TRAINED: u8 = 0x77;
    /// Behind LANES: they are aligned.
    pub const ALIGNED: u8 = 1;
    /// How the sink is powered.
    pub const POWER: u32 = 0x600;
    /// POWER: on.
    pub const POWER_ON: u8 = 1;
    /// TRAINING: the first pattern, and the second.
    pub const PATTERNS: [u8; 2] = [1, 2];
    /// The rates of a link: 1.62, 2.7 and 5.4 Gbit/s a lane.
    pub const RATES: [u8; 3] = [0x06, 0x0a, 0x14];
    /// Addresses have 20 bits.
    pub const END: u32 = 1 << 20;
}
