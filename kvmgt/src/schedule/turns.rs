// SPDX-License-Identifier: GPL-2.0 OR MIT
//! How a vGPU learns that it is its turn on an engine.

use super::Weight;
use crate::hardware::Engine;
use crate::vgpu::shares::VgpuId;
use iface::client::Outcome;
use kernel::prelude::*;

/// Bits of a tag in front of the engine's number.
const ENGINE_SHIFT: u32 = 8;
/// Bits of a tag in front of the serial number.
const SERIAL_SHIFT: u32 = 16;
/// A byte of a tag.
const BYTE: u64 = 0xff;

/// What a submission to the host half is called: whose it is, and which one of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The vGPU.
    pub id: VgpuId,
    /// The engine.
    pub engine: Engine,
    /// The number of it; those of a vGPU do not repeat.
    pub serial: u64,
}

impl Tag {
    /// As the number that the host half keeps.
    pub fn raw(self) -> u64 {
        let engine = self.engine.index() as u64;
        self.serial.wrapping_shl(SERIAL_SHIFT)
            | engine.wrapping_shl(ENGINE_SHIFT)
            | u64::from(self.id.number())
    }

    /// What a number stands for; `None` if it is no tag.
    pub fn from_raw(raw: u64) -> Option<Self> {
        let number = u32::try_from(raw & BYTE).ok()?;
        let engine = usize::try_from(raw.wrapping_shr(ENGINE_SHIFT) & BYTE).ok()?;
        Some(Self {
            id: VgpuId::all().find(|id| id.number() == number)?,
            engine: Engine::ALL.get(engine).copied()?,
            serial: raw.wrapping_shr(SERIAL_SHIFT),
        })
    }
}

/// What the host half executes for a vGPU, as `ctx_kill` of the contract names it.
///
/// The context alone would not do: it may execute the vGPU's next workload when the kill of the one
/// before arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The host half's handle of the context.
    pub context: u64,
    /// Which of the context's submissions it is.
    pub tag: Tag,
}

/// The schedules of a GPU, as a vGPU sees them.
///
/// Whoever brings it has a [`Roster`](super::Roster) behind a lock, and does what that orders. None
/// of the functions but [`await_end`](Turns::await_end) waits for anything of another vGPU.
pub trait Turns {
    /// A vGPU contends for all engines from now on.
    ///
    /// # Errors
    ///
    /// `EBUSY` it does already.
    fn join(&self, id: VgpuId, weight: Weight) -> Result;

    /// It does no more. Nothing of it runs.
    fn leave(&self, id: VgpuId);

    /// A vGPU has a workload that can be started, or has none, besides what runs. If it becomes its
    /// turn by that, [`take`](Turns::take) says so at once; if later, it is woken.
    fn ready(&self, engine: Engine, id: VgpuId, is_ready: bool);

    /// Whether it is a vGPU's turn, and nothing was made of that yet; while the host suspends it is
    /// nobody's. If so, it has to be followed by [`started`](Turns::started) or
    /// [`gave_up`](Turns::gave_up).
    fn take(&self, engine: Engine, id: VgpuId) -> bool;

    /// A vGPU that took its turn has submitted a workload to the host half. Killed at once, if that
    /// is due by now. It may have ended by then.
    fn started(&self, submitted: Submitted);

    /// The vGPU that took its turn has submitted nothing after all. Says whether the host has suspended since
    /// it took it. Then the host half may have refused that for this reason; if there is still work, it is the
    /// vGPU's turn again after the resume.
    fn gave_up(&self, engine: Engine) -> bool;

    /// Waits until the host half has said how a submission ended, which was killed. Nobody else is
    /// told of it then.
    fn await_end(&self, tag: Tag) -> Outcome;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_what_it_was_made_of() {
        for id in VgpuId::all() {
            for engine in Engine::ALL {
                let serial = (1 << 48) - 1;
                let tag = Tag { id, engine, serial };

                assert_eq!(Tag::from_raw(tag.raw()), Some(tag));
            }
        }
    }

    #[test]
    fn a_number_that_is_no_tag_is_none() {
        assert_eq!(Tag::from_raw(0), None);
        assert_eq!(Tag::from_raw(0xff), None);
        assert_eq!(Tag::from_raw(0x0901), None);
    }
}
