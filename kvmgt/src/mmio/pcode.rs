// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The mailbox of the power controller, which answers at once and never with an error.

use super::context::Context;
use super::registers::named;
use super::written::Written;
use crate::address::MmioOffset;
use iface::registers::Platform;

/// Where commands take and leave data.
const DATA: MmioOffset = named("GEN6_PCODE_DATA");

/// PCODE_MAILBOX: it is at work (PRM Vol 2c, GTDRIVER_MAILBOX_INTERFACE, bit 31).
const BUSY: u32 = 1 << 31;
/// PCODE_MAILBOX: the command, and afterwards the error (bits 7:0).
const COMMAND: u32 = 0xff;

/// Command: reads the voltages of RC6 states.
const READ_RC6_VIDS: u32 = 0x5;
/// Command: reads how long memory takes at four levels each of two sets, in microseconds a byte.
const READ_MEMORY_LATENCY: u32 = 0x6;
/// Command: asks for a change of the display's clock.
const CDCLK_CONTROL: u32 = 0x7;
/// Command: lets the system agent change its voltage, or not.
const SAGV_CONTROL: u32 = 0x21;

/// Answer: the first voltage is valid.
const RC6_VIDS_VALID: u32 = 1 << 0;
/// Answer: the clock may change.
const CDCLK_READY: u32 = 1 << 0;
/// Answer: the system agent does not change its voltage. What it really does is the host's matter.
const SAGV_DISABLED: u32 = 1 << 0;
/// Answers: the latencies of Skylake and its successors: levels 0 to 3, and 4 to 7 (those that
/// the C GVT-g tells).
const LATENCIES: [u32; 2] = [0x1e1a_1100, 0x6151_4b3d];
/// Answers: those of Broxton.
const LATENCIES_BXT: [u32; 2] = [0x1608_0707, 0x1616_1616];

/// A register of the mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// Takes commands.
    Mailbox,
}

impl Register {
    /// The register of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        (name == "GEN6_PCODE_MAILBOX").then_some(Self::Mailbox)
    }

    /// Writes it: a command, which is executed.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        let value = context.merged(at, written);
        let data = context.registers.get(DATA);
        let platform = context.device.model().platform;
        if let Some(answer) = answer(value & COMMAND, data, platform) {
            context.registers.set(DATA, answer);
        }
        context.registers.set(at, value & !(BUSY | COMMAND));
    }
}

/// What a command leaves in the data register; `None` if it leaves it as it is.
fn answer(command: u32, data: u32, platform: Platform) -> Option<u32> {
    let of = |[lower, upper]: [u32; 2]| Some(if data == 0 { lower } else { upper });
    match (command, platform) {
        (READ_MEMORY_LATENCY, Platform::Bxt) => of(LATENCIES_BXT),
        (READ_MEMORY_LATENCY | CDCLK_CONTROL | SAGV_CONTROL, Platform::Bdw)
        | (CDCLK_CONTROL | SAGV_CONTROL, Platform::Bxt) => None,
        (READ_MEMORY_LATENCY, _) => of(LATENCIES),
        (CDCLK_CONTROL, _) => Some(CDCLK_READY),
        (SAGV_CONTROL, _) => Some(SAGV_DISABLED),
        (READ_RC6_VIDS, _) => Some(data | RC6_VIDS_VALID),
        _ => None,
    }
}
