// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Registers of the command streamers.

use super::context::Context;
use super::registers::{named, RegisterFile};
use super::request::Request;
use super::written::Written;
use crate::address::{Gma, MmioOffset};
use crate::hardware::Engine;
use crate::message::Failsafe;
use iface::registers::Platform;

/// GFX_MODE: batches that are not privileged may do what they like (PRM Vol 2c, GFX_MODE, bit 0).
const PRIVILEGE_CHECK_DISABLE: u32 = 1 << 0;
/// GFX_MODE on Coffee Lake and Comet Lake: the same for more (observed: the C GVT-g refuses it).
const PRIVILEGE_CHECK_DISABLE_CFL: u32 = 1 << 1;
/// GFX_MODE: PPGTTs are used (PRM Vol 2c, GFX_MODE, bit 9).
const PPGTT_ENABLE: u32 = 1 << 9;
/// GFX_MODE: contexts are submitted by execlists (PRM Vol 2c, GFX_MODE, bit 15).
const RUN_LIST_ENABLE: u32 = 1 << 15;
/// CSFE_CHICKEN1: what relaxes the checks of the command streamer (observed: the C GVT-g refuses
/// both bits).
const CSFE_UNSAFE: u32 = 1 << 3 | 1 << 4;

/// A register of a command streamer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// GFX_MODE: masked; some of its bits a vGPU can't have.
    GfxMode {
        /// Those bits.
        refused: u32,
    },
    /// CSFE_CHICKEN1: masked; some of its bits a vGPU can't have.
    CsfeChicken,
    /// Address of the hardware status page.
    HwsPga,
    /// Request to invalidate the engine's TLB, which is done at once: each submission to the host
    /// half begins with it.
    TlbControl,
    /// The submit port.
    Elsp(Engine),
    /// Where the engine is, and what it does: the GPU's, while the vGPU has the engine.
    Position(Engine),
    /// A clock: the GPU's.
    Clock,
}

impl Register {
    /// The register of that name.
    pub(super) fn named(name: &str, platform: Platform) -> Option<Self> {
        if name == "GEN7_SC_INSTDONE" {
            return Some(Self::Position(Engine::Rcs));
        }
        let (engine, rest) = Engine::split(name)?;
        match rest {
            "RING_ELSP" => Some(Self::Elsp(engine)),
            "RING_ACTHD" | "RING_ACTHD_UDW" | "RING_INSTDONE" => Some(Self::Position(engine)),
            "RING_TIMESTAMP" | "RING_TIMESTAMP_UDW" => Some(Self::Clock),
            "RING_MODE" => Some(Self::GfxMode {
                refused: refused(platform),
            }),
            "RING_0D4" => Some(Self::CsfeChicken),
            "RING_HWS_PGA" => Some(Self::HwsPga),
            "TLB_CTL" => Some(Self::TlbControl),
            _ => None,
        }
    }

    /// Reads it.
    pub(super) fn read(self, context: &Context<'_>, at: MmioOffset) -> u32 {
        match self {
            Self::Position(engine) if context.state.running.has(engine) => context.of_gpu(at),
            Self::Clock => context.of_gpu(at),
            _ => context.registers.get(at),
        }
    }

    /// Writes it.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        match self {
            Self::GfxMode { refused } => {
                context.store_masked(at, written.deselect(refused));
                let isolated = PPGTT_ENABLE | RUN_LIST_ENABLE;
                let ignorant = written.sets_any(isolated) && !context.state.aware;
                if written.sets_any(refused) || ignorant {
                    context.fail_safe(Failsafe::UnsupportedGuest);
                }
            }
            Self::CsfeChicken => {
                context.store_masked(at, written.deselect(CSFE_UNSAFE));
                if written.sets_any(CSFE_UNSAFE) {
                    context.fail_safe(Failsafe::UnsupportedGuest);
                }
            }
            Self::HwsPga => {
                let value = context.merged(at, written);
                if value == 0 || context.share.has_page(Gma(value.into())) {
                    context.registers.set(at, value);
                } else {
                    context.refuse(at, value, "ignored, it is no page of the vGPU's own GGTT");
                }
            }
            Self::TlbControl => context.registers.set(at, 0),
            Self::Elsp(engine) => {
                let request = Request::Submit(engine, written.value());
                context.state.requests.push(request);
            }
            Self::Position(_) | Self::Clock => context.store(at, written),
        }
    }
}

/// Whether an engine takes contexts: by its submit port, and not from its ring.
pub(super) fn takes_contexts(registers: &RegisterFile, engine: Engine) -> bool {
    let mode = match engine {
        Engine::Rcs => const { named("RCS_RING_MODE") },
        Engine::Bcs => const { named("BCS_RING_MODE") },
        Engine::Vcs => const { named("VCS_RING_MODE") },
        Engine::Vcs1 => const { named("VCS1_RING_MODE") },
        Engine::Vecs => const { named("VECS_RING_MODE") },
    };
    registers.get(mode) & RUN_LIST_ENABLE != 0
}

/// The bits of GFX_MODE that a vGPU can't have.
fn refused(platform: Platform) -> u32 {
    match platform {
        Platform::Cfl | Platform::Cml => PRIVILEGE_CHECK_DISABLE | PRIVILEGE_CHECK_DISABLE_CFL,
        Platform::Bdw | Platform::Skl | Platform::Kbl | Platform::Bxt => PRIVILEGE_CHECK_DISABLE,
    }
}
