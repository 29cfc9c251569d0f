// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Comet Lake.

use super::DeviceId;
use super::Platform;
use super::PlatformId;

/// The table: but for its devices and revision that of Skylake, as far as software can tell here.
pub const PLATFORM: Platform = Platform {
    id: PlatformId::Cometlake,
    name: "cml",
    device_ids: &[
        DeviceId { id: 0x9bc5, gt: 2 },
        DeviceId { id: 0x9bc8, gt: 2 },
        DeviceId { id: 0x9b41, gt: 2 },
        DeviceId { id: 0x9bca, gt: 2 },
        DeviceId { id: 0x9ba5, gt: 1 },
    ],
    revision: 5,
    ..super::skl::PLATFORM
};
