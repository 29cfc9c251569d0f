// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Commands that change what is executed next, or that wait or report: PRM Vol 2a.

use super::address::{ggtt, DWORDS};
use super::audit::{Flow, Scene, Start};
use super::cursor::Operands;
use super::refusal::{Fault, Rule};
use super::registers::Access;
use super::stream::{Effect, Origin};

/// Does nothing; a whole command.
pub(super) const NOOP: u32 = 0;
/// MI_SET_PREDICATE: nothing is skipped from now on; a whole command.
const SET_PREDICATE_NEVER: u32 = 0x01 << 23;
/// MI_ARB_ON_OFF: another context may take over from now on; a whole command.
const ARBITRATION_ON: u32 = 0x08 << 23 | 1;
/// MI_BATCH_BUFFER_END; a whole command.
const BATCH_BUFFER_END: u32 = 0x0a << 23;

/// What follows the commands of a ring: nothing is skipped, and another context may take over. Its
/// length stays a multiple of a qword.
pub(super) const RING_END: [u32; 2] = [SET_PREDICATE_NEVER, ARBITRATION_ON];
/// What follows the end of a batch.
pub(super) const SECOND_END: [u32; 2] = [SET_PREDICATE_NEVER, BATCH_BUFFER_END];

/// Many commands: the address is one of the GGTT (bit 22).
pub(super) const USE_GGTT: u32 = 1 << 22;
/// MI_BATCH_BUFFER_START: returns to the batch that starts it (bit 22).
const SECOND_LEVEL: u32 = 1 << 22;
/// MI_BATCH_BUFFER_START: the start is further on by what BB_OFFSET holds (bit 16).
const ADD_OFFSET: u32 = 1 << 16;
/// MI_BATCH_BUFFER_START: only if the predicate says so (bit 15).
const PREDICATED: u32 = 1 << 15;
/// MI_BATCH_BUFFER_START: the batch is in the PPGTT and not privileged (bit 8).
const IN_PPGTT: u32 = 1 << 8;
/// MI_BATCH_BUFFER_START: its first address dword.
pub(super) const START_ADDRESS: usize = 1;
/// MI_BATCH_BUFFER_START: its dwords since Gen8.
const START_DWORDS: u32 = 3;
/// MI_CONDITIONAL_BATCH_BUFFER_END: memory holds a mask behind the value (bit 19).
const COMPARE_MASK: u32 = 1 << 19;
/// MI_SEMAPHORE_WAIT: a register is compared, and not memory (bit 16).
const REGISTER_POLL: u32 = 1 << 16;

fn forbid(reason: &'static str) -> Result<(), Rule> {
    Err(Rule::Forbidden(reason))
}

/// `MI_SET_PREDICATE`: what follows is skipped or not, by a register.
pub(super) fn set_predicate(scene: &Scene<'_>) -> Result<(), Rule> {
    match scene.origin {
        // Nothing could be added that ends it.
        Origin::IndirectContext(_) => forbid("nothing may be skipped while a context is restored"),
        _ => Ok(()),
    }
}

/// `MI_USER_INTERRUPT`: the mediator raises it, when all is done.
pub(super) fn user_interrupt(scene: &mut Scene<'_>, command: &mut Operands<'_>) {
    scene.verdict.user_interrupt = true;
    command.drop_command();
}

/// `MI_REPORT_HEAD`: the status page is written by the mediator; the engine's is not the vGPU's.
pub(super) fn report_head(scene: &mut Scene<'_>, command: &mut Operands<'_>) -> Result<(), Fault> {
    if scene.origin != Origin::Ring {
        return Ok(forbid("it is for rings only")?);
    }
    command.drop_command();
    scene.emulate(Effect::ReportHead {
        dwords: scene.behind,
    })
}

/// `MI_SEMAPHORE_WAIT`: compares memory or a register until it fits.
pub(super) fn semaphore_wait(scene: &Scene<'_>, command: &Operands<'_>) -> Result<(), Rule> {
    let (low, high) = command.pair(2)?;
    if command.has(REGISTER_POLL) {
        if command.has(USE_GGTT) {
            return Err(Rule::Operand {
                value: command.header(),
                rule: "a register is not in the GGTT",
            });
        }
        return scene.gate().check(low, Access::READ).map(|_| ());
    }
    scene.check(command.has(USE_GGTT), ggtt(low, high, DWORDS), 4)
}

/// `MI_CONDITIONAL_BATCH_BUFFER_END`: what follows is audited, and so is where it returns to.
pub(super) fn conditional_end(scene: &Scene<'_>, command: &Operands<'_>) -> Result<(), Rule> {
    if matches!(scene.origin, Origin::Ring | Origin::IndirectContext(_)) {
        return forbid("there is no batch to end");
    }
    let (low, high) = command.pair(2)?;
    let bytes = if command.has(COMPARE_MASK) { 8 } else { 4 };
    scene.check(command.has(USE_GGTT), ggtt(low, high, DWORDS), bytes)
}

/// `MI_BATCH_BUFFER_END`.
pub(super) fn batch_end(scene: &Scene<'_>) -> Result<Flow, Rule> {
    match scene.origin {
        Origin::Ring => Err(Rule::Forbidden("there is no batch to end")),
        _ => Ok(Flow::End),
    }
}

/// `MI_BATCH_BUFFER_START`: a call from the ring, a call of the second level from a batch, or a
/// chain, which does not come back.
pub(super) fn batch_start(scene: &Scene<'_>, command: &Operands<'_>) -> Result<Flow, Rule> {
    command.expect(START_DWORDS)?;
    let second = command.has(SECOND_LEVEL);
    let (chains, second) = match (scene.origin, second) {
        (Origin::IndirectContext(_) | Origin::PerContext(_), _) => {
            return Err(Rule::Forbidden(
                "no batch may start while a context is restored",
            ));
        }
        (Origin::Ring, true) => {
            return Err(Rule::Forbidden("a ring can't start a second-level batch"));
        }
        (Origin::Batch { second: true, .. }, true) => {
            return Err(Rule::Forbidden("there is no third level of batches"));
        }
        (Origin::Ring, false) => (false, false),
        (Origin::Batch { second, .. }, false) => (true, second),
        (Origin::Batch { second: false, .. }, true) => (false, true),
    };
    let ends = chains && !command.has(PREDICATED);
    if command.has(IN_PPGTT) {
        return Ok(if ends { Flow::End } else { Flow::Next });
    }
    if command.has(ADD_OFFSET) {
        return Err(Rule::Forbidden(
            "a privileged batch can't start where a register says",
        ));
    }
    let (low, high) = command.pair(START_ADDRESS)?;
    Ok(Flow::Start(Start {
        address: ggtt(low, high, DWORDS),
        second,
        ends,
    }))
}

/// Clears the address of a batch: until it gets that of the copy it has none.
pub(super) fn unlink(command: &mut Operands<'_>) -> Result<(), Rule> {
    command.set(START_ADDRESS, 0)?;
    command.set(START_ADDRESS.saturating_add(1), 0)
}
