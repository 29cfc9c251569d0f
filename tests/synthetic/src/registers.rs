// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Places and bits that the checks use, where nothing else is said from the PRM (Skylake and
//! Broadwell, volumes 2c and 2d), and the guest contract (`i915_pvinfo.h`, `i915_vgpu.c`).

pub mod display;

/// Base-2 logarithm of the page size.
pub const PAGE_SHIFT: u32 = 12;
/// Bytes of a page.
pub const PAGE: u64 = 1 << PAGE_SHIFT;

/// Configuration space (PCI 3.0, chapter 6).
pub mod config {
    /// Vendor and device.
    pub const VENDOR: u64 = 0x00;
    /// See [`VENDOR`].
    pub const DEVICE: u64 = 0x02;
    /// Command.
    pub const COMMAND: u64 = 0x04;
    /// Memory space and bus mastering are on.
    pub const COMMAND_MEMORY_MASTER: u16 = 0b110;
    /// Status.
    pub const STATUS: u64 = 0x06;
    /// There is a list of capabilities.
    pub const STATUS_CAPABILITIES: u16 = 1 << 4;
    /// Subclass and class.
    pub const SUBCLASS: u64 = 0x0a;
    /// A VGA-compatible display.
    pub const CLASS_DISPLAY: u16 = 0x0300;
    /// Header type.
    pub const HEADER_TYPE: u64 = 0x0e;
    /// BAR 0; BAR 2 is two dwords on.
    pub const BAR0: u64 = 0x10;
    /// BAR 2.
    pub const BAR2: u64 = 0x18;
    /// BAR 4.
    pub const BAR4: u64 = 0x20;
    /// The low bits of a BAR, which tell its kind.
    pub const BAR_KIND: u64 = 0xf;
    /// Memory of 64 bits.
    pub const BAR_64: u64 = 0x4;
    /// Memory of 64 bits, prefetchable.
    pub const BAR_64_PREFETCHABLE: u64 = 0xc;
    /// Where the list of capabilities begins.
    pub const CAPABILITIES: u64 = 0x34;
    /// What no capability is before.
    pub const CAPABILITIES_FIRST: u8 = 0x40;
    /// Power management.
    pub const CAP_POWER: u8 = 0x01;
    /// MSI.
    pub const CAP_MSI: u8 = 0x05;
    /// PCI Express.
    pub const CAP_EXPRESS: u8 = 0x10;
    /// From a capability of MSI: its control word, address and, with 64 bits, data (6.8.1).
    pub const MSI_CONTROL: u64 = 2;
    /// MSI: enabled.
    pub const MSI_ENABLE: u16 = 1 << 0;
    /// MSI: several messages, as supported and as enabled.
    pub const MSI_MULTIPLE: u16 = 0b111 << 1 | 0b111 << 4;
    /// MSI: what only the device says: messages it can send, 64 bits, masking, and reserved bits.
    pub const MSI_FIXED: u16 = 0b111 << 1 | 1 << 7 | 1 << 8 | 0xfe00;
    /// MSI: addresses of 64 bits.
    pub const MSI_64: u16 = 1 << 7;
    /// From a capability of MSI: the address.
    pub const MSI_ADDRESS: u64 = 4;
    /// Where x86 takes messages.
    pub const MSI_TARGET: u32 = 0xfee0_0000;
    /// GGC, whose field GMS tells the size of stolen memory.
    pub const GGC: u64 = 0x50;
    /// GGC: size of stolen memory.
    pub const GGC_GMS: u16 = 0xff00;
    /// Bytes of configuration space.
    pub const SIZE: u64 = 256;
}

/// The page by which a guest finds that its GPU is a virtual one.
pub mod pvinfo {
    /// Where it is in BAR 0.
    pub const BASE: u64 = 0x7_8000;
    /// The magic number, 8 bytes.
    pub const MAGIC: u64 = BASE;
    /// Its value, "vGTvGTvG".
    pub const MAGIC_VALUE: u64 = 0x4776_5447_7654_4776;
    /// Major version, 2 bytes.
    pub const VERSION_MAJOR: u64 = BASE + 0x8;
    /// Minor version, 2 bytes.
    pub const VERSION_MINOR: u64 = BASE + 0xa;
    /// Which vGPU it is.
    pub const ID: u64 = BASE + 0xc;
    /// What the device model can.
    pub const CAPS: u64 = BASE + 0x10;
    /// Full PPGTT, emulated status pages, huge pages.
    pub const CAPS_VALUE: u32 = 1 << 2 | 1 << 3 | 1 << 4;
    /// The part of the aperture: base and size.
    pub const APERTURE: u64 = BASE + 0x40;
    /// The part behind the aperture: base and size.
    pub const HIGH: u64 = BASE + 0x48;
    /// Number of fences.
    pub const FENCES: u64 = BASE + 0x50;
    /// Whether the guest shows something.
    pub const DISPLAY_READY: u64 = BASE + 0x804;
    /// What a guest writes that has too little.
    pub const INSUFFICIENT: u64 = BASE + 0x808;
    /// Hot spot of the cursor.
    pub const CURSOR_X_HOT: u64 = BASE + 0x830;
    /// See [`CURSOR_X_HOT`].
    pub const CURSOR_Y_HOT: u64 = BASE + 0x834;
    /// Notifications of page tables.
    pub const NOTIFY: u64 = BASE + 0x818;
    /// Notification: page tables of three levels are there.
    pub const CREATE_3_LEVEL: u32 = 2;
    /// Notification: they are to be no more.
    pub const DESTROY_3_LEVEL: u32 = 3;
    /// Notification: page tables of four levels are there.
    pub const CREATE_4_LEVEL: u32 = 4;
    /// Notification: they are to be no more.
    pub const DESTROY_4_LEVEL: u32 = 5;
    /// Root of a page table, argument of notifications.
    pub const PDP0: u64 = BASE + 0x838;
}

/// Where entries of the GGTT begin in BAR 0.
pub const GGTT: u64 = 8 << 20;
/// Bytes of all of them.
pub const GGTT_SIZE: u64 = 8 << 20;
/// Where registers end in BAR 0.
pub const REGISTERS_END: u64 = 2 << 20;
/// An entry of the GGTT is valid.
pub const PTE_PRESENT: u64 = 1;

/// FENCE 0; 8 bytes each.
pub const FENCE: u64 = 0x10_0000;
/// How many a GPU has.
pub const FENCES: u64 = 32;
/// How many of them i915's table of registers has.
pub const FENCES_TRACKED: u64 = 16;
/// A fence is valid.
pub const FENCE_VALID: u64 = 1;
/// FENCE: distance of lines, in units less one.
pub const FENCE_PITCH_SHIFT: u32 = 32;
/// Bytes of such a unit.
pub const FENCE_PITCH_UNIT: u64 = 128;

/// A register that stands for nothing (SWF of the display).
pub const SCRATCH: u64 = 0x4_f000;

/// Forcewake on generation 9: request and acknowledge.
pub const FORCEWAKE_GEN9: [(u64, u64); 3] =
    [(0xa278, 0x0d84), (0xa188, 0x13_0044), (0xa270, 0x0d88)];
/// Forcewake on Broadwell.
pub const FORCEWAKE_GEN8: [(u64, u64); 1] = [(0xa188, 0x13_0044)];

/// GDRST: which parts are to be reset.
pub const GDRST: u64 = 0x941c;
/// GDRST: everything, render, media, blitter, video enhancement.
pub const GDRST_DOMAINS: [u32; 5] = [1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4];
/// GUC_STATUS, and that the controller is in reset.
pub const GUC_STATUS: u64 = 0xc000;
/// See [`GUC_STATUS`].
pub const GUC_IN_RESET: u32 = 1;
/// Registers of the engines: render, video, video enhancement, blitter.
pub const ENGINES: [u64; 4] = [0x2000, 0x1_2000, 0x1_a000, 0x2_2000];
/// From an engine's base: registers of contexts.
pub mod engine {
    /// The address of the status page.
    pub const HWS_PGA: u64 = 0x80;
    /// The port that takes contexts.
    pub const ELSP: u64 = 0x230;
    /// The mode, a masked register.
    pub const MODE: u64 = 0x29c;
    /// MODE: the engine takes contexts at its port.
    pub const EXECLISTS: u32 = 1 << 15;
}
/// From an engine's base: RESET_CTL.
pub const RESET_CTL: u64 = 0xd0;
/// RESET_CTL: the driver asks for a reset.
pub const RESET_REQUEST: u32 = 1 << 0;
/// RESET_CTL: the engine is ready for it.
pub const RESET_READY: u32 = 1 << 1;

/// PCODE: mailbox.
pub const PCODE_MAILBOX: u64 = 0x13_8124;
/// PCODE: data.
pub const PCODE_DATA: u64 = 0x13_8128;
/// PCODE: the command is not done.
pub const PCODE_BUSY: u32 = 1 << 31;
/// PCODE: why a command failed.
pub const PCODE_ERROR: u32 = 0xff;
/// PCODE: latencies of memory.
pub const PCODE_READ_LATENCY: u32 = 0x6;
/// Latencies of both halves of the levels that the C driver gives guests, but on Broxton.
pub const PCODE_LATENCIES: [u32; 2] = [0x1e1a_1100, 0x6151_4b3d];
/// The same on Broxton.
pub const PCODE_LATENCIES_BXT: [u32; 2] = [0x1608_0707, 0x1616_1616];
/// PCODE: the display's clock may change.
pub const PCODE_CDCLK: u32 = 0x7;
/// PCODE: the system agent changes its voltage, or not.
pub const PCODE_SAGV: u32 = 0x21;

/// Power wells: requests of the driver, and states one bit below.
pub const POWER_WELLS: u64 = 0x4_5404;
/// Requests for all wells of generation 9.
pub const POWER_REQUESTS_GEN9: u32 = 1 << 31 | 1 << 29 | 0b10_1010_1010;
/// Broxton has fewer.
pub const POWER_REQUESTS_BXT: u32 = 1 << 31 | 1 << 29;
/// The only request of Broadwell.
pub const POWER_REQUESTS_BDW: u32 = 1 << 31;
/// DBUF: power of the display's buffer.
pub const DBUF: u64 = 0x4_5008;
/// LCPLL1 and LCPLL2 on generation 9.
pub const LCPLLS: [u64; 2] = [0x4_6010, 0x4_6014];
/// The other PLLs of generation 9, whose lock only DPLL_STATUS tells.
pub const WRPLLS: [u64; 2] = [0x4_6040, 0x4_6060];
/// A PLL, DBUF, or DDI buffer is wanted.
pub const ENABLE: u32 = 1 << 31;
/// A PLL is locked; DBUF is on.
pub const LOCKED: u32 = 1 << 30;
/// DPLL_STATUS: a byte for each PLL, whose lowest bit tells the lock.
pub const DPLL_STATUS: u64 = 0x6_c060;
/// LCPLL of Broadwell.
pub const LCPLL_BDW: u64 = 0x13_0040;
/// LCPLL of Broadwell: turned off.
pub const LCPLL_BDW_DISABLE: u32 = 1 << 31;
/// DDI_BUF_CTL of port A; the others follow.
pub const DDI_BUF: u64 = 0x6_4000;
/// Distance of ports.
pub const DDI_STRIDE: u64 = 0x100;
/// DDI_BUF_CTL: the buffer is idle.
pub const DDI_IDLE: u32 = 1 << 7;

/// AUX_CTL of channel A, whose data follow.
pub const AUX_A: u64 = 0x6_4010;
/// AUX_CTL: a message is under way.
pub const AUX_BUSY: u32 = 1 << 31;
/// AUX_CTL: it is done.
pub const AUX_DONE: u32 = 1 << 30;
/// AUX_CTL: that shall interrupt.
pub const AUX_INTERRUPT: u32 = 1 << 29;
/// AUX_CTL: nobody answered.
pub const AUX_TIMEOUT: u32 = 1 << 28;
/// AUX_CTL: a message that the other side garbled.
pub const AUX_RECEIVE_ERROR: u32 = 1 << 25;
/// First dword of a message: a native read of one byte at address 0 (DisplayPort 1.2, 2.7.5).
pub const AUX_READ: u32 = 0x9000_0000;
/// AUX_CTL: where the size of a message begins.
pub const AUX_SIZE_SHIFT: u32 = 20;
/// AUX_CTL: the size of a message, moved there.
pub const AUX_SIZE_MASK: u32 = 0x1f;

/// GMBUS 0 to 3, and 4.
pub const GMBUS0: u64 = 0xc_5100;
/// See [`GMBUS0`].
pub const GMBUS1: u64 = GMBUS0 + 0x4;
/// See [`GMBUS0`].
pub const GMBUS2: u64 = GMBUS0 + 0x8;
/// See [`GMBUS0`].
pub const GMBUS4: u64 = GMBUS0 + 0x10;
/// GMBUS0: pin pair of port D.
pub const GMBUS_PORT: u32 = 6;
/// GMBUS1: the software is ready; a cycle that waits; one byte; address 0x50 of EDIDs; read.
pub const GMBUS1_READ: u32 = 1 << 30 | 1 << 25 | 1 << 16 | 0x50 << 1 | 1;
/// GMBUS1: clears errors while it is set.
pub const GMBUS1_CLEAR: u32 = 1 << 31;
/// GMBUS2: nobody acknowledged.
pub const GMBUS2_NAK: u32 = 1 << 10;
/// GMBUS2: a cycle is under way.
pub const GMBUS2_ACTIVE: u32 = 1 << 9;
/// GMBUS4: all reasons to interrupt.
pub const GMBUS4_ALL: u32 = 0x1f;

/// The master of interrupts.
pub const MASTER: u64 = 0x4_4200;
/// Its enable bit.
pub const MASTER_ENABLE: u32 = 1 << 31;
/// Its bit of the display's port.
pub const MASTER_PORT: u32 = 1 << 20;
/// Its bit of the PCH.
pub const MASTER_PCH: u32 = 1 << 23;
/// The group of the first engines.
pub const GT0: u64 = 0x4_4300;
/// The group of the display's ports.
pub const DE_PORT: u64 = 0x4_4440;
/// Its bit of AUX channel A.
pub const DE_PORT_AUX_A: u32 = 1 << 0;
/// The group of the PCH.
pub const PCH: u64 = 0xc_4000;
/// Its bit of GMBUS.
pub const PCH_GMBUS: u32 = 1 << 17;
/// From a group's base: mask, identity, enable.
pub const IMR: u64 = 0x4;
/// See [`IMR`].
pub const IIR: u64 = 0x8;
/// See [`IMR`].
pub const IER: u64 = 0xc;
