// SPDX-License-Identifier: GPL-2.0 OR MIT
//! DisplayPort's AUX channels. A guest puts a request into five registers, byte after byte, the
//! first in the topmost bits, and sends it; there it finds the reply at once. On the channel of its
//! port, that is the monitor's; on all others nobody answers, and each request times out.

use super::context::Context;
use super::written::Written;
use crate::address::MmioOffset;
use crate::display::monitor;
use crate::display::sink::MESSAGE_SIZE;
use crate::hardware::Port;
use crate::interrupt::{self, Event};
use iface::registers::DWORD;

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
/// DP_AUX_CH_CTL: bytes that are sent, or were received (bits 24:20).
const MESSAGE_BYTES: u32 = 0x1f << MESSAGE_SHIFT;
const MESSAGE_SHIFT: u32 = 20;

/// Registers that have a message.
const DATA_REGISTERS: usize = MESSAGE_SIZE / DWORD as usize;

/// A register of an AUX channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// Sends.
    Control(Port),
    /// What is sent, and what was received.
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
                let kept = value & !(SEND_BUSY | TIMED_OUT | RECEIVE_ERROR | MESSAGE_BYTES);
                let outcome = send(context, at, port, value);
                context.registers.set(at, kept | DONE | outcome);
                if value & INTERRUPT != 0 {
                    interrupt::raise(context, Event::Aux(port));
                }
            }
            Self::Data => context.store(at, written),
        }
    }
}

/// The registers of a channel that have its messages.
fn data(control: MmioOffset) -> impl Iterator<Item = MmioOffset> {
    let next = move |at: &MmioOffset| Some(MmioOffset(at.0.saturating_add(DWORD)));
    core::iter::successors(next(&control), next).take(DATA_REGISTERS)
}

/// Sends a request, and receives the reply. Returns what the control register says of it.
fn send(context: &mut Context<'_>, control: MmioOffset, port: Port, value: u32) -> u32 {
    if port != monitor::port(context.device.model().platform) {
        return TIMED_OUT;
    }
    let mut message = [0; MESSAGE_SIZE];
    let sent = data(control).flat_map(|at| context.registers.get(at).to_be_bytes());
    message
        .iter_mut()
        .zip(sent)
        .for_each(|(to, from)| *to = from);
    let size = (value & MESSAGE_BYTES) >> MESSAGE_SHIFT;
    let request = message.get(..size as usize);
    let Some(reply) = request.and_then(|request| context.display.monitor.answer(request)) else {
        return TIMED_OUT;
    };
    for (at, bytes) in data(control).zip(reply.bytes().chunks(DWORD as usize)) {
        let mut dword = [0; DWORD as usize];
        dword
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        context.registers.set(at, u32::from_be_bytes(dword));
    }
    // A reply has 17 bytes at most.
    (reply.bytes().len() as u32).wrapping_shl(MESSAGE_SHIFT) & MESSAGE_BYTES
}
