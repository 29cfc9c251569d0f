// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The link between the CPU's display engine and the PCH. It trains at once.

use super::context::Context;
use super::ddi::{AUTOTRAIN_DONE, BUFFER_ENABLE, STATUS_E};
use super::registers::named;
use super::written::Written;
use crate::address::MmioOffset;
use crate::hardware::Pipe;

/// FDI_RX_CTL, FDI_TX_CTL: the receiver, the transmitter is on (PRM Vol 2c, FDI_RX_CTL, bit 31).
const ENABLE: u32 = 1 << 31;
/// FDI_RX_CTL: the receiver expects the second pattern; the first is zero (bits 9:8).
const RX_PATTERN_2: u32 = 1 << 8;
/// FDI_RX_CTL: the link trains by itself (bit 10).
const RX_AUTO: u32 = 1 << 10;
/// FDI_TX_CTL: the transmitter sends the second pattern; the first is zero (bits 29:28).
const TX_PATTERN_2: u32 = 1 << 28;
/// FDI_RX_IIR: the receiver has locked on bits: the first pattern (PRM Vol 2c, FDI_RX_IIR, bit 8).
const BIT_LOCK: u32 = 1 << 8;
/// FDI_RX_IIR: and on symbols: the second pattern (bit 9).
const SYMBOL_LOCK: u32 = 1 << 9;
/// DP_TP_CTL: the port is on (PRM Vol 2c, DP_TP_CTL, bit 31).
const LINK_ENABLE: u32 = 1 << 31;
/// DP_TP_CTL: it trains by itself (bit 15).
const LINK_AUTO: u32 = 1 << 15;

const BUFFER_E: MmioOffset = named("DDI_BUF_CTL_PORT_E");
const LINK_E: MmioOffset = named("DP_TP_CTL_PORT_E");

/// The registers of a pipe's link.
struct Link {
    receiver: MmioOffset,
    masked: MmioOffset,
    pending: MmioOffset,
    /// FDI_TX_CTL, which GVT-g does not track: plain memory.
    transmitter: MmioOffset,
}

static LINK_OF_A: Link = Link {
    receiver: named("FDI_RX_CTL_PIPE_A"),
    masked: named("FDI_RX_IMR_PIPE_A"),
    pending: named("FDI_RX_IIR_PIPE_A"),
    transmitter: MmioOffset(0x6_0100),
};
static LINK_OF_B: Link = Link {
    receiver: named("FDI_RX_CTL_PIPE_B"),
    masked: named("FDI_RX_IMR_PIPE_B"),
    pending: named("FDI_RX_IIR_PIPE_B"),
    transmitter: MmioOffset(0x6_1100),
};
static LINK_OF_C: Link = Link {
    receiver: named("FDI_RX_CTL_PIPE_C"),
    masked: named("FDI_RX_IMR_PIPE_C"),
    pending: named("FDI_RX_IIR_PIPE_C"),
    transmitter: MmioOffset(0x6_2100),
};

fn link(pipe: Pipe) -> &'static Link {
    match pipe {
        Pipe::A => &LINK_OF_A,
        Pipe::B => &LINK_OF_B,
        Pipe::C => &LINK_OF_C,
    }
}

/// A register of the link of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// Control of the receiver.
    Receiver(Pipe),
    /// What its interrupts are masked by.
    Imr(Pipe),
    /// What is pending: cleared by writing ones.
    Iir,
}

impl Register {
    /// The register of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (register, letter) = name.rsplit_once("_PIPE_")?;
        match (register, Pipe::from_letter(letter)?) {
            ("FDI_RX_CTL", pipe) => Some(Self::Receiver(pipe)),
            ("FDI_RX_IMR", pipe) => Some(Self::Imr(pipe)),
            ("FDI_RX_IIR", _) => Some(Self::Iir),
            _ => None,
        }
    }

    /// Writes it.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        match self {
            Self::Receiver(pipe) => {
                context.store(at, written);
                train(context, link(pipe));
                if pipe == Pipe::A {
                    train_port_e(context);
                }
            }
            Self::Imr(pipe) => {
                context.store(at, written);
                train(context, link(pipe));
            }
            Self::Iir => context.registers.update(at, written.value(), 0),
        }
    }
}

/// Locks the receiver, where both ends are at the same pattern.
fn train(context: &mut Context<'_>, link: &Link) {
    let receiver = context.registers.get(link.receiver);
    let transmitter = context.registers.get(link.transmitter);
    let masked = context.registers.get(link.masked);
    let steps = [
        (ENABLE, ENABLE, BIT_LOCK),
        (ENABLE | RX_PATTERN_2, ENABLE | TX_PATTERN_2, SYMBOL_LOCK),
    ];
    for (rx, tx, lock) in steps {
        if masked & lock == 0 && receiver & rx == rx && transmitter & tx == tx {
            context.registers.update(link.pending, 0, lock);
        }
    }
}

/// Trains the link of port E, if all of it shall train by itself.
fn train_port_e(context: &mut Context<'_>) {
    let needed = [
        (BUFFER_E, BUFFER_ENABLE),
        (LINK_OF_A.receiver, ENABLE | RX_AUTO),
        (LINK_E, LINK_ENABLE | LINK_AUTO),
    ];
    let is_set = |(at, bits): (MmioOffset, u32)| context.registers.get(at) & bits == bits;
    if needed.into_iter().all(is_set) {
        context.registers.update(STATUS_E, 0, AUTOTRAIN_DONE);
    }
}
