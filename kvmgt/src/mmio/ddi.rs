// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Digital ports: buffers, DisplayPort's link training, panel self-refresh.

use super::context::Context;
use super::registers::named;
use super::written::Written;
use crate::address::MmioOffset;
use crate::display::monitor;
use crate::hardware::Port;

/// DDI_BUF_CTL: the buffer is on (PRM Vol 2c, DDI_BUF_CTL, bit 31).
pub(super) const BUFFER_ENABLE: u32 = 1 << 31;
/// DDI_BUF_CTL: it is off, or does nothing (bit 7).
const BUFFER_IDLE: u32 = 1 << 7;
/// DP_TP_CTL: what the link sends (PRM Vol 2c, DP_TP_CTL, bits 10:8).
const PATTERN: u32 = 0x7 << 8;
/// DP_TP_CTL: the pattern of an idle link (bits 10:8).
const PATTERN_IDLE: u32 = 0x2 << 8;
/// DP_TP_STATUS: enough of that was sent (PRM Vol 2c, DP_TP_STATUS, bit 25).
const IDLE_DONE: u32 = 1 << 25;
/// DP_TP_STATUS: bits that are cleared by writing ones (bits 27, 26, 24).
const STICKY: u32 = 1 << 27 | 1 << 26 | 1 << 24;
/// DP_TP_STATUS: the port has trained its link by itself (bit 12).
pub(super) const AUTOTRAIN_DONE: u32 = 1 << 12;

/// Status of the ports' links.
const STATUS_A: MmioOffset = named("DP_TP_STATUS_PORT_A");
const STATUS_B: MmioOffset = named("DP_TP_STATUS_PORT_B");
const STATUS_C: MmioOffset = named("DP_TP_STATUS_PORT_C");
const STATUS_D: MmioOffset = named("DP_TP_STATUS_PORT_D");
pub(super) const STATUS_E: MmioOffset = named("DP_TP_STATUS_PORT_E");

/// A register of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// Control of the buffer.
    Buffer(Port),
    /// Control of the link.
    Link(Port),
    /// Status of the link; that of port E, which is none of DisplayPort's, is plain.
    LinkStatus,
    /// Interrupts of panel self-refresh, which there is none of.
    SelfRefresh,
}

impl Register {
    /// The register of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        if matches!(name, "EDP_PSR_IMR" | "EDP_PSR_IIR") {
            return Some(Self::SelfRefresh);
        }
        let (register, letter) = name.rsplit_once("_PORT_")?;
        match (register, Port::from_letter(letter)?) {
            ("DDI_BUF_CTL", port) => Some(Self::Buffer(port)),
            ("DP_TP_CTL", port) => Some(Self::Link(port)),
            ("DP_TP_STATUS", Port::A | Port::B | Port::C | Port::D) => Some(Self::LinkStatus),
            _ => None,
        }
    }

    /// Writes it.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        match self {
            Self::Buffer(port) => {
                context.store(at, written);
                let on = context.registers.get(at) & BUFFER_ENABLE != 0;
                context.registers.set_if(!on, at, BUFFER_IDLE);
                if !on && port == Port::E {
                    context.registers.update(STATUS_E, AUTOTRAIN_DONE, 0);
                }
                if !on && port == monitor::port(context.device.model().platform) {
                    context.display.monitor.link_lost();
                }
            }
            Self::Link(port) => {
                context.store(at, written);
                if context.registers.get(at) & PATTERN == PATTERN_IDLE {
                    context.registers.update(status(port), 0, IDLE_DONE);
                }
            }
            Self::LinkStatus => {
                let plain = context.merged(at, written) & !STICKY;
                let sticky = context.registers.get(at) & !written.value() & STICKY;
                context.registers.set(at, plain | sticky);
            }
            Self::SelfRefresh => context.registers.set(at, 0),
        }
    }
}

fn status(port: Port) -> MmioOffset {
    match port {
        Port::A => STATUS_A,
        Port::B => STATUS_B,
        Port::C => STATUS_C,
        Port::D => STATUS_D,
        Port::E => STATUS_E,
    }
}
