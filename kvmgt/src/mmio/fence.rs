// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fence registers: two dwords each, which a guest writes one after the other.

use super::context::Context;
use super::registers::named;
use super::written::Written;
use crate::address::MmioOffset;
use crate::fences::{Fence, Refusal};
use crate::message::{Complaint, Failsafe};
use iface::registers::DWORD;

/// The first fence.
const FIRST: MmioOffset = named("FENCE");
/// Dwords of a fence: the first page with the valid bit, and the last page with the pitch.
const HALVES: u32 = 2;
/// Bits of a half.
const HALF_BITS: u32 = u32::BITS;

/// A half of fence number `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Register {
    index: u32,
}

impl Register {
    /// The register of that name.
    pub(super) fn named(name: &str, dword: u32) -> Option<Self> {
        (name == "FENCE").then_some(Self {
            index: dword / HALVES,
        })
    }

    /// Reads it: a fence that the vGPU does not have is zero.
    pub(super) fn read(self, context: &mut Context<'_>, at: MmioOffset) -> u32 {
        match self.is_there(context) {
            true => context.registers.get(at),
            false => 0,
        }
    }

    /// Writes it: the register remembers; [`settle`] follows.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        if self.is_there(context) {
            context.store(at, written);
            context.fence = Some(self);
        }
    }

    /// Both halves.
    fn value(self, context: &Context<'_>) -> u64 {
        let half = |number: u32| {
            let dword = self.index.saturating_mul(HALVES).saturating_add(number);
            let distance = dword.saturating_mul(DWORD);
            u64::from(
                context
                    .registers
                    .get(MmioOffset(FIRST.0.saturating_add(distance))),
            )
        };
        half(1).wrapping_shl(HALF_BITS) | half(0)
    }

    /// Whether the vGPU has it. A guest that asks for another one and has never looked for PVINFO
    /// is one that thinks that it has a real GPU.
    fn is_there(self, context: &mut Context<'_>) -> bool {
        let count = context.fences.count();
        if self.index < count {
            return true;
        }
        context.complain(Complaint::FenceIndex {
            index: self.index,
            count,
        });
        if !context.state.aware {
            context.fail_safe(Failsafe::UnsupportedGuest);
        }
        false
    }
}

/// Makes the host's fence what both halves say, or off, if the access that ends has written it.
pub(super) fn settle(context: &mut Context<'_>) {
    let Some(fence) = context.fence.take() else {
        return;
    };
    let index = fence.index;
    let value = fence.value(context);
    let (host, share) = (context.host, context.share);
    let refusal = context.fences.write(host, share, index, Fence(value));
    match refusal {
        Ok(()) => (),
        Err(Refusal::Range) => context.complain(Complaint::FenceRange { index, value }),
        Err(Refusal::Host(error)) => context.complain(Complaint::Fence { index, error }),
    }
}
