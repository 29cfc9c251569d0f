// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use std::vec::Vec;

extern crate std;

/// Where copies of batches are.
const BATCHES: Gma = Gma(0x10_0000);

fn dwords(all: &[u32]) -> KVVec<u32> {
    let mut dwords = KVVec::new();
    dwords.extend_from_slice(all, GFP_KERNEL).unwrap();
    dwords
}

/// What the audit leaves of a ring, and of what it says besides.
fn verdict(all: &[(Origin, &[u32])]) -> Verdict {
    let mut streams = KVec::new();
    for (origin, commands) in all {
        let stream = Stream {
            origin: *origin,
            dwords: dwords(commands),
        };
        streams.push(stream, GFP_KERNEL).unwrap();
    }
    Verdict {
        streams,
        links: KVVec::new(),
        effects: KVVec::new(),
        user_interrupt: false,
        notify: false,
        commands: 0,
    }
}

/// The commands of a verdict between two of the mediator's and two more.
fn commands(verdict: Verdict) -> Commands {
    let places = Places::new(&verdict, BATCHES).unwrap();
    Commands::new(dwords(&[1, 2]), verdict.streams, &places, dwords(&[3, 4])).unwrap()
}

fn batch() -> Origin {
    Origin::Batch {
        address: Gma(0x3000),
        second: false,
    }
}

#[test]
fn commands_of_a_guest_are_between_those_that_switch_the_engine() {
    let commands = commands(verdict(&[
        (Origin::Ring, &[10, 11]),
        (Origin::IndirectContext(Gma(0x1000)), &[20, 21, 22]),
        (Origin::PerContext(Gma(0x2000)), &[30; 17]),
        (batch(), &[40]),
    ]));

    let expected = [
        1,
        2,
        20,
        21,
        22,
        BATCH_START,
        BATCHES.0 as u32,
        0,
        10,
        11,
        3,
        4,
    ];
    assert_eq!(commands.segments().concat(), expected);
}

#[test]
fn number_of_dwords_is_made_even() {
    for (ring, padding) in [(&[10][..], &[NOOP][..]), (&[10, 11], &[]), (&[], &[])] {
        let commands = commands(verdict(&[(Origin::Ring, ring)]));

        let expected = [&[1, 2], ring, &[3, 4], padding].concat();
        assert_eq!(commands.segments().concat(), expected);
    }
}

#[test]
fn commands_of_a_guest_stay_where_the_audit_has_left_them() {
    let verdict = verdict(&[
        (Origin::Ring, &[10, 11]),
        (Origin::IndirectContext(Gma(0x1000)), &[20, 21]),
    ]);
    let left = |stream: &Stream| stream.dwords.as_ptr_range();
    let left: Vec<_> = verdict.streams.iter().map(left).collect();

    let commands = commands(verdict);

    let segments = commands.segments().map(<[u32]>::as_ptr_range);
    assert!(left.iter().all(|place| segments.contains(place)));
}

#[test]
fn per_context_batch_whose_place_is_beyond_the_ggtt_is_refused() {
    let verdict = verdict(&[
        (Origin::Ring, &[]),
        (Origin::PerContext(Gma(0x2000)), &[30]),
    ]);
    let places = Places::new(&verdict, Gma(1 << 32)).unwrap();

    let refused = Commands::new(KVVec::new(), verdict.streams, &places, KVVec::new());

    assert_eq!(refused.err(), Some(EINVAL));
}
