// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Coffee Lake.

use super::DeviceId;
use super::Platform;
use super::PlatformId;
use crate::address::MmioOffset;
use crate::regs::fuse;

/// Fuses and straps of a GT2 part: one slice of three subslices, all execution units.
const FIXED: &[(MmioOffset, u32)] = &[
    (fuse::FUSE2, fuse::SLICE_0_ENABLE | fuse::SUBSLICE_3_DISABLE),
    (fuse::RC6_CONTEXT_INFO, fuse::RC6_CONTEXT_PRESENT),
    (fuse::RP_STATE_CAP, fuse::RP_300_600_1100_MHZ),
    (fuse::RPM_CONFIG0, fuse::CRYSTAL_24_MHZ),
    (fuse::CTC_MODE, fuse::TIMESTAMP_HALF),
    (fuse::MAD_INTER_CHANNEL, fuse::MEMORY_DDR4),
    (fuse::MAD_DIMM_CHANNEL_0, fuse::ONE_MODULE_4_GIB),
    (fuse::MAD_DIMM_CHANNEL_1, fuse::ONE_MODULE_4_GIB),
];

/// The table.
pub const PLATFORM: Platform = Platform {
    id: PlatformId::Coffeelake,
    name: "cfl",
    generation: 9,
    device_ids: &[
        DeviceId { id: 0x3e92, gt: 2 },
        DeviceId { id: 0x3e91, gt: 2 },
        DeviceId { id: 0x3e9b, gt: 2 },
        DeviceId { id: 0x3ea0, gt: 2 },
        DeviceId { id: 0x3e90, gt: 1 },
        DeviceId { id: 0x3ea5, gt: 3 },
    ],
    revision: 0,
    timestamp_hz: 12_000_000,
    render_context_pages: 21,
    other_context_pages: 1,
    forcewake_domains: true,
    fixed: FIXED,
    dma_bits: 39,
};
