// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Commands of a ring that load and store registers: PRM Vol 2a.

use crate::address::{Gma, MmioOffset};
use kernel::prelude::*;

/// Position of an MI command's opcode.
const OPCODE: u32 = 23;
/// What a length field lacks of the dwords of its command.
const LENGTH_BIAS: u32 = 2;
/// The address is one of the GGTT (bit 22).
const USE_GGTT: u32 = 1 << 22;
/// MI_NOOP, a whole command.
const NOOP: u32 = 0;
/// MI_LOAD_REGISTER_IMM without its length.
const LOAD_IMMEDIATE: u32 = 0x22 << OPCODE;
/// MI_STORE_REGISTER_MEM, through the GGTT.
const STORE: u32 = 0x24 << OPCODE | USE_GGTT | (MEMORY_DWORDS - LENGTH_BIAS);
/// MI_LOAD_REGISTER_MEM, through the GGTT.
const LOAD: u32 = 0x29 << OPCODE | USE_GGTT | (MEMORY_DWORDS - LENGTH_BIAS);

/// Dwords of MI_STORE_REGISTER_MEM and MI_LOAD_REGISTER_MEM since Gen8.
pub(super) const MEMORY_DWORDS: u32 = 4;
/// Registers that one MI_LOAD_REGISTER_IMM loads here; its length field has room for twice as many.
pub(super) const MAX_PAIRS: usize = 64;

/// Stores a register to memory.
pub(super) fn store(out: &mut KVVec<u32>, register: MmioOffset, to: Gma) -> Result {
    memory(out, STORE, register, to)
}

/// Loads a register from memory.
pub(super) fn load(out: &mut KVVec<u32>, register: MmioOffset, from: Gma) -> Result {
    memory(out, LOAD, register, from)
}

fn memory(out: &mut KVVec<u32>, header: u32, register: MmioOffset, at: Gma) -> Result {
    let low = u32::try_from(at.0)?;
    out.extend_from_slice(&[header, register.0, low, 0], GFP_KERNEL)?;
    Ok(())
}

/// Loads registers with values; none is no command.
pub(super) fn load_values(out: &mut KVVec<u32>, pairs: &[(MmioOffset, u32)]) -> Result {
    for pairs in pairs.chunks(MAX_PAIRS) {
        let operands = u32::try_from(pairs.len())?.saturating_mul(2);
        let dwords = operands.saturating_add(1);
        let header = LOAD_IMMEDIATE | dwords.saturating_sub(LENGTH_BIAS);
        out.push(header, GFP_KERNEL)?;
        for (register, value) in pairs {
            out.extend_from_slice(&[register.0, *value], GFP_KERNEL)?;
        }
    }
    Ok(())
}

/// Makes the number of dwords from `start` on even.
pub(super) fn pad(out: &mut KVVec<u32>, start: usize) -> Result {
    if out.len().wrapping_sub(start) % 2 != 0 {
        out.push(NOOP, GFP_KERNEL)?;
    }
    Ok(())
}
