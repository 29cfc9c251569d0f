// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Registers of the GT besides the command streamers: memory interface, GuC, chicken bits.

use super::context::Context;
use super::registers::{named, RegisterFile};
use super::request::Request;
use super::written::Written;
use crate::address::MmioOffset;
use iface::registers::Platform;

/// GAMW_ECO_DEV_RW_IA: pages of 64 KiB in PPGTTs, a bit for each kind of engine (PRM Vol 2c,
/// GAMW_ECO_DEV_RW_IA, bits 3:0).
const IPS_ENABLE: u32 = 0xf;
/// Broxton's private PAT, entries 0 to 3, as vGPUs have it: entries 0 and 3 are snooped (bit 6 of
/// each), so that batches which a vCPU wrote need no flush (the C GVT-g's workaround).
const BXT_PAT_LOW: u32 = 0x4000_0040;
/// TRTTE: translation tables of tiled resources are used (PRM Vol 2c, TRTTE, bit 0).
const TRTT_ENABLE: u32 = 1 << 0;
/// TRTTE: and are found by a virtual address (PRM Vol 2c, TRTTE, bit 1).
const TRTT_VIRTUAL: u32 = 1 << 1;
/// MBCTL: the GPU fetches its boot code (PRM Vol 2c, MBCTL, bit 4).
const BOOT_FETCH: u32 = 1 << 4;
/// GUC_STATUS: the GuC's processor is in reset (PRM Vol 2c, GUC_STATUS, bit 0).
pub(super) const MIA_IN_RESET: u32 = 1 << 0;
/// DMA_CTRL: the GuC's firmware is to be loaded (PRM Vol 2c, DMA_CTRL, bit 0, masked by bit 16).
const START_DMA: u32 = 1 << 0;
/// FPGA_DBG: a register that nobody claims was accessed (PRM Vol 2c, FPGA_DBG, bit 31).
const UNCLAIMED: u32 = 1 << 31;

/// Whether a guest has switched pages of 64 KiB on.
pub(super) fn has_pages_64k(registers: &RegisterFile) -> bool {
    registers.get(const { named("GEN8_GAMW_ECO_DEV_RW_IA") }) & IPS_ENABLE != 0
}

/// A register of the GT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// Enables pages of 64 KiB.
    GamwEco,
    /// The lower half of Broxton's private PAT.
    BxtPatLow,
    /// Translation tables of tiled resources.
    Trtte,
    /// Control of the memory arbiter.
    Mbctl,
    /// Status of the GuC, which has a reset that ends by being looked at.
    GucStatus,
    /// Load of the GuC's firmware.
    GucDma,
    /// Debugging.
    FpgaDebug,
}

impl Register {
    /// The register of that name.
    pub(super) fn named(name: &str, platform: Platform) -> Option<Self> {
        match name {
            "GEN8_GAMW_ECO_DEV_RW_IA" => Some(Self::GamwEco),
            "GEN8_PRIVATE_PAT_LO" if platform == Platform::Bxt => Some(Self::BxtPatLow),
            "TRTTE" => Some(Self::Trtte),
            "GEN6_MBCTL" => Some(Self::Mbctl),
            "GUC_STATUS" => Some(Self::GucStatus),
            "DMA_CTRL" => Some(Self::GucDma),
            "FPGA_DBG" => Some(Self::FpgaDebug),
            _ => None,
        }
    }

    /// Reads it.
    pub(super) fn read(self, context: &mut Context<'_>, at: MmioOffset) -> u32 {
        let value = context.registers.get(at);
        match self {
            Self::GucStatus => context.registers.set(at, value & !MIA_IN_RESET),
            Self::GamwEco
            | Self::BxtPatLow
            | Self::Trtte
            | Self::Mbctl
            | Self::GucDma
            | Self::FpgaDebug => (),
        }
        value
    }

    /// Writes it.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        let value = context.merged(at, written);
        match self {
            Self::GamwEco => {
                // Which engines will use a PPGTT is not known when it is shadowed.
                if matches!(value & IPS_ENABLE, 0 | IPS_ENABLE) {
                    context.registers.set(at, value);
                    let enabled = value & IPS_ENABLE != 0;
                    context.state.requests.push(Request::Pages64k(enabled));
                } else {
                    context.refuse(
                        at,
                        value,
                        "ignored, 64 KiB pages are for all engines or none",
                    );
                }
            }
            Self::BxtPatLow => context.registers.set(at, BXT_PAT_LOW),
            Self::Trtte => {
                if value & (TRTT_ENABLE | TRTT_VIRTUAL) == TRTT_ENABLE {
                    context.refuse(at, value, "ignored, the table must have a virtual address");
                } else {
                    context.registers.set(at, value);
                }
            }
            Self::Mbctl => context.registers.set(at, value & !BOOT_FETCH),
            Self::GucStatus => context.registers.set(at, value),
            Self::GucDma => {
                context.registers.set(at, value);
                if written.sets_any(START_DMA) {
                    context.refuse(at, value, "no firmware is loaded, a vGPU has no GuC");
                }
            }
            Self::FpgaDebug => context.registers.set(at, value & !UNCLAIMED),
        }
    }
}
