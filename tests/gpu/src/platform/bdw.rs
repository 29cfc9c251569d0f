// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Broadwell.

use super::DeviceId;
use super::Platform;
use super::PlatformId;
use crate::address::MmioOffset;
use crate::regs::fuse;

/// Fuses and straps of a GT2 part: one slice of three subslices, all execution units.
const FIXED: &[(MmioOffset, u32)] = &[
    (fuse::FUSE2, fuse::SLICE_0_ENABLE),
    (fuse::RC6_CONTEXT_INFO, fuse::RC6_CONTEXT_PRESENT),
    (fuse::RP_STATE_CAP, fuse::RP_300_600_1100_MHZ),
];

/// The table.
pub const PLATFORM: Platform = Platform {
    id: PlatformId::Broadwell,
    name: "bdw",
    generation: 8,
    device_ids: &[
        DeviceId { id: 0x1616, gt: 2 },
        DeviceId { id: 0x1612, gt: 2 },
        DeviceId { id: 0x161e, gt: 2 },
        DeviceId { id: 0x161b, gt: 2 },
        DeviceId { id: 0x1606, gt: 1 },
        DeviceId { id: 0x1626, gt: 3 },
        DeviceId { id: 0x162b, gt: 3 },
    ],
    revision: 9,
    timestamp_hz: 12_500_000,
    render_context_pages: 19,
    other_context_pages: 1,
    forcewake_domains: false,
    fixed: FIXED,
    dma_bits: 39,
};
