// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Why there is no vGPU.

use super::Errno;
use crate::vgpu::kind::Name;
use crate::vgpu::shares::{Resource, Shortage};
use core::fmt;
use kernel::prelude::Error;

/// Bytes of a MiB.
const MIB: u64 = 1 << 20;

/// A vGPU could not be made. Level: warning.
#[derive(Clone, Copy, Debug)]
pub enum NoVgpu {
    /// The GPU lacks something for one of that type.
    Share(Name, Shortage),
    /// What vGPUs may have is there, and something failed nevertheless.
    Failed(Name, Error),
}

impl fmt::Display for NoVgpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(name, shortage) => {
                let Shortage {
                    resource,
                    left,
                    needed,
                } = *shortage;
                let mib = |bytes: u64| bytes.checked_div(MIB).unwrap_or(0);
                write!(f, "no room for a {name}: ")?;
                match resource {
                    Resource::Aperture => write!(
                        f,
                        "{} MiB of the aperture left, {} MiB needed",
                        mib(left),
                        mib(needed)
                    ),
                    Resource::High => write!(
                        f,
                        "{} MiB of the GGTT behind the aperture left, {} MiB needed",
                        mib(left),
                        mib(needed)
                    ),
                    Resource::Fences => write!(f, "{left} fences left, {needed} needed"),
                    Resource::Vgpus => write!(f, "{left} vGPUs left, {needed} needed"),
                }
            }
            Self::Failed(name, error) => {
                write!(f, "no {name}: i915 or memory failed ({})", Errno(*error))
            }
        }
    }
}
