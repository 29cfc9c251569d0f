// SPDX-License-Identifier: GPL-2.0 OR MIT
extern crate std;

use super::*;
use kernel::testing::{in_atomic_context, Ledger};
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

/// The entry to the scratch page.
const SCRATCH: u64 = 0x9000 | PTE_PRESENT;
/// An entry to another page.
const PAGE: u64 = 0x7000 | PTE_PRESENT;
/// Entries of the range below, whose last chunk is not a whole one.
const COUNT: usize = 2 * CHUNK + 100;

/// A range, and the entries of a GPU that sees it.
struct Bed {
    kept: Kept,
    gpu: Vec<u64>,
}

impl Bed {
    fn new() -> Self {
        Self {
            kept: Kept::new(COUNT, SCRATCH).unwrap(),
            gpu: vec![SCRATCH; COUNT],
        }
    }

    /// Writes with so much to spare as it says that it lacks. Gives how much that was.
    fn write(&mut self, first: usize, entries: &[u64]) -> Result<usize> {
        let mut spare = Spare::None;
        let lacking = self.write_with(first, entries, &mut spare)?;
        if lacking > 0 {
            spare = Spare::new(lacking)?;
            assert_eq!(self.write_with(first, entries, &mut spare), Ok(0));
        }
        assert_eq!(spare.len(), 0, "it said that it lacks {lacking}");
        Ok(lacking)
    }

    fn write_with(&mut self, first: usize, entries: &[u64], spare: &mut Spare) -> Result<usize> {
        let gpu = &mut self.gpu;
        let show = |at: usize, now: &[u64]| gpu[at..at + now.len()].copy_from_slice(now);
        in_atomic_context(|| self.kept.write(first, entries, spare, show))
    }

    /// All entries, as they are kept.
    fn all(&self) -> Vec<u64> {
        let mut all = vec![];
        self.kept.for_each(|first, entries| {
            assert_eq!(first, all.len());
            all.extend_from_slice(entries);
        });
        all
    }

    /// Chunks that have memory.
    fn chunks(&self) -> usize {
        let chunks = self.kept.chunks.iter();
        chunks.filter(|c| matches!(c, Chunk::Each(_))).count()
    }
}

#[test]
fn write_takes_a_chunk_for_what_leads_elsewhere_until_nothing_does() {
    let mut bed = Bed::new();
    let before = Ledger::current().live_bytes();

    assert_eq!(bed.write(CHUNK - 1, &[PAGE, 0x3000, SCRATCH]), Ok(1));

    let around = [SCRATCH, PAGE, SCRATCH, SCRATCH];
    assert_eq!(bed.gpu[CHUNK - 2..CHUNK + 2], around);
    assert_eq!(bed.all(), bed.gpu);
    assert_eq!(Ledger::current().live_bytes() - before, 4096);
    assert_eq!(bed.write(CHUNK - 1, &[PAGE + 0x1000]), Ok(0));
    assert_eq!(bed.write(CHUNK - 1, &[0]), Ok(0));
    assert_eq!(Ledger::current().live_bytes(), before);
    assert_eq!(bed.all(), [SCRATCH; COUNT]);
}

#[test]
fn write_over_several_chunks_takes_those_that_it_needs() {
    let mut bed = Bed::new();
    bed.write(CHUNK + 7, &[PAGE]).unwrap();

    assert_eq!(bed.write(CHUNK / 2, &[PAGE; COUNT - CHUNK / 2]), Ok(2));

    // That in the middle is one page all over.
    assert_eq!((bed.chunks(), &bed.all()), (2, &bed.gpu));
    let (front, rest) = bed.gpu.split_at(CHUNK / 2);
    assert_eq!(front, [SCRATCH; CHUNK / 2]);
    assert_eq!(rest, [PAGE; COUNT - CHUNK / 2]);
    bed.kept.clear();
    assert_eq!((bed.chunks(), bed.all()), (0, vec![SCRATCH; COUNT]));
}

#[test]
fn write_beyond_the_last_returns_erange() {
    let mut bed = Bed::new();
    for (first, count) in [(COUNT, 1), (COUNT - 1, 2), (usize::MAX, 1), (0, COUNT + 1)] {
        assert_eq!(bed.write(first, &[PAGE; COUNT + 1][..count]), Err(ERANGE));
    }
    assert_eq!((bed.chunks(), bed.write(COUNT - 1, &[PAGE])), (0, Ok(1)));
}

#[test]
fn write_with_less_to_spare_than_it_lacks_does_nothing() {
    let mut bed = Bed::new();
    let mut spare = Spare::new(1).unwrap();

    assert_eq!(bed.write_with(CHUNK - 1, &[PAGE; 2], &mut spare), Ok(2));

    assert_eq!((bed.chunks(), spare.len()), (0, 1));
    assert_eq!((bed.all(), &bed.gpu), (vec![SCRATCH; COUNT], &bed.all()));
}

#[test]
fn write_of_one_page_to_all_one_by_one_takes_no_memory_in_the_end() {
    let mut bed = Bed::new();
    for entry in 0..2 * CHUNK {
        bed.write(entry, &[PAGE]).unwrap();
    }
    assert_eq!((bed.chunks(), &bed.all()), (0, &bed.gpu));

    assert_eq!(bed.write(3, &[0; 2]), Ok(1));

    assert_eq!(bed.gpu[2..6], [PAGE, SCRATCH, SCRATCH, PAGE]);
    assert_eq!((bed.chunks(), &bed.all()), (1, &bed.gpu));
}

#[test]
fn write_that_is_starved_unmaps_the_whole_chunk() {
    let mut bed = Bed::new();
    bed.write(0, &[PAGE; COUNT]).unwrap();
    for entry in 2 * CHUNK..COUNT {
        bed.write(entry, &[PAGE + 0x1000]).unwrap();
    }
    let mut spare = Spare::Starved;

    assert_eq!(bed.write_with(2 * CHUNK - 1, &[0; 2], &mut spare), Ok(0));

    assert_eq!(bed.all(), bed.gpu);
    assert_eq!(bed.gpu[..CHUNK], [PAGE; CHUNK]);
    // That which had memory keeps the others.
    assert_eq!(bed.gpu[CHUNK..=2 * CHUNK], [SCRATCH; CHUNK + 1]);
    assert_eq!(bed.gpu[2 * CHUNK + 1..], [PAGE + 0x1000; 99]);
}

#[test]
fn spare_without_memory_returns_enomem() {
    for site in 0..2 {
        Ledger::current().fail_at(site, false);
        assert_eq!(Spare::new(1).err(), Some(ENOMEM));
        Ledger::current().fail_none();
    }
}

/// What a client writes.
fn entries() -> impl Strategy<Value = (usize, Vec<u64>)> {
    let edge = prop::sample::select(&[0, CHUNK - 2, CHUNK, 2 * CHUNK - 1, COUNT - 3][..]);
    let entry =
        prop_oneof![2 => Just(0_u64), 1 => Just(SCRATCH), 3 => Just(PAGE), 1 => any::<u64>()];
    let few = prop::collection::vec(entry.clone(), 1..6);
    let many = (entry, 1..COUNT + 2).prop_map(|(entry, count)| vec![entry; count]);
    let first = prop_oneof![3 => edge, 1 => 0..COUNT];
    (first, prop_oneof![3 => few, 1 => many])
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn entries_are_those_of_a_flat_table_and_chunks_are_no_more_than_differ(
        writes in prop::collection::vec(entries(), 1..20),
    ) {
        let mut bed = Bed::new();
        let mut flat = vec![SCRATCH; COUNT];
        for (first, entries) in &writes {
            let written = bed.write(*first, entries);
            match flat.get_mut(*first..first + entries.len()) {
                None => prop_assert_eq!(written, Err(ERANGE)),
                Some(places) => {
                    let is_present = |entry: &u64| entry & PTE_PRESENT != 0;
                    let kept = entries.iter().map(|e| if is_present(e) { *e } else { SCRATCH });
                    places.iter_mut().zip(kept).for_each(|(place, entry)| *place = entry);
                    prop_assert!(written.is_ok());
                }
            }
        }
        prop_assert_eq!(&bed.all(), &flat);
        prop_assert_eq!(&bed.gpu, &flat);
        let used = flat.chunks(CHUNK).filter(|chunk| chunk.iter().any(|e| *e != SCRATCH));
        prop_assert!(bed.chunks() <= used.count());
    }
}
