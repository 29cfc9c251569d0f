// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What of a GPU is given to vGPUs, and what is left.

use super::kind::{Kind, HOST_APERTURE, HOST_FENCES, HOST_HIGH, KINDS, MIB};
use core::fmt;
use iface::types::Info;
use kernel::prelude::*;

/// The most vGPUs of a GPU.
pub const MAX_VGPUS: u32 = 7;

/// Names a vGPU among those of its GPU: 1 to [`MAX_VGPUS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VgpuId(u32);

impl VgpuId {
    /// All names that there are.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=MAX_VGPUS).map(Self)
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for VgpuId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vgpu{}", self.0)
    }
}

/// Something of which a GPU has only so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// The aperture, in bytes.
    Aperture,
    /// The GGTT behind the aperture, in bytes.
    High,
    /// Fence registers.
    Fences,
    /// vGPUs.
    Vgpus,
}

impl Resource {
    /// So much of it, as users count it.
    fn amount(self, amount: u64) -> Amount {
        match self {
            Self::Aperture | Self::High => Amount::Bytes(amount),
            Self::Fences | Self::Vgpus => Amount::Number(amount),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aperture => "aperture",
            Self::High => "GGTT behind the aperture",
            Self::Fences => "fences",
            Self::Vgpus => "vGPUs",
        })
    }
}

/// How much of something.
enum Amount {
    Bytes(u64),
    Number(u64),
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{} MiB", bytes / MIB),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// vGPUs have taken so much of something that too little is left for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// Of what.
    pub resource: Resource,
    /// How much is left.
    pub left: u64,
    /// How much was needed.
    pub needed: u64,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            resource,
            left,
            needed,
        } = *self;
        let (left, needed) = (resource.amount(left), resource.amount(needed));
        write!(
            f,
            "too little is left of {resource}: {left}, and {needed} needed"
        )
    }
}

/// The host half did not give what a vGPU needs, although vGPUs have left enough of it: the host
/// uses it otherwise, or something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Of what; `None` if it was about nothing of which a GPU has only so much.
    pub resource: Option<Resource>,
    /// How much was needed.
    pub needed: u64,
    /// What the host half said, or `ENOMEM`.
    pub error: Error,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self {
            resource: None,
            needed: 0,
            error,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.resource {
            Some(resource) if self.error == ENOSPC => {
                let needed = resource.amount(self.needed);
                write!(f, "i915 uses too much of {resource}: {needed} needed")?;
                match resource {
                    Resource::Aperture | Resource::High => f.write_str(" in one piece"),
                    Resource::Fences | Resource::Vgpus => Ok(()),
                }
            }
            _ => write!(f, "error {}", self.error.to_errno()),
        }
    }
}

/// The parts of a GPU that vGPUs may take, and how much of them is left. One a GPU; what takes
/// and gives back holds the lock of the device.
#[derive(Debug)]
pub struct Shares {
    aperture_total: u64,
    aperture: u64,
    high: u64,
    fences: u32,
    ids: u32,
}

impl Shares {
    /// Everything that the host does not keep for itself.
    pub fn new(info: &Info) -> Self {
        let aperture = info.aperture_size.saturating_sub(HOST_APERTURE);
        let high = info
            .ggtt_size
            .saturating_sub(info.aperture_size)
            .saturating_sub(HOST_HIGH);
        Self {
            aperture_total: aperture,
            aperture,
            high,
            fences: info.fence_count.saturating_sub(HOST_FENCES),
            ids: 0,
        }
    }

    /// The types that the GPU is large enough for.
    pub fn kinds(&self) -> impl Iterator<Item = &'static Kind> + '_ {
        KINDS
            .iter()
            .filter(|kind| kind.aperture <= self.aperture_total)
    }

    /// How many more vGPUs of a type there can be.
    pub fn available(&self, kind: &Kind) -> u32 {
        let of = |left: u64, needed: u64| left.checked_div(needed).unwrap_or(0);
        let needs = |resource| kind.needs(resource);
        let fits = of(self.aperture, needs(Resource::Aperture))
            .min(of(self.high, needs(Resource::High)))
            .min(of(self.fences.into(), needs(Resource::Fences)))
            .min(self.ids_left().into());
        u32::try_from(fits).unwrap_or(MAX_VGPUS)
    }

    /// Takes what a vGPU of a type needs.
    ///
    /// # Errors
    ///
    /// The first thing that is not left.
    pub fn take(&mut self, kind: &Kind) -> Result<VgpuId, Shortage> {
        let rest = |resource, left: u64| {
            let needed = kind.needs(resource);
            left.checked_sub(needed).ok_or(Shortage {
                resource,
                left,
                needed,
            })
        };
        let aperture = rest(Resource::Aperture, self.aperture)?;
        let high = rest(Resource::High, self.high)?;
        rest(Resource::Fences, self.fences.into())?;
        rest(Resource::Vgpus, self.ids_left().into())?;
        let number = self.ids.trailing_ones();
        self.ids |= 1_u32.checked_shl(number).unwrap_or(0);
        self.aperture = aperture;
        self.high = high;
        self.fences = self.fences.saturating_sub(kind.fences);
        Ok(VgpuId(number.saturating_add(1)))
    }

    /// Gives back what [`take`](Self::take) took.
    pub fn give_back(&mut self, id: VgpuId, kind: &Kind) {
        let bit = 1_u32.checked_shl(id.0.saturating_sub(1)).unwrap_or(0);
        self.ids &= !bit;
        self.aperture = self.aperture.saturating_add(kind.aperture);
        self.high = self.high.saturating_add(kind.high);
        self.fences = self.fences.saturating_add(kind.fences);
    }

    fn ids_left(&self) -> u32 {
        MAX_VGPUS.saturating_sub(self.ids.count_ones())
    }
}

#[cfg(test)]
mod tests;
