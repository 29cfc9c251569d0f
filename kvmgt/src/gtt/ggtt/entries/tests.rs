// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use kernel::testing::Ledger;
use proptest::prelude::*;
use std::vec::Vec;

/// Chunks of the entries below.
const CHUNKS: usize = 3;
/// What a chunk takes whose entries differ.
const CHUNK_BYTES: isize = 4096;

fn write(entries: &mut Entries, index: usize, value: u64) -> Result<GuestEntry> {
    Ok(entries.place(index, GuestEntry(value))?.put())
}

fn new() -> Entries {
    Entries::new(CHUNKS * CHUNK).unwrap()
}

/// Bytes that are taken beyond those of entries that nobody wrote.
fn taken(f: impl FnOnce(&mut Entries)) -> isize {
    let mut entries = new();
    let before = Ledger::current().live_bytes();
    f(&mut entries);
    Ledger::current().live_bytes() - before
}

#[test]
fn put_of_an_entry_that_differs_takes_memory_for_its_chunk_alone() {
    let bytes = taken(|entries| {
        assert_eq!(write(entries, CHUNK + 3, 7), Ok(GuestEntry::NONE));
        assert_eq!(write(entries, CHUNK + 4, 8), Ok(GuestEntry::NONE));
        assert_eq!(write(entries, CHUNK + 3, 9), Ok(GuestEntry(7)));

        let around = [CHUNK - 1, CHUNK, CHUNK + 3, CHUNK + 4, CHUNK + 5, 2 * CHUNK];
        let values = around.map(|index| entries.get(index).0);
        assert_eq!(values, [0, 0, 9, 8, 0, 0]);
    });
    assert_eq!(bytes, CHUNK_BYTES);
}

#[test]
fn put_of_what_all_are_takes_no_memory() {
    let bytes = taken(|entries| {
        Ledger::current().fail_at(0, true);
        assert_eq!(write(entries, 5, 0), Ok(GuestEntry::NONE));
        Ledger::current().fail_none();
    });
    assert_eq!(bytes, 0);
}

#[test]
fn put_when_it_makes_all_the_same_gives_the_memory_back() {
    let bytes = taken(|entries| {
        write(entries, 17, 3).unwrap();
        for index in 0..CHUNK {
            write(entries, index, 5).unwrap();
        }
        assert_eq!(write(entries, 100, 5), Ok(GuestEntry(5)));
        assert_eq!([entries.get(511).0, entries.get(512).0], [5, 0]);
    });
    assert_eq!(bytes, 0);
}

#[test]
fn place_without_memory_changes_nothing() {
    let mut entries = new();
    Ledger::current().fail_at(0, false);
    assert_eq!(write(&mut entries, 5, 1), Err(ENOMEM));
    assert_eq!(entries.get(5), GuestEntry::NONE);
    assert_eq!(write(&mut entries, 5, 1), Ok(GuestEntry::NONE));
}

#[test]
fn place_that_is_not_put_to_use_changes_nothing() {
    let mut entries = new();
    entries.place(5, GuestEntry(1)).unwrap();
    assert_eq!(entries.get(5), GuestEntry::NONE);
}

#[test]
fn place_behind_the_end_is_none_and_reads_as_nothing() {
    let mut entries = new();
    let behind = CHUNKS * CHUNK;
    assert_eq!(write(&mut entries, behind, 1), Err(EINVAL));
    assert_eq!(entries.get(behind), GuestEntry::NONE);
    assert_eq!(entries.get(usize::MAX), GuestEntry::NONE);
}

/// What is done to entries.
#[derive(Clone, Debug)]
enum Step {
    /// One is written.
    Write(usize, u64),
    /// The same, and there is no memory.
    WriteWithoutMemory(usize, u64),
    /// All of a chunk are written from the first to the last.
    Fill(usize, u64),
    /// All are forgotten.
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    let edges = prop::sample::select(&[0, 1, CHUNK - 2, CHUNK - 1][..]);
    let index = (0..CHUNKS, prop_oneof![3 => edges, 1 => 0..CHUNK])
        .prop_map(|(chunk, index)| chunk * CHUNK + index);
    let value = prop_oneof![8 => 0..3_u64, 1 => any::<u64>()];
    prop_oneof![
        12 => (index.clone(), value.clone()).prop_map(|(index, value)| Step::Write(index, value)),
        3 => (index, value.clone()).prop_map(|(index, value)| Step::WriteWithoutMemory(index, value)),
        3 => (0..CHUNKS, value).prop_map(|(chunk, value)| Step::Fill(chunk, value)),
        1 => Just(Step::Clear),
    ]
}

/// Does it to entries, and to the flat table that they stand for.
fn follow(entries: &mut Entries, flat: &mut [u64], step: &Step) {
    match *step {
        Step::Write(index, value) => {
            let old = core::mem::replace(&mut flat[index], value);
            assert_eq!(write(entries, index, value), Ok(GuestEntry(old)));
        }
        Step::WriteWithoutMemory(index, value) => {
            Ledger::current().fail_at(0, true);
            let written = write(entries, index, value);
            Ledger::current().fail_none();
            match written {
                Ok(old) => assert_eq!(core::mem::replace(&mut flat[index], value), old.0),
                Err(error) => assert_eq!(error, ENOMEM),
            }
        }
        Step::Fill(chunk, value) => {
            let all = chunk * CHUNK..(chunk + 1) * CHUNK;
            flat[all.clone()].fill(value);
            for index in all {
                write(entries, index, value).unwrap();
            }
            assert!(matches!(entries.chunks[chunk], Chunk::Same(_)));
        }
        Step::Clear => {
            flat.fill(0);
            entries.clear();
            assert!(entries.chunks.iter().all(|c| matches!(c, Chunk::Same(_))));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 10_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn entries_are_those_of_a_flat_table_in_no_more_memory(
        steps in prop::collection::vec(step(), 1..30),
    ) {
        let mut flat = std::vec![0; CHUNKS * CHUNK];
        let bytes = taken(|entries| {
            for step in &steps {
                follow(entries, &mut flat, step);
            }
            let now: Vec<u64> = (0..flat.len()).map(|index| entries.get(index).0).collect();
            assert_eq!(now, flat);
        });
        assert!((0..=CHUNKS as isize * CHUNK_BYTES).contains(&bytes), "{bytes}");
    }
}
