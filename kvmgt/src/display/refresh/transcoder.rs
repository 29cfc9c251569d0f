// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Transcoders: which pipe each sends, through which port, and with what timing.

use super::{Kilohertz, Pipe, Port, RegisterFile};
use crate::address::MmioOffset;
use crate::mmio::registers::named;

/// TRANSCONF: the transcoder is on (PRM Vol 2c, TRANS_CONF, bit 31).
const ENABLE: u32 = 1 << 31;
/// TRANS_DDI_FUNC_CTL: the port (PRM Vol 2c, TRANS_DDI_FUNC_CTL, bits 30:28); zero is none.
const PORT_SHIFT: u32 = 28;
const PORT: u32 = 0x7;
/// TRANS_DDI_FUNC_CTL of the eDP transcoder: what it sends (bits 14:12): 0 and 4 are pipe A, 5 is pipe
/// B, 6 is pipe C.
const INPUT_SHIFT: u32 = 12;
const INPUT: u32 = 0x7;
/// TRANS_HTOTAL, TRANS_VTOTAL: pixels or lines less one (PRM Vol 2c, TRANS_HTOTAL; total in bits
/// 28:16, shown in bits 12:0).
const TOTAL_SHIFT: u32 = 16;
const SIZE: u32 = 0x1fff;
/// LINKM, LINKN: the value (PRM Vol 2c, LINKM, bits 23:0).
const RATIO: u32 = 0xff_ffff;

/// What brings pixels from a pipe to a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transcoder {
    /// Sends pipe A.
    A,
    /// Sends pipe B.
    B,
    /// Sends pipe C.
    C,
    /// Sends any of them to port A.
    Edp,
}

/// The registers of a transcoder.
struct Registers {
    control: MmioOffset,
    /// TRANS_DDI_FUNC_CTL, which has no name in the register table.
    function: MmioOffset,
    columns: MmioOffset,
    lines: MmioOffset,
    link_m: MmioOffset,
    link_n: MmioOffset,
}

macro_rules! registers {
    ($letter:literal, $function:literal) => {
        Registers {
            control: named(concat!("TRANSCONF_TRANSCODER_", $letter)),
            function: named($function),
            columns: named(concat!("TRANS_HTOTAL_TRANSCODER_", $letter)),
            lines: named(concat!("TRANS_VTOTAL_TRANSCODER_", $letter)),
            link_m: named(concat!("PIPE_LINK_M1_TRANSCODER_", $letter)),
            link_n: named(concat!("PIPE_LINK_N1_TRANSCODER_", $letter)),
        }
    };
}

static OF_A: Registers = registers!("A", "REG_60400");
static OF_B: Registers = registers!("B", "REG_61400");
static OF_C: Registers = registers!("C", "REG_62400");
static OF_EDP: Registers = registers!("EDP", "REG_6F400");

/// How many pixels or lines there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// All, those of the blank included.
    pub(super) total: u32,
    /// Those that are shown.
    pub(super) shown: u32,
}

impl Extent {
    fn of(register: MmioOffset, registers: &RegisterFile) -> Self {
        let value = registers.get(register);
        Self {
            total: (value >> TOTAL_SHIFT & SIZE).saturating_add(1),
            shown: (value & SIZE).saturating_add(1),
        }
    }
}

impl Transcoder {
    /// The one that sends a pipe, if one is on.
    pub(super) fn of_pipe(pipe: Pipe, registers: &RegisterFile) -> Option<Self> {
        let own = match pipe {
            Pipe::A => Self::A,
            Pipe::B => Self::B,
            Pipe::C => Self::C,
        };
        if own.is_on(registers) {
            return Some(own);
        }
        let is_sent = Self::Edp.is_on(registers) && edp_input(registers) == Some(pipe);
        is_sent.then_some(Self::Edp)
    }

    fn registers(self) -> &'static Registers {
        match self {
            Self::A => &OF_A,
            Self::B => &OF_B,
            Self::C => &OF_C,
            Self::Edp => &OF_EDP,
        }
    }

    fn is_on(self, registers: &RegisterFile) -> bool {
        registers.get(self.registers().control) & ENABLE != 0
    }

    /// The port that it sends to.
    pub(super) fn port(self, registers: &RegisterFile) -> Option<Port> {
        if self == Self::Edp {
            return Some(Port::A);
        }
        match registers.get(self.registers().function) >> PORT_SHIFT & PORT {
            1 => Some(Port::B),
            2 => Some(Port::C),
            3 => Some(Port::D),
            4 => Some(Port::E),
            _ => None,
        }
    }

    /// Pixels a second, of a link with so many symbols a second; `None` if there are none.
    pub(super) fn pixel_clock(
        self,
        symbols: Kilohertz,
        registers: &RegisterFile,
    ) -> Option<Kilohertz> {
        let ratio = |register| u64::from(registers.get(register) & RATIO);
        let pixels = symbols.0.saturating_mul(ratio(self.registers().link_m));
        let clock = pixels.checked_div(ratio(self.registers().link_n))?;
        (clock != 0).then_some(Kilohertz(clock))
    }

    /// Pixels of a line.
    pub(super) fn columns(self, registers: &RegisterFile) -> Extent {
        Extent::of(self.registers().columns, registers)
    }

    /// Lines of a frame.
    pub(super) fn lines(self, registers: &RegisterFile) -> Extent {
        Extent::of(self.registers().lines, registers)
    }
}

/// The pipe that the eDP transcoder sends.
fn edp_input(registers: &RegisterFile) -> Option<Pipe> {
    match registers.get(OF_EDP.function) >> INPUT_SHIFT & INPUT {
        0 | 4 => Some(Pipe::A),
        5 => Some(Pipe::B),
        6 => Some(Pipe::C),
        _ => None,
    }
}
