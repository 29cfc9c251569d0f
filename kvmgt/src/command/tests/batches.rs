// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Privileged batches: found, copied, chained, and ended.

use super::*;

/// What follows the last command of a batch.
const SECOND_END: [u32; 2] = [0x0080_0000, BATCH_END];

fn run(ram: &mut Ram, work: &Work) -> Result<Verdict, Failure> {
    audit(&setting(Engine::Rcs), ram, work)
}

/// Audits a ring that starts batches, each at its place.
fn with_batches(commands: &[u32], batches: &[(u32, &[u32])]) -> Result<Verdict, Failure> {
    let (mut ram, work) = ring(commands);
    for (at, batch) in batches {
        ram.put(*at, batch);
    }
    run(&mut ram, &work)
}

fn origins(verdict: &Verdict) -> Vec<Origin> {
    verdict.streams.iter().map(|s| s.origin).collect()
}

fn batch(address: u32, second: bool) -> Origin {
    Origin::Batch {
        address: Gma(address.into()),
        second,
    }
}

#[test]
fn batch_when_privileged_then_it_is_copied_up_to_its_end_and_linked() {
    let content = [STORE_GGTT, OWN, 0, 7, BATCH_END, 0xffff_ffff];
    let mut verdict = with_batches(&[NOOP, START_GGTT, BATCH, 0], &[(BATCH, &content)]).unwrap();

    assert_eq!(origins(&verdict), [Origin::Ring, batch(BATCH, false)]);
    let copy = &verdict.streams[1].dwords;
    assert_eq!(copy[..5], content[..5]);
    assert_eq!(copy[5..], SECOND_END);
    let link = Link {
        stream: 0,
        dword: 2,
        target: 1,
    };
    assert_eq!(verdict.links[..], [link]);
    // Without its place the command has no address, least of all the guest's.
    assert_eq!(verdict.streams[0].dwords[1..4], [START_GGTT, 0, 0]);

    verdict.link(&[Gma(0), Gma(0x7000_0000)]).unwrap();
    let linked = &verdict.streams[0].dwords[1..4];
    assert_eq!(linked, [START_GGTT, 0x7000_0000, 0]);
    assert_eq!(verdict.link(&[Gma(0)]), Err(EINVAL));
    assert_eq!(verdict.link(&[Gma(0), Gma(1 << 32)]), Err(EINVAL));
}

#[test]
fn batch_when_in_the_ppgtt_then_it_is_not_read_and_its_start_is_untouched() {
    let commands = [START_PPGTT, FOREIGN, 0x7fff, NOOP];
    let (mut ram, work) = ring(&commands);
    let verdict = run(&mut ram, &work).unwrap();

    assert_eq!(verdict.streams.len(), 1);
    assert_eq!(verdict.streams[0].dwords[..4], commands);
    assert_eq!(ram.reads.len(), 4);
}

#[test]
fn batch_when_it_breaks_a_rule_then_the_refusal_names_its_address() {
    let result = with_batches(
        &[START_GGTT, BATCH, 0],
        &[(BATCH, &[NOOP, STORE_GGTT, FOREIGN, 0, 7, BATCH_END])],
    );
    let Err(Failure::Refused(refusal)) = result else {
        panic!("{result:?}");
    };
    assert_eq!(refusal.origin, batch(BATCH, false));
    assert_eq!(
        (refusal.offset, refusal.command),
        (4, Some("MI_STORE_DATA_IMM"))
    );
    assert_eq!(refusal.rule, not_own(FOREIGN, 4));
}

#[test]
fn batch_when_it_calls_a_second_level_then_both_go_on_behind_it() {
    let (first, second) = (BATCH, BATCH + 0x1000);
    let verdict = with_batches(
        &[START_GGTT, first, 0, NOOP],
        &[
            (
                first,
                &[START_GGTT | SECOND, second, 0, LOAD, 0x2600, 1, BATCH_END],
            ),
            (second, &[LOAD, 0x2608, 2, BATCH_END]),
        ],
    )
    .unwrap();

    assert_eq!(
        origins(&verdict),
        [Origin::Ring, batch(first, false), batch(second, true)]
    );
    assert_eq!(
        verdict.streams[1].dwords[3..7],
        [LOAD, 0x2600, 1, BATCH_END]
    );
    assert_eq!(verdict.commands, 2 + 3 + 2);
}

#[test]
fn batch_when_levels_are_skipped_or_exceeded_then_refused() {
    for start in [START_GGTT, START_PPGTT] {
        assert!(matches!(
            refused(&[start | SECOND, BATCH, 0]),
            Rule::Forbidden(_)
        ));
        let third = with_batches(
            &[START_GGTT, BATCH, 0],
            &[
                (BATCH, &[START_GGTT | SECOND, BATCH + 64, 0, BATCH_END]),
                (BATCH + 64, &[start | SECOND, BATCH, 0, BATCH_END]),
            ],
        );
        assert!(matches!(rule(third), Rule::Forbidden(_)));
    }
    assert!(matches!(refused(&[BATCH_END]), Rule::Forbidden(_)));
}

#[test]
fn chain_when_not_predicated_then_it_ends_its_batch() {
    let verdict = with_batches(
        &[START_GGTT, BATCH, 0],
        &[
            (BATCH, &[START_GGTT, BATCH + 0x40, 0, 0xffff_ffff]),
            (BATCH + 0x40, &[BATCH_END]),
        ],
    )
    .unwrap();

    let chained = [batch(BATCH, false), batch(BATCH + 0x40, false)];
    assert_eq!(origins(&verdict)[1..], chained);
    // What ends it if the GPU is told to skip the chain.
    assert_eq!(verdict.streams[1].dwords[3..], SECOND_END);
}

#[test]
fn chain_when_predicated_then_what_is_behind_it_is_audited_too() {
    const PREDICATED: u32 = 1 << 15;
    for start in [START_GGTT, START_PPGTT] {
        let behind = |last| {
            with_batches(
                &[START_GGTT, BATCH, 0],
                &[
                    (BATCH, &[start | PREDICATED, BATCH + 0x40, 0, last]),
                    (BATCH + 0x40, &[BATCH_END]),
                ],
            )
        };
        let header = 0xffff_ffff;
        assert_eq!(rule(behind(header)), Rule::Unknown { header });
        assert!(behind(BATCH_END).is_ok());
    }
}

#[test]
fn chain_when_into_the_ppgtt_then_the_privileged_batch_ends() {
    let verdict = with_batches(
        &[START_GGTT, BATCH, 0],
        &[(BATCH, &[START_PPGTT, FOREIGN, 5, 0xffff_ffff])],
    )
    .unwrap();

    let copy = &verdict.streams[1].dwords;
    assert_eq!(copy[..3], [START_PPGTT, FOREIGN, 5]);
    assert_eq!(copy[3..], SECOND_END);
}

#[test]
fn chain_when_in_the_second_level_then_it_stays_there() {
    let second = BATCH + 0x40;
    let verdict = with_batches(
        &[START_GGTT, BATCH, 0],
        &[
            (BATCH, &[START_GGTT | SECOND, second, 0, BATCH_END]),
            (second, &[START_GGTT, second + 0x40, 0]),
            (second + 0x40, &[BATCH_END]),
        ],
    )
    .unwrap();

    let expected = [batch(second, true), batch(second + 0x40, true)];
    assert_eq!(origins(&verdict)[2..], expected);
}

#[test]
fn batch_when_started_often_then_it_is_copied_once() {
    let starts = [START_GGTT, BATCH, 0, NOOP].repeat(500);
    let (mut ram, work) = ring(&starts);
    ram.put(BATCH, &[BATCH_END]);
    let verdict = run(&mut ram, &work).unwrap();

    assert_eq!((verdict.streams.len(), verdict.links.len()), (2, 500));
    assert!(ram.reads.values().all(|reads| *reads == 1));
}

#[test]
fn batch_when_its_start_depends_on_a_register_then_only_unprivileged() {
    const ADD_OFFSET: u32 = 1 << 16;
    assert!(submit(&[START_PPGTT | ADD_OFFSET, BATCH, 0]).is_ok());
    let privileged = refused(&[START_GGTT | ADD_OFFSET, BATCH, 0]);
    assert!(matches!(privileged, Rule::Forbidden(_)));
}

#[test]
fn conditional_end_when_in_a_batch_then_what_follows_is_audited_and_its_address_too() {
    let with = |header, address, last| {
        let content = [header, 1, address, 0, last];
        with_batches(&[START_GGTT, BATCH, 0], &[(BATCH, &content)])
    };
    let (dword, masked) = (0x1b60_0002, 0x1b68_0002);
    let last = HIGH.1 as u32 - 4;

    assert!(with(dword, last, BATCH_END).is_ok());
    assert_eq!(rule(with(masked, last, BATCH_END)), not_own(last, 8));
    assert_eq!(rule(with(dword, FOREIGN, BATCH_END)), not_own(FOREIGN, 4));
    assert!(with(0x1b20_0002, FOREIGN, BATCH_END).is_ok());
    let header = 0xffff_ffff;
    assert_eq!(rule(with(dword, OWN, header)), Rule::Unknown { header });
    assert!(matches!(refused(&[dword, 1, OWN, 0]), Rule::Forbidden(_)));
}

#[test]
fn set_predicate_when_it_may_skip_the_end_of_a_batch_then_another_end_follows() {
    let content = [0x0080_000f, BATCH_END];
    let verdict = with_batches(&[START_GGTT, BATCH, 0], &[(BATCH, &content)]).unwrap();

    assert_eq!(verdict.streams[1].dwords[..2], content);
    assert_eq!(verdict.streams[1].dwords[2..], SECOND_END);
    // Behind a ring the engine goes on with the commands of the host.
    let verdict = submit(&[0x0080_000f, NOOP]).unwrap();
    assert_eq!(verdict.streams[0].dwords[2..], [0x0080_0000, 0x0400_0001]);
}

#[test]
fn batches_of_the_restore_when_there_then_each_is_audited() {
    let (mut ram, mut work) = ring(&[]);
    let (indirect, per_context) = (BATCH + 0x40, BATCH + 0x800);
    work.indirect_context = indirect | 2;
    work.per_context = per_context | 1;
    let mut lines = std::vec![NOOP; 32];
    lines[..3].copy_from_slice(&[LOAD, 0x2600, 1]);
    ram.put(indirect, &lines);
    ram.put(per_context, &[LOAD, 0x2608, 1, BATCH_END]);

    let verdict = run(&mut ram, &work).unwrap();

    let expected = [
        Origin::Ring,
        Origin::IndirectContext(Gma(indirect.into())),
        Origin::PerContext(Gma(per_context.into())),
    ];
    assert_eq!(origins(&verdict), expected);
    // Its size is in the register: there is no room for more.
    assert_eq!(verdict.streams[1].dwords[..], lines);
    assert_eq!(verdict.streams[2].dwords[4..], SECOND_END);
}

#[test]
fn indirect_context_when_it_ends_early_then_nothing_is_executed_behind() {
    let (mut ram, mut work) = ring(&[]);
    work.indirect_context = BATCH | 1;
    let mut lines = std::vec![0xffff_ffff; 16];
    lines[..2].copy_from_slice(&[NOOP, BATCH_END]);
    ram.put(BATCH, &lines);

    let verdict = run(&mut ram, &work).unwrap();

    let copy = &verdict.streams[1].dwords;
    assert_eq!(copy[..2], [NOOP, BATCH_END]);
    assert_eq!(copy[2..], [NOOP; 14]);
}

#[test]
fn batches_of_the_restore_when_they_start_others_or_skip_then_refused() {
    for command in [START_GGTT, START_PPGTT, 0x0080_0001] {
        let mut content = std::vec![NOOP; 16];
        content[..3].copy_from_slice(&[command, 0, 0]);
        let (mut ram, mut work) = ring(&[]);
        ram.put(BATCH, &content);
        work.indirect_context = BATCH | 1;
        assert!(matches!(rule(run(&mut ram, &work)), Rule::Forbidden(_)));
        if command != 0x0080_0001 {
            work.indirect_context = 0;
            work.per_context = BATCH | 1;
            assert!(matches!(rule(run(&mut ram, &work)), Rule::Forbidden(_)));
        }
    }
}
