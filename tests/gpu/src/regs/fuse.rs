// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fuses: what the part was built with. They keep their value over every reset.

use crate::address::MmioOffset;

/// FUSE2, slices and subslices that work (PRM Vol 2c, FUSE2; observed: i915).
pub const FUSE2: MmioOffset = MmioOffset(0x9120);
/// Slice 0 works.
pub const SLICE_0_ENABLE: u32 = 1 << 25;
/// Slice 1 works.
pub const SLICE_1_ENABLE: u32 = 1 << 26;
/// Slice 2 works.
pub const SLICE_2_ENABLE: u32 = 1 << 27;
/// Subslice 3 of each slice does not work (Gen9).
pub const SUBSLICE_3_DISABLE: u32 = 1 << 23;

/// RPM_CONFIG0: crystal frequency (PRM Vol 2c; observed: i915).
pub const RPM_CONFIG0: MmioOffset = MmioOffset(0xd00);
/// RPM_CONFIG0: the crystal runs at 24 MHz.
pub const CRYSTAL_24_MHZ: u32 = 1 << 3;
/// CTC_MODE: where the time stamp comes from; 0 in bit 0 is the crystal.
pub const CTC_MODE: MmioOffset = MmioOffset(0xa26c);
/// CTC_MODE: the time stamp counts at half of the crystal's frequency.
pub const TIMESTAMP_HALF: u32 = 2 << 1;
/// CTC_MODE: the time stamp counts at the crystal's frequency.
pub const TIMESTAMP_FULL: u32 = 3 << 1;

/// RC6 context info; 0 would mean that the context of RC6 is corrupt (observed: i915).
pub const RC6_CONTEXT_INFO: MmioOffset = MmioOffset(0x8504);
/// A context is there.
pub const RC6_CONTEXT_PRESENT: u32 = 1;

/// RP_STATE_CAP in the memory controller's mirror: frequency limits in units of 50 MHz.
pub const RP_STATE_CAP: MmioOffset = MmioOffset(0x14_5998);
/// RP_STATE_CAP of Broxton.
pub const RP_STATE_CAP_BXT: MmioOffset = MmioOffset(0x13_8170);
/// Highest 1100 MHz, efficient 600 MHz, lowest 300 MHz.
pub const RP_300_600_1100_MHZ: u32 = 0x0006_0c16;

/// MAD_INTER_CHANNEL in the memory controller's mirror: kind of memory; 0 is DDR4.
pub const MAD_INTER_CHANNEL: MmioOffset = MmioOffset(0x14_5000);
/// MAD_INTER_CHANNEL: DDR4.
pub const MEMORY_DDR4: u32 = 0;
/// MAD_DIMM of channel 0: size of its modules.
pub const MAD_DIMM_CHANNEL_0: MmioOffset = MmioOffset(0x14_500c);
/// MAD_DIMM of channel 1.
pub const MAD_DIMM_CHANNEL_1: MmioOffset = MmioOffset(0x14_5010);
/// MAD_DIMM: one module of 4 GiB, one rank, 8 bits wide.
pub const ONE_MODULE_4_GIB: u32 = 4;

/// DRP0 of Broxton's four memory units, in the memory controller's mirror (observed: i915).
pub const DRP0_BXT: [MmioOffset; 4] = [
    MmioOffset(0x14_1000),
    MmioOffset(0x14_1200),
    MmioOffset(0x14_1400),
    MmioOffset(0x14_1600),
];
/// DRP0: one rank of 8 Gbit parts of 8 bits, DDR3.
pub const DRP0_ONE_RANK: u32 = 1 | 2 << 6;
/// DRP0: the unit is not used.
pub const DRP0_ABSENT: u32 = u32::MAX;
