// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Resets: what a guest asks for by registers, and what the registers are after each.

use super::context::{Context, Share, State};
use super::gt::MIA_IN_RESET;
use super::registers::{named, RegisterFile};
use super::request::{EngineSet, Request};
use super::written::Written;
use super::{bxt_phy, power};
use crate::address::MmioOffset;
use crate::device::Device;
use crate::hardware::Engine;
use crate::pvinfo;
use iface::registers::{Platform, DISPLAY_START, MMIO_SIZE};

/// GDRST: the whole GPU (PRM Vol 2c, GDRST, bit 0).
const DOMAIN_FULL: u32 = 1 << 0;
/// GDRST: one engine each (PRM Vol 2c, GDRST, bits 1 to 4 and 7).
const DOMAINS: [(u32, Engine); 5] = [
    (1 << 1, Engine::Rcs),
    (1 << 2, Engine::Vcs),
    (1 << 3, Engine::Bcs),
    (1 << 4, Engine::Vecs),
    (1 << 7, Engine::Vcs1),
];
/// GDRST: the GuC (PRM Vol 2c, GDRST, bit 5).
const DOMAIN_GUC: u32 = 1 << 5;
/// RING_RESET_CTL: the engine shall get ready (PRM Vol 2c, RESET_CTRL, bit 0, masked by bit 16).
const REQUEST: u32 = 1 << 0;
/// RING_RESET_CTL: it is ready (PRM Vol 2c, RESET_CTRL, bit 1).
const READY: u32 = 1 << 1;

/// Status of the GuC.
const GUC_STATUS: MmioOffset = named("GUC_STATUS");
/// Whether threads run on the GT; none do after a reset.
const THREAD_STATUS: MmioOffset = named("GEN6_GT_THREAD_STATUS_REG");
/// Power state of the GT; it is awake after a reset.
const CORE_STATUS: MmioOffset = named("GEN6_GT_CORE_STATUS");

/// A register that resets something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// GDRST: resets at once what it is written with.
    Gdrst,
    /// RING_RESET_CTL: gets an engine ready for it.
    RingResetCtl,
}

impl Register {
    /// The register of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "GEN6_GDRST" => Some(Self::Gdrst),
            _ => match Engine::split(name) {
                Some((_, "RING_RESET_CTL")) => Some(Self::RingResetCtl),
                _ => None,
            },
        }
    }

    /// Writes it.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        match self {
            Self::Gdrst => {
                let domains = written.value();
                if domains & DOMAIN_FULL != 0 {
                    reset_gt(context);
                } else if domains & DOMAIN_GUC != 0 {
                    context.registers.update(GUC_STATUS, 0, MIA_IN_RESET);
                }
                let engines = match domains & DOMAIN_FULL {
                    0 => of_domains(domains),
                    _ => EngineSet::all(),
                };
                if engines != EngineSet::default() {
                    context.state.requests.push(Request::Reset(engines));
                }
                // What was asked for is done.
                context.registers.set(at, 0);
            }
            Self::RingResetCtl => {
                context.store(at, written);
                if written.sets_any(REQUEST) {
                    context.registers.update(at, 0, READY);
                } else if written.clears_any(REQUEST) {
                    context.registers.update(at, READY, 0);
                }
            }
        }
    }
}

/// The engines of some domains.
fn of_domains(domains: u32) -> EngineSet {
    let reset = DOMAINS
        .into_iter()
        .filter(|(domain, _)| domains & domain != 0);
    reset.map(|(_, engine)| engine).collect()
}

/// A reset of the GT, which does not reach the display engine.
fn reset_gt(context: &mut Context<'_>) {
    context
        .registers
        .restore(context.device.golden(), DISPLAY_START);
    pvinfo::fill(context.registers, context.vgpu, context.share);
}

/// A reset of the whole device: registers, and what they know of the guest.
pub(super) fn reset_device(
    registers: &mut RegisterFile,
    state: &mut State,
    device: &Device,
    vgpu: u32,
    share: &Share,
) {
    *state = State::default();
    registers.restore(device.golden(), MMIO_SIZE);
    registers.set(THREAD_STATUS, 0);
    registers.set(CORE_STATUS, 0);
    registers.update(GUC_STATUS, 0, MIA_IN_RESET);
    if device.model().platform == Platform::Bxt {
        bxt_phy::reset(registers);
        power::reset_bxt(registers);
    }
    pvinfo::fill(registers, vgpu, share);
}
