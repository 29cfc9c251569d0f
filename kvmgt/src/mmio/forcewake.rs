// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Forcewake: requests that keep parts of the GT awake. A vGPU is always awake, so each is
//! acknowledged at once, and none reaches the GPU.

use super::context::Context;
use super::registers::named;
use super::written::Written;
use crate::address::MmioOffset;

/// The half of a request that is acknowledged: one bit for each who may ask.
const REQUESTS: u32 = 0x0000_ffff;

/// A register of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Register {
    /// Where they are acknowledged.
    acknowledge: MmioOffset,
}

impl Register {
    /// The register of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        const RENDER: MmioOffset = named("FORCEWAKE_ACK_RENDER_GEN9");
        const MEDIA: MmioOffset = named("FORCEWAKE_ACK_MEDIA_GEN9");
        const GT: MmioOffset = named("FORCEWAKE_ACK_GT_GEN9");
        const WHOLE: MmioOffset = named("FORCEWAKE_ACK_HSW");
        let acknowledge = match name {
            "FORCEWAKE_RENDER_GEN9" => RENDER,
            "FORCEWAKE_MEDIA_GEN9" => MEDIA,
            "FORCEWAKE_GT_GEN9" => GT,
            "FORCEWAKE_MT" => WHOLE,
            _ => return None,
        };
        Some(Self { acknowledge })
    }

    /// Writes it: a masked register that also remembers the half that selects.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        let selected = context.merged(at, written) & !REQUESTS;
        let requests = written.masked_over(context.registers.get(at)) & REQUESTS;
        context.registers.set(at, selected | requests);
        context.registers.set(self.acknowledge, requests);
    }
}
