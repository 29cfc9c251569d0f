// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the audit accepts, refuses, patches, and says.
//!
//! Commands are written here as numbers, on purpose: the names of the audit would repeat its
//! mistakes.

use super::*;
use crate::address::MmioOffset;
use scene::*;
use std::collections::BTreeSet;
use std::vec::Vec;

mod batches;
mod flushes;
mod guests;
mod hardening;
mod lengths;
mod memory;
mod opinion;
mod property;
mod reference;
mod scene;
mod submission;
mod table;

/// Headers of commands.
pub(super) const STORE_GGTT: u32 = 0x1040_0002;
pub(super) const LOAD: u32 = 0x1100_0001;
pub(super) const START_GGTT: u32 = 0x1880_0001;
pub(super) const START_PPGTT: u32 = 0x1880_0101;
pub(super) const SECOND: u32 = 1 << 22;
pub(super) const PIPE_CONTROL: u32 = 0x7a00_0004;

/// Audits the commands of a ring.
pub(super) fn submit_to(setting: &Setting, commands: &[u32]) -> Result<Verdict, Failure> {
    let (mut ram, work) = ring(commands);
    audit(setting, &mut ram, &work)
}

/// The same, on the render engine of a Kaby Lake.
pub(super) fn submit(commands: &[u32]) -> Result<Verdict, Failure> {
    submit_to(&setting(Engine::Rcs), commands)
}

/// The commands as the GPU gets them, without what follows them and what they were filled with.
pub(super) fn accepted(commands: &[u32]) -> Vec<u32> {
    let verdict = submit(commands).unwrap();
    verdict.streams[0].dwords[..commands.len()].to_vec()
}

/// The rule that the commands break.
pub(super) fn rule(result: Result<Verdict, Failure>) -> Rule {
    match result {
        Err(Failure::Refused(refusal)) => refusal.rule,
        other => panic!("{other:x?}"),
    }
}

/// What the commands are refused for.
pub(super) fn refused(commands: &[u32]) -> Rule {
    rule(submit(commands))
}

/// That bytes of the GGTT are not the vGPU's.
pub(super) fn not_own(first: u32, bytes: u64) -> Rule {
    Rule::Address {
        first: Gma(first.into()),
        bytes,
    }
}

#[test]
fn audit_when_the_ring_is_empty_then_nothing_but_its_end_reaches_the_gpu() {
    let verdict = submit(&[]).unwrap();

    assert_eq!(verdict.streams.len(), 1);
    assert_eq!(verdict.streams[0].dwords[..], [0x0080_0000, 0x0400_0001]);
    assert_eq!((verdict.commands, verdict.dwords()), (0, 2));
}

#[test]
fn audit_when_the_ring_goes_around_then_commands_may_lie_on_both_ends() {
    let (mut ram, mut work) = ring(&[]);
    let end = RING + RING_PAGES * 4096;
    ram.put(end - 8, &[STORE_GGTT, OWN]);
    ram.put(RING, &[0, 7]);
    work.ring_head = RING_PAGES * 4096 - 8;
    work.ring_tail = 8;

    let verdict = audit(&setting(Engine::Rcs), &mut ram, &work).unwrap();

    assert_eq!(verdict.streams[0].dwords[..4], [STORE_GGTT, OWN, 0, 7]);
    assert_eq!(verdict.commands, 1);
}

#[test]
fn audit_when_a_command_is_refused_then_the_refusal_says_where_it_is() {
    let refusal = submit(&[NOOP, NOOP, STORE_GGTT, FOREIGN, 0, 7]).unwrap_err();

    let Failure::Refused(refusal) = refusal else {
        panic!("{refusal:?}");
    };
    assert_eq!(
        std::format!("{refusal}"),
        "RCS refused: MI_STORE_DATA_IMM at 0x8 of the ring: 4 bytes at GGTT address 0x3000000 are \
         not the vGPU's"
    );
}

#[test]
fn audit_when_memory_runs_out_then_the_guest_is_not_blamed() {
    use kernel::testing::Ledger;

    let (mut ram, work) = ring(&[START_GGTT, BATCH, 0]);
    ram.put(BATCH, &[BATCH_END]);
    let mut failures = 0;
    for at in 0.. {
        Ledger::current().fail_at(at, true);
        let result = audit(&setting(Engine::Rcs), &mut ram, &work);
        Ledger::current().fail_none();
        match result {
            Err(Failure::Host(error)) => assert_eq!(error, ENOMEM),
            Ok(_) => break,
            other => panic!("{other:?}"),
        }
        failures += 1;
    }
    assert!(failures > 3, "{failures}");
}

#[test]
fn user_interrupt_when_in_the_ring_then_it_is_due_and_the_gpu_raises_none() {
    let verdict = submit(&[0x0100_0000, NOOP]).unwrap();

    assert!(verdict.user_interrupt && !verdict.notify);
    assert_eq!(verdict.streams[0].dwords[..2], [NOOP, NOOP]);
}

#[test]
fn report_head_when_in_the_ring_then_it_is_emulated_with_its_place() {
    let verdict = submit(&[NOOP, 0x0380_0000, NOOP, NOOP]).unwrap();

    assert_eq!(verdict.effects[..], [Effect::ReportHead { dwords: 2 }]);
    assert_eq!(verdict.streams[0].dwords[..4], [NOOP; 4]);
}

#[test]
fn waits_for_displays_when_on_engines_that_have_them_then_they_are_dropped() {
    for engine in [Engine::Rcs, Engine::Bcs] {
        let waits = [0x0180_0002, 0x0900_0001, 0x0010_0020, NOOP];
        let verdict = submit_to(&setting(engine), &waits).unwrap();
        assert_eq!(verdict.streams[0].dwords[..4], [NOOP; 4]);
    }
    let header = 0x0180_0002;
    let other = submit_to(&setting(Engine::Vcs), &[header]);
    assert_eq!(rule(other), Rule::Unknown { header });
}

#[test]
fn display_flip_when_decoded_then_it_is_emulated_and_dropped() {
    use crate::hardware::Pipe;

    // Plane 1 of pipe B, 10 of stride, X-tiled, asynchronous.
    let commands = [0x0a00_0101, 0x0000_0281, 0x0123_4001, NOOP];
    let verdict = submit_to(&setting(Engine::Bcs), &commands).unwrap();
    let flip = Flip {
        pipe: Pipe::B,
        plane: 0,
        stride: 10,
        tiling: 1,
        surface: Gma(0x0123_4000),
        asynchronous: true,
    };
    assert_eq!(verdict.effects[..], [Effect::Flip(flip)]);
    assert_eq!(verdict.streams[0].dwords[..4], [NOOP; 4]);

    // Broadwell's sprite of pipe C, at the vertical blank.
    let bdw = Setting {
        platform: Platform::Bdw,
        ..setting(Engine::Bcs)
    };
    let verdict = submit_to(&bdw, &[0x0a28_0001, 0x0000_0281, 0x0123_4000]).unwrap();
    let flip = Flip {
        pipe: Pipe::C,
        plane: 1,
        asynchronous: false,
        ..flip
    };
    assert_eq!(verdict.effects[..], [Effect::Flip(flip)]);
}

#[test]
fn display_flip_when_there_is_no_such_plane_then_refused_on_each_platform() {
    for code in [3, 7, 31] {
        let header = 0x0a00_0001 | code << 8;
        assert!(matches!(
            refused(&[header, 0, OWN]),
            Rule::Operand { value, .. } if value == header
        ));
    }
    let bdw = Setting {
        platform: Platform::Bdw,
        ..setting(Engine::Rcs)
    };
    for code in [6, 7] {
        let header = 0x0a00_0001 | code << 19;
        let result = submit_to(&bdw, &[header, 0, OWN]);
        assert!(matches!(rule(result), Rule::Operand { .. }));
    }
}

#[test]
fn commands_when_the_table_does_not_have_them_then_refused() {
    // No client, no opcode, another engine's opcode.
    for header in [0x2000_0000, 0xffff_ffff, 0x1f80_0000, 0x5400_0000] {
        assert_eq!(refused(&[header, 0, 0, 0]), Rule::Unknown { header });
    }
    // 3DSTATE_COMPONENT_PACKING came with Skylake.
    let packing = [0x7855_0003, 0, 0, 0, 0];
    assert!(submit(&packing).is_ok());
    let bdw = Setting {
        platform: Platform::Bdw,
        ..setting(Engine::Rcs)
    };
    assert!(matches!(
        rule(submit_to(&bdw, &packing)),
        Rule::Unknown { .. }
    ));
}
