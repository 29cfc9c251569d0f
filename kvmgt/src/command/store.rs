// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Commands of the command streamer that change memory: PRM Vol 2a.

use super::address::{ggtt, DWORDS};
use super::audit::Scene;
use super::control::USE_GGTT;
use super::cursor::Operands;
use super::refusal::Rule;

/// MI_STORE_DATA_IMM: qwords are stored (bit 21).
const STORE_QWORDS: u32 = 1 << 21;
/// MI_STORE_DATA_IMM, first address dword: one core of two stores behind the other (bit 0).
const CORE_MODE: u32 = 1 << 0;
/// MI_STORE_DATA_IMM: dwords in front of the data.
const STORE_FRONT: u32 = 3;
/// MI_COPY_MEM_MEM: the destination is in the GGTT (bit 21); the source has the usual bit.
const DESTINATION_GGTT: u32 = 1 << 21;
/// MI_ATOMIC: operands are in the command (bit 18).
const INLINE: u32 = 1 << 18;
/// MI_ATOMIC: its dwords then, and else.
const ATOMIC_DWORDS: (u32, u32) = (11, 3);
/// MI_ATOMIC: dword, qword, or two qwords (bits 20:19).
const SIZE_SHIFT: u32 = 19;
const SIZE: u32 = 0x3;

/// `MI_STORE_DATA_IMM`: as many dwords or qwords as the command holds, one behind the other.
pub(super) fn data(scene: &Scene<'_>, command: &Operands<'_>) -> Result<(), Rule> {
    let dwords = command.len();
    let data = dwords.saturating_sub(STORE_FRONT);
    if data == 0 {
        return command.expect(STORE_FRONT.saturating_add(1));
    }
    if command.has(STORE_QWORDS) && data & 1 != 0 {
        return Err(Rule::Length {
            dwords,
            rule: "its last qword has half a value",
        });
    }
    let (low, high) = command.pair(1)?;
    let cores = match low & CORE_MODE {
        0 => 1,
        _ => 2,
    };
    let bytes = u64::from(data).saturating_mul(4).saturating_mul(cores);
    scene.check(command.has(USE_GGTT), ggtt(low, high, DWORDS), bytes)
}

/// `MI_COPY_MEM_MEM`: one dword.
pub(super) fn copy(scene: &Scene<'_>, command: &Operands<'_>) -> Result<(), Rule> {
    let (to, from) = (command.pair(1)?, command.pair(3)?);
    let ggtt = |(low, high)| ggtt(low, high, DWORDS);
    scene.check(command.has(DESTINATION_GGTT), ggtt(to), 4)?;
    scene.check(command.has(USE_GGTT), ggtt(from), 4)
}

/// `MI_ATOMIC`: reads, changes and writes up to 32 bytes.
pub(super) fn atomic(scene: &Scene<'_>, command: &Operands<'_>) -> Result<(), Rule> {
    let (with_operands, without) = ATOMIC_DWORDS;
    command.expect(match command.has(INLINE) {
        true => with_operands,
        false => without,
    })?;
    let size = command.header() >> SIZE_SHIFT & SIZE;
    let bytes = 4_u64.checked_shl(size).unwrap_or(u64::MAX);
    let (low, high) = command.pair(1)?;
    scene.check(command.has(USE_GGTT), ggtt(low, high, DWORDS), bytes)
}
