// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Power of the display engine: wells, and the buffer that planes read through. Whatever is asked
//! for is on at once.

use super::context::Context;
use super::registers::{named, RegisterFile};
use super::written::Written;
use crate::address::MmioOffset;
use iface::registers::Platform;

/// PWR_WELL_CTL of Broadwell, DBUF_CTL: power is asked for (PRM Vol 2c, PWR_WELL_CTL, DBUF_CTL,
/// bit 31).
const REQUEST: u32 = 1 << 31;
/// The same: power is on (bit 30).
const STATE: u32 = 1 << 30;
/// PWR_WELL_CTL of Skylake and its successors: the requests of all its wells (PRM Vol 2c,
/// PWR_WELL_CTL); the state of each is one bit below.
const REQUESTS: u32 = 1 << 31 | 1 << 29 | 1 << 9 | 1 << 7 | 1 << 5 | 1 << 3 | 1 << 1;
/// The same of Broxton, which has fewer wells.
const REQUESTS_BXT: u32 = 1 << 31 | 1 << 29;

/// Which fuses of the display engine were read.
const FUSE_STATUS: MmioOffset = named("SKL_FUSE_STATUS");
/// FUSE_STATUS: all of them (PRM Vol 2c, FUSE_STATUS, bit 31).
const FUSE_DOWNLOAD: u32 = 1 << 31;
/// FUSE_STATUS: those of the power groups 0, 1 and 2 (PRM Vol 2c, FUSE_STATUS, bits 27, 26, 25).
const FUSE_GROUPS: u32 = 1 << 27 | 1 << 26 | 1 << 25;

/// A register that power is asked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// The buffer that planes read through.
    Buffer,
    /// One of Broadwell's, of which the topmost well has a state.
    HswWell,
    /// Power wells, all in one register, with nothing else in it.
    Wells {
        /// Their requests.
        requests: u32,
    },
}

impl Register {
    /// The register of that name.
    pub(super) fn named(name: &str, platform: Platform) -> Option<Self> {
        match (name, platform) {
            ("DBUF_CTL_S_0", _) => Some(Self::Buffer),
            (
                "HSW_PWR_WELL_CTL1" | "HSW_PWR_WELL_CTL2" | "HSW_PWR_WELL_CTL3"
                | "HSW_PWR_WELL_CTL4" | "HSW_PWR_WELL_CTL5" | "HSW_PWR_WELL_CTL6",
                Platform::Bdw,
            ) => Some(Self::HswWell),
            ("HSW_PWR_WELL_CTL2", Platform::Bxt) => Some(Self::Wells {
                requests: REQUESTS_BXT,
            }),
            ("HSW_PWR_WELL_CTL2", _) => Some(Self::Wells { requests: REQUESTS }),
            _ => None,
        }
    }

    /// Writes it.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        let value = context.merged(at, written);
        match self {
            Self::Buffer | Self::HswWell => {
                context.registers.set(at, value);
                context.registers.set_if(value & REQUEST != 0, at, STATE);
            }
            Self::Wells { requests } => {
                let requested = value & requests;
                context.registers.set(at, requested | requested >> 1);
            }
        }
    }
}

/// What a reset does on Broxton: the fuses are read.
pub(super) fn reset_bxt(registers: &mut RegisterFile) {
    registers.update(FUSE_STATUS, 0, FUSE_DOWNLOAD | FUSE_GROUPS);
}
