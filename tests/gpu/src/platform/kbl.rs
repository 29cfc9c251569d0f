// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Kaby Lake.

use super::DeviceId;
use super::Platform;
use super::PlatformId;

/// The table: but for its devices and revision that of Skylake, as far as software can tell here.
pub const PLATFORM: Platform = Platform {
    id: PlatformId::Kabylake,
    name: "kbl",
    device_ids: &[
        DeviceId { id: 0x5916, gt: 2 },
        DeviceId { id: 0x5912, gt: 2 },
        DeviceId { id: 0x5917, gt: 2 },
        DeviceId { id: 0x591b, gt: 2 },
        DeviceId { id: 0x591e, gt: 2 },
        DeviceId { id: 0x5902, gt: 1 },
        DeviceId { id: 0x5906, gt: 1 },
        DeviceId { id: 0x5926, gt: 3 },
    ],
    revision: 2,
    ..super::skl::PLATFORM
};
