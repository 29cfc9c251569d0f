// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Whatever a guest submits: each GGTT address and each register that reaches the GPU is allowed,
//! in the opinion of somebody else.

use super::submission::{run, Submission, BATCHES};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::Cell;

/// How many submissions.
const CASES: u32 = 100_000;
/// Of how many the audit must accept one, or the property says little.
const ACCEPTED: u32 = 10;

/// The lower half of an address: mostly own, also at the edges, also foreign.
fn low() -> impl Strategy<Value = u32> {
    let ends = [APERTURE.0, APERTURE.1, HIGH.0, HIGH.1];
    let near = |end: u64| [end - 8, end - 4, end, end + 4];
    let edges: Vec<_> = ends
        .into_iter()
        .flat_map(near)
        .map(|at| at as u32)
        .collect();
    prop_oneof![
        12 => (0..0x1000_u32).prop_map(|page| OWN + page * 8),
        2 => select(edges),
        1 => any::<u32>(),
    ]
}

/// The upper half: mostly nothing.
fn high() -> impl Strategy<Value = u32> {
    prop_oneof![30 => Just(0), 1 => any::<u32>()]
}

/// A register: mostly one of some list, also its neighbours, also any.
fn register() -> impl Strategy<Value = u32> {
    let known: [u32; 20] = [
        0x2600, 0x2678, 0x2310, 0x2358, 0x2400, 0x2430, 0x24d0, 0x2500, 0x2580, 0x20c0, 0x7004,
        0x7014, 0xb118, 0xe184, 0xe194, 0xc800, 0x5280, 0x1_2600, 0x2_2600, 0x1_a600,
    ];
    let hostile = [
        0x2270, 0x229c, 0x2180, 0x2080, 0x2230, 0x2244, 0x4_4050, 0x20d4, 0x2094,
    ];
    prop_oneof![
        20 => select(known.to_vec()),
        2 => (select(known.to_vec()), -8..8_i32).prop_map(|(r, by)| r.wrapping_add_signed(by * 4)),
        1 => select(hostile.to_vec()),
        1 => any::<u32>(),
    ]
}

/// A value for a register.
fn value() -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(0xe48c), 3 => any::<u32>(), 1 => Just(0x2270)]
}

/// A header with some bits that choose: GGTT, sizes, post-sync operations.
fn header(opcode: u32, length: u32, bits: &'static [u32]) -> impl Strategy<Value = u32> {
    let flags = vec(any::<bool>(), bits.len());
    let length = prop_oneof![20 => Just(length), 1 => 0..16_u32];
    (flags, length).prop_map(move |(flags, length)| {
        let set = flags.iter().zip(bits).filter(|(flag, _)| **flag);
        set.fold(opcode << 23 | length, |header, (_, bit)| header | 1 << bit)
    })
}

/// One command, mostly whole and right.
fn command() -> impl Strategy<Value = Vec<u32>> {
    let memory = |opcode| {
        (header(opcode, 2, &[22]), register(), low(), high())
            .prop_map(|(a, b, c, d)| std::vec![a, b, c, d])
    };
    prop_oneof![
        4 => Just(std::vec![NOOP]),
        1 => select(std::vec![0x0100_0000_u32, 0x0280_0000, 0x0400_0001, 0x0080_0001, 0x0380_0000])
            .prop_map(|header| std::vec![header]),
        3 => (header(0x20, 2, &[22]), low(), high(), any::<u32>())
            .prop_map(|(a, b, c, d)| std::vec![a, b, c, d]),
        2 => (header(0x20, 3, &[21, 22]), low(), high(), vec(any::<u32>(), 2))
            .prop_map(|(a, b, c, d)| [std::vec![a, b, c], d].concat()),
        3 => vec((register(), value()), 1..6).prop_map(|pairs| {
            let pairs = pairs.iter().flat_map(|(register, value)| [*register, *value]);
            let mut commands = std::vec![0x1100_0000];
            commands.extend(pairs);
            commands[0] |= commands.len() as u32 - 2;
            commands
        }),
        2 => memory(0x24),
        2 => memory(0x29),
        1 => (header(0x2a, 1, &[]), register(), register()).prop_map(|(a, b, c)| std::vec![a, b, c]),
        1 => (header(0x1c, 2, &[15, 16, 22]), any::<u32>(), prop_oneof![low(), register()], high())
            .prop_map(|(a, b, c, d)| std::vec![a, b, c, d]),
        1 => (header(0x2e, 3, &[21, 22]), low(), high(), low(), high())
            .prop_map(|(a, b, c, d, e)| std::vec![a, b, c, d, e]),
        2 => (header(0x2f, 1, &[19, 20, 22]), low(), high()).prop_map(|(a, b, c)| std::vec![a, b, c]),
        3 => (header(0x26, 2, &[8, 14, 15, 21]), low(), any::<bool>(), high(), 0..0x1100_u32, any::<u32>())
            .prop_map(|(a, low, ggtt, d, index, data)| {
                let place = if a & 1 << 21 != 0 { index } else { low };
                let ggtt = if ggtt { 4 } else { 0 };
                std::vec![a, place & !7 | ggtt, d, data]
            }),
        4 => (vec(any::<bool>(), 6), low(), high(), register(), value(), 0..0x1100_u32)
            .prop_map(|(flags, low, high, register, value, index)| {
                let bits = [8, 14, 15, 21, 23, 24];
                let set = bits.iter().zip(&flags).filter(|(_, flag)| **flag);
                let flags = set.fold(0, |word, (bit, _)| word | 1_u32 << bit);
                let (place, high) = match flags {
                    _ if flags & 1 << 23 != 0 => (register, 0),
                    _ if flags & 1 << 21 != 0 => (index, 0),
                    _ => (low, high),
                };
                std::vec![PIPE_CONTROL, flags, place, high, value, 0]
            }),
        3 => (header(0x31, 1, &[8, 10, 15]), select(BATCHES.to_vec()))
            .prop_map(|(a, b)| std::vec![a, b, 0]),
        1 => (header(0x31, 1, &[8, 15, 22]), prop_oneof![select(BATCHES.to_vec()), low()], high())
            .prop_map(|(a, b, c)| std::vec![a, b, c]),
        1 => (header(0x36, 2, &[19, 22]), any::<u32>(), low(), high())
            .prop_map(|(a, b, c, d)| std::vec![a, b, c, d]),
        1 => vec(any::<u32>(), 8).prop_map(|dwords| {
            [std::vec![0x7812_0007], dwords].concat()
        }),
        1 => vec(any::<u32>(), 1..4),
    ]
}

fn commands(most: usize) -> impl Strategy<Value = Vec<u32>> {
    vec(command(), 0..most).prop_map(|commands| commands.concat())
}

fn submissions() -> impl Strategy<Value = Submission> {
    let engine = prop_oneof![3 => Just(Engine::Rcs), 2 => select(Engine::ALL.to_vec())];
    let batch = (
        commands(4),
        prop_oneof![8 => Just(BATCH_END), 1 => any::<u32>()],
    )
        .prop_map(|(commands, last)| [commands, std::vec![last]].concat());
    let restore = prop_oneof![
        8 => Just(0_u32),
        1 => (select(BATCHES.to_vec()), 1..3_u32).prop_map(|(at, low)| at | low),
    ];
    let work = (restore.clone(), restore).prop_map(|(indirect_context, per_context)| Work {
        indirect_context,
        per_context,
        ..Work::default()
    });
    let platforms = select(Platform::ALL.to_vec());
    let batches = vec(batch, BATCHES.len());
    (engine, platforms, commands(8), batches, work, any::<bool>()).prop_map(
        |(engine, platform, ring, batches, work, has_status_page)| Submission {
            engine,
            platform,
            ring,
            batches,
            work,
            has_status_page,
        },
    )
}

#[test]
fn commands_when_random_then_all_that_reaches_the_gpu_is_allowed() {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(config, random);
    let accepted = Cell::new(0);

    let result = runner.run(&submissions(), |submission| {
        if run(&submission).map_err(TestCaseError::fail)? {
            accepted.set(accepted.get() + 1);
        }
        Ok(())
    });

    assert!(result.is_ok(), "{}", result.unwrap_err());
    assert!(accepted.get() > CASES / ACCEPTED, "{}", accepted.get());
}

#[test]
fn dwords_when_random_then_they_are_refused_or_allowed() {
    let config = Config {
        cases: 2_000,
        failure_persistence: None,
        ..Config::default()
    };
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[8; 32]);
    let mut runner = TestRunner::new_with_rng(config, random);
    let rings = (select(Engine::ALL.to_vec()), vec(any::<u32>(), 0..64));

    let result = runner.run(&rings, |(engine, ring)| {
        run(&Submission {
            engine,
            platform: Platform::Cml,
            ring,
            batches: Vec::new(),
            work: Work::default(),
            has_status_page: true,
        })
        .map_err(TestCaseError::fail)
        .map(drop)
    });

    assert!(result.is_ok(), "{}", result.unwrap_err());
}
