// SPDX-License-Identifier: GPL-2.0 OR MIT
//! How long a command is and what its operands are, for who only goes through commands.

use super::table::{self, Action, Opcode};
use crate::hardware::Engine;
use iface::registers::Platform;

/// What the operands of a command are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operands {
    /// Offsets of registers, each with its value.
    Registers,
    /// State of the pipeline; all of its addresses are translated by the PPGTT.
    State,
    /// None, and nothing follows.
    End,
    /// Anything else.
    Other,
}

/// What is to be known of a command to go through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How many dwords it has, its header included; at least one.
    pub(crate) dwords: u32,
    /// What those behind the header are.
    pub(crate) operands: Operands,
}

/// The shape of the command with this header; none if an engine knows no such command.
pub(crate) fn shape(platform: Platform, engine: Engine, header: u32) -> Option<Shape> {
    let row = table::find(platform, engine, header)?;
    let operands = match (row.action, row.opcode) {
        (Action::LoadImmediate, _) => Operands::Registers,
        (Action::BatchEnd, _) => Operands::End,
        (Action::Pass, Opcode::Gfx(_)) => Operands::State,
        _ => Operands::Other,
    };
    Some(Shape {
        dwords: row.length.of(header).ok()?,
        operands,
    })
}
