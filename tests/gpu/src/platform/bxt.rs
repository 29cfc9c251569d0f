// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Broxton (Apollo Lake).

use super::DeviceId;
use super::Platform;
use super::PlatformId;
use crate::address::MmioOffset;
use crate::regs::fuse;

/// Fuses and straps: one slice of three subslices, all execution units.
const FIXED: &[(MmioOffset, u32)] = &[
    (fuse::FUSE2, fuse::SLICE_0_ENABLE | fuse::SUBSLICE_3_DISABLE),
    (fuse::RC6_CONTEXT_INFO, fuse::RC6_CONTEXT_PRESENT),
    (fuse::RPM_CONFIG0, 0),
    (fuse::CTC_MODE, fuse::TIMESTAMP_FULL),
    (fuse::RP_STATE_CAP_BXT, fuse::RP_300_600_1100_MHZ),
    (fuse::DRP0_BXT[0], fuse::DRP0_ONE_RANK),
    (fuse::DRP0_BXT[1], fuse::DRP0_ABSENT),
    (fuse::DRP0_BXT[2], fuse::DRP0_ABSENT),
    (fuse::DRP0_BXT[3], fuse::DRP0_ABSENT),
];

/// The table.
pub const PLATFORM: Platform = Platform {
    id: PlatformId::Broxton,
    name: "bxt",
    generation: 9,
    device_ids: &[
        DeviceId { id: 0x5a84, gt: 1 },
        DeviceId { id: 0x5a85, gt: 1 },
        DeviceId { id: 0x1a84, gt: 1 },
        DeviceId { id: 0x0a84, gt: 1 },
        // Gemini Lake: the same GT, another display engine, which is not modelled: use it with
        // `display=off`. GVT-g does not serve it.
        DeviceId { id: 0x3184, gt: 1 },
    ],
    revision: 0x0b,
    timestamp_hz: 19_200_000,
    render_context_pages: 21,
    other_context_pages: 1,
    forcewake_domains: true,
    fixed: FIXED,
    dma_bits: 39,
};
