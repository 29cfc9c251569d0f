// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Command headers: which command it is, how long, on which engine.
//!
//! Source: PRM Vol 2a (SKL), command reference. A header that no engine of that class knows is
//! none of ours: the engine hangs on it.

pub mod media;
pub mod mi;
pub mod render;

use crate::clock::Cycles;
use crate::platform::EngineId;

/// What any command costs at least.
pub const BASE_COST: Cycles = Cycles(32);
/// What a context switch costs.
pub const SWITCH_COST: Cycles = Cycles(2000);

/// Client field of a header: who executes the command.
const CLIENT_SHIFT: u32 = 29;
const CLIENT_MI: u32 = 0;
const CLIENT_BLITTER: u32 = 2;
const CLIENT_RENDER: u32 = 3;

const BLIT_OPCODE_SHIFT: u32 = 22;
const BLIT_OPCODE_MASK: u32 = 0x7f;
const BLIT_LENGTH: u32 = 0xff;

/// Opcodes of the blitter (bits 28:22 of the header).
pub mod blit {
    /// Fills a rectangle of contiguous rows.
    pub const COLOR: u32 = 0x40;
    /// Copies between surfaces, no raster operation.
    pub const XY_FAST_COPY: u32 = 0x42;
    /// Copies a rectangle of contiguous rows.
    pub const SRC_COPY: u32 = 0x43;
    /// Fills a rectangle.
    pub const XY_COLOR: u32 = 0x50;
    /// Copies a rectangle.
    pub const XY_SRC_COPY: u32 = 0x53;

    /// Commands that are executed by none of our drivers: skipped by their length.
    pub const SKIPPED: &[u32] = &[
        0x01, 0x03, 0x11, 0x24, 0x25, 0x26, 0x31, 0x51, 0x52, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59,
        0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77,
    ];
}

/// What a command is to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A memory interface command with that opcode.
    Mi(u32),
    /// A blit with that opcode.
    Blit(u32),
    /// PIPE_CONTROL.
    PipeControl,
    /// State of pipelines that are not modelled.
    Skipped,
}

/// A decoded header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// What it is.
    pub kind: Kind,
    /// Dwords, header included.
    pub length: u32,
    /// Whether another context may take over behind it.
    arbitrates: bool,
}

impl Command {
    /// Whether another context may take over now; `waits` if the command could not be done yet.
    pub fn arbitration_point(&self, waits: bool) -> bool {
        waits || self.arbitrates
    }
}

/// Decodes the header of a command on `engine`; none if the engine does not know it.
pub fn decode(engine: EngineId, header: u32) -> Option<Command> {
    match header >> CLIENT_SHIFT {
        CLIENT_MI => {
            let opcode = mi::opcode(header)?;
            let length = mi::length(engine, header)?;
            let arbitrates = matches!(opcode, mi::ARB_CHECK | mi::WAIT_FOR_EVENT);
            Some(Command {
                kind: Kind::Mi(opcode),
                length,
                arbitrates,
            })
        }
        CLIENT_BLITTER if engine == EngineId::Bcs0 => {
            let opcode = header >> BLIT_OPCODE_SHIFT & BLIT_OPCODE_MASK;
            let kind = match opcode {
                blit::COLOR
                | blit::XY_FAST_COPY
                | blit::SRC_COPY
                | blit::XY_COLOR
                | blit::XY_SRC_COPY => Kind::Blit(opcode),
                _ if blit::SKIPPED.contains(&opcode) => Kind::Skipped,
                _ => return None,
            };
            Some(Command {
                kind,
                length: (header & BLIT_LENGTH) + 2,
                arbitrates: false,
            })
        }
        CLIENT_RENDER => match engine {
            EngineId::Rcs0 => render::decode(header),
            EngineId::Vcs0 | EngineId::Vcs1 => media::decode_video(header),
            EngineId::Vecs0 => media::decode_enhancement(header),
            EngineId::Bcs0 => None,
        },
        _ => None,
    }
}

/// A command that is skipped.
const fn skipped(length: u32, arbitrates: bool) -> Command {
    Command {
        kind: Kind::Skipped,
        length,
        arbitrates,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_when_garbage_then_unknown_on_every_engine() {
        for engine in EngineId::ALL {
            for header in [0xffff_ffff, 0x2000_0000, 0x8000_0000, 0xdead_beef] {
                assert_eq!(decode(engine, header), None, "{header:#x}");
            }
        }
    }

    #[test]
    fn decode_when_pipe_control_then_only_on_render() {
        let header = 0x7a00_0004;

        let command = decode(EngineId::Rcs0, header).unwrap();

        assert_eq!((command.kind, command.length), (Kind::PipeControl, 6));
        assert_eq!(decode(EngineId::Bcs0, header), None);
    }

    #[test]
    fn decode_when_blit_then_only_on_blitter() {
        let header = (2 << 29) | (0x53 << 22) | 8;

        assert_eq!(
            decode(EngineId::Bcs0, header).unwrap().kind,
            Kind::Blit(0x53)
        );
        assert_eq!(decode(EngineId::Rcs0, header), None);
    }

    #[test]
    fn decode_when_single_dword_state_then_length_one() {
        assert_eq!(decode(EngineId::Rcs0, 0x6904_0303).unwrap().length, 1);
        assert_eq!(decode(EngineId::Rcs0, 0x780b_0001).unwrap().length, 1);
        assert_eq!(decode(EngineId::Vcs0, 0x6800_0000).unwrap().length, 2);
        assert_eq!(decode(EngineId::Vecs0, 0x7403_0001).unwrap().length, 3);
    }
}
