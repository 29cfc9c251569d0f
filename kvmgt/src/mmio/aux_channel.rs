// SPDX-License-Identifier: GPL-2.0 OR MIT
//! DisplayPort's AUX channels. Nothing answers on them: each transaction times out at once.

use super::context::Context;
use super::written::Written;
use crate::address::MmioOffset;
use crate::hardware::Port;
use crate::interrupt::{self, Event};

/// DP_AUX_CH_CTL: sends, and is busy with it (PRM Vol 2c, DDI_AUX_CTL, bit 31).
const SEND_BUSY: u32 = 1 << 31;
/// DP_AUX_CH_CTL: done (bit 30).
const DONE: u32 = 1 << 30;
/// DP_AUX_CH_CTL: interrupts when done (bit 29).
const INTERRUPT: u32 = 1 << 29;
/// DP_AUX_CH_CTL: nobody has answered (bit 28).
const TIMED_OUT: u32 = 1 << 28;
/// DP_AUX_CH_CTL: the answer was none (bit 25).
const RECEIVE_ERROR: u32 = 1 << 25;
/// DP_AUX_CH_CTL: bytes that were sent or received (bits 24:20).
const MESSAGE_SIZE: u32 = 0x1f << 20;

/// A register of an AUX channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// Sends.
    Control(Port),
    /// What is sent.
    Data,
}

impl Register {
    /// The dword number `index` of the register of that name.
    pub(super) fn named(name: &str, index: u32) -> Option<Self> {
        let letter = name
            .strip_prefix("DP_AUX_CH_CTL_AUX_CH_")
            .or_else(|| name.strip_prefix("PCH_DP_AUX_CH_CTL_AUX_CH_"))?;
        let port = Port::from_letter(letter)?;
        Some(match index {
            0 => Self::Control(port),
            _ => Self::Data,
        })
    }

    /// Writes it.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        match self {
            Self::Control(port) => {
                let value = context.merged(at, written);
                if value & SEND_BUSY == 0 {
                    // Drivers write it so to clear the status.
                    context.registers.set(at, 0);
                    return;
                }
                let kept = value & !(SEND_BUSY | RECEIVE_ERROR | MESSAGE_SIZE);
                context.registers.set(at, kept | DONE | TIMED_OUT);
                if value & INTERRUPT != 0 {
                    interrupt::raise(context, Event::Aux(port));
                }
            }
            Self::Data => context.store(at, written),
        }
    }
}
