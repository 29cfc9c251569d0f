// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Commands that load and store registers: PRM Vol 2a.

use super::address::{ggtt, DWORDS};
use super::audit::Scene;
use super::control::USE_GGTT;
use super::cursor::Operands;
use super::refusal::{Fault, Rule};
use super::registers::Access;
use super::stream::Effect;

/// MI_LOAD_REGISTER_IMM: bytes that are not written (bits 11:8).
const BYTES_DISABLED: u32 = 0xf << 8;

/// `MI_LOAD_REGISTER_IMM`: any number of offsets, each with its value.
pub(super) fn immediate(scene: &mut Scene<'_>, command: &Operands<'_>) -> Result<(), Fault> {
    let whole = !command.has(BYTES_DISABLED);
    for pair in command.payload().chunks(2) {
        let [dword, value] = *pair else {
            return Err(Fault::Rule(Rule::Length {
                dwords: command.len(),
                rule: "its last register has no value",
            }));
        };
        one(scene, dword, value, whole)?;
    }
    Ok(())
}

/// Any command that loads a register with a value that it holds; `whole` says that it leaves out
/// no byte of it.
pub(super) fn one(scene: &mut Scene<'_>, dword: u32, value: u32, whole: bool) -> Result<(), Fault> {
    let (register, caching) = scene.gate().check_load(dword, value, whole)?;
    match caching {
        true => scene.emulate(Effect::Loaded { register, value }),
        false => Ok(()),
    }
}

/// `MI_LOAD_REGISTER_MEM`.
pub(super) fn from_memory(scene: &Scene<'_>, command: &Operands<'_>) -> Result<(), Rule> {
    memory(scene, command, Access::LOAD_UNKNOWN)
}

/// `MI_STORE_REGISTER_MEM`.
pub(super) fn to_memory(scene: &Scene<'_>, command: &Operands<'_>) -> Result<(), Rule> {
    memory(scene, command, Access::READ)
}

fn memory(scene: &Scene<'_>, command: &Operands<'_>, access: Access) -> Result<(), Rule> {
    scene.gate().check(command.get(1)?, access)?;
    let (low, high) = command.pair(2)?;
    scene.check(command.has(USE_GGTT), ggtt(low, high, DWORDS), 4)
}

/// `MI_LOAD_REGISTER_REG`: the source, then the destination.
pub(super) fn register(scene: &Scene<'_>, command: &Operands<'_>) -> Result<(), Rule> {
    let (from, to) = command.pair(1)?;
    scene.gate().check(from, Access::READ)?;
    scene.gate().check(to, Access::LOAD_UNKNOWN)?;
    Ok(())
}
