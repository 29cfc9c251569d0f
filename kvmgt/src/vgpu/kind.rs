// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The types of vGPUs that users choose from: so much of the GPU, by name.

use super::shares::{Refusal, Resource};
use crate::display::{monitor, Resolution};
use core::fmt;
use iface::registers::Platform;
use kernel::prelude::*;

/// Bytes of a MiB.
pub(super) const MIB: u64 = 1 << 20;

/// What of the aperture the host keeps for itself, in bytes.
pub const HOST_APERTURE: u64 = 128 * MIB;
/// What of the GGTT behind the aperture the host keeps for itself, in bytes.
pub const HOST_HIGH: u64 = 384 * MIB;
/// Fence registers that the host keeps for itself.
pub const HOST_FENCES: u32 = 4;

/// A type of vGPUs.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The `n` of its name: it takes about the *n*-th part of the GPU.
    pub share: u32,
    /// Bytes of the aperture that one takes.
    pub aperture: u64,
    /// Bytes of the GGTT behind the aperture that one takes.
    pub high: u64,
    /// Fence registers that one takes.
    pub fences: u32,
    /// Its weight among others when time of the GPU is given out.
    pub weight: u32,
    /// The largest resolution of its monitor: width and height in pixels.
    pub resolution: (u32, u32),
}

/// All types, the smallest first.
pub static KINDS: [Kind; 4] = [
    Kind {
        share: 8,
        aperture: 64 * MIB,
        high: 384 * MIB,
        fences: 4,
        weight: 2,
        resolution: (1024, 768),
    },
    Kind {
        share: 4,
        aperture: 128 * MIB,
        high: 512 * MIB,
        fences: 4,
        weight: 4,
        resolution: (1920, 1200),
    },
    Kind {
        share: 2,
        aperture: 256 * MIB,
        high: 1024 * MIB,
        fences: 4,
        weight: 8,
        resolution: (1920, 1200),
    },
    Kind {
        share: 1,
        aperture: 512 * MIB,
        high: 2048 * MIB,
        fences: 4,
        weight: 16,
        resolution: (1920, 1200),
    },
];

impl Kind {
    /// How much of something one takes: bytes, or a number.
    pub fn needs(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Aperture => self.aperture,
            Resource::High => self.high,
            Resource::Fences => self.fences.into(),
            Resource::Vgpus => 1,
        }
    }

    /// Whether its monitor can prefer a resolution.
    pub fn can_prefer(&self, resolution: Resolution) -> bool {
        let (width, height) = self.resolution;
        monitor::can_prefer(resolution, Resolution { width, height })
    }

    /// What the host half's refusal of one of these means.
    pub(crate) fn refused(&self, resource: Resource, error: Error) -> Refusal {
        Refusal {
            resource: Some(resource),
            needed: self.needs(resource),
            error,
        }
    }

    /// Its name on GPUs of a platform, as users know it but for the driver's name in front.
    pub fn name(&self, platform: Platform) -> Name {
        Name {
            generation: match platform {
                Platform::Bdw => 4,
                _ => 5,
            },
            share: self.share,
        }
    }

    /// The text of the type's attribute `description`, which users' tools parse.
    pub fn description(&self) -> Description<'_> {
        Description(self)
    }
}

/// The name of a type, for example `GVTg_V5_8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    generation: u32,
    share: u32,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GVTg_V{}_{}", self.generation, self.share)
    }
}

/// What a type's attribute `description` says.
#[derive(Clone, Copy, Debug)]
pub struct Description<'a>(&'a Kind);

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.0;
        let (width, height) = kind.resolution;
        writeln!(f, "low_gm_size: {}MB", kind.aperture / MIB)?;
        writeln!(f, "high_gm_size: {}MB", kind.high / MIB)?;
        writeln!(f, "fence: {}", kind.fences)?;
        writeln!(f, "resolution: {width}x{height}")?;
        writeln!(f, "weight: {}", kind.weight)
    }
}
