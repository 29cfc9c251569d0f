// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a world of kvmgt's core can be without.

use iface::client::Outcome;
use kernel::error::code::ENOTSUPP;
use kernel::error::Result;
use kvmgt_core::address::Gfn;
use kvmgt_core::gtt::ppgtt::PageTracker;
use kvmgt_core::hardware::Engine;
use kvmgt_core::schedule::{Submitted, Tag, Turns, Weight};
use kvmgt_core::vgpu::shares::VgpuId;

/// Nobody watches what a guest's processors write.
pub struct Unwatched;

impl PageTracker for Unwatched {
    fn start(&mut self, _: Gfn) -> Result {
        Err(ENOTSUPP)
    }

    fn stop(&mut self, gfn: Gfn) {
        panic!("{gfn:?} is watched no more that never was");
    }
}

/// It is never a vGPU's turn: for what has nothing to do with engines.
pub struct NoTurns;

impl Turns for NoTurns {
    fn join(&self, _: VgpuId, _: Weight) -> Result {
        Ok(())
    }

    fn leave(&self, _: VgpuId) {}

    fn ready(&self, _: Engine, _: VgpuId, _: bool) {}

    fn take(&self, _: Engine, _: VgpuId) -> bool {
        false
    }

    fn started(&self, submitted: Submitted) {
        panic!("it was nobody's turn: {submitted:?}");
    }

    fn gave_up(&self, _: Engine) -> bool {
        panic!("it was nobody's turn");
    }

    fn await_end(&self, tag: Tag) -> Outcome {
        panic!("{tag:?} was never submitted");
    }
}
