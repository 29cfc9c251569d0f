// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Coffee Lake.

use super::DeviceId;
use super::Platform;
use super::PlatformId;

/// The table: but for its devices and revision that of Skylake, as far as software can tell here.
pub const PLATFORM: Platform = Platform {
    id: PlatformId::Coffeelake,
    name: "cfl",
    device_ids: &[
        DeviceId { id: 0x3e92, gt: 2 },
        DeviceId { id: 0x3e91, gt: 2 },
        DeviceId { id: 0x3e9b, gt: 2 },
        DeviceId { id: 0x3ea0, gt: 2 },
        DeviceId { id: 0x3e90, gt: 1 },
        DeviceId { id: 0x3ea5, gt: 3 },
    ],
    revision: 0,
    ..super::skl::PLATFORM
};
