// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Whatever a guest writes into its tables, and its client does to its memory: the GPU's view is
//! the guest's at each submission, and every entry leads to a page that is pinned, or to scratch.

use super::bed::{Bed, LARGE, PAGES_64K};
use super::walk::{check_all, Judge};
use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::vec::Vec;

/// Pages that tables, and what they lead to, are mostly made of.
const PAGES: u64 = 10;
/// Entries that are mostly written.
const INDEXES: [usize; 6] = [0, 1, 15, 16, 17, 511];

/// Histories, if `PROPTEST_CASES` does not ask for more.
const CASES: u32 = 5_000;

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    /// The guest writes an entry.
    Entry(u64, usize, u64),
    /// The guest writes anything anywhere.
    Bytes(u64, usize, Vec<u8>),
    /// The shadows are told of a write that was none.
    Lie(u64, u64, u64),
    Announce(usize),
    Withdraw(usize),
    /// A workload is submitted, and the GPU's view is judged.
    Submit(usize),
    /// The oldest workload is complete.
    Complete,
    /// A flush begins; it ends later.
    BeginFlush,
    EndFlush,
    /// The client takes memory away, and whether it is gone.
    Forget(u64, u64, bool),
    /// All of it is back.
    Return,
    /// No more pages than these can be pinned.
    PinLimit(usize),
    /// No more pages than these are there for shadows.
    PageLimit(usize),
    Pages64k(bool),
    FlushFails(bool),
    Clear,
}

fn entry() -> impl Strategy<Value = u64> {
    let gfn = prop_oneof![20 => 0..PAGES, 1 => 4094..4098_u64];
    let bits = prop_oneof![8 => Just(TABLE), 2 => Just(PAGES_64K), 1 => 0..0x80_u64, 1 => Just(0)];
    let large = prop_oneof![Just(0_u64), Just(512), Just(1024)];
    prop_oneof![
        20 => (gfn, bits).prop_map(|(gfn, bits)| gfn << 12 | bits),
        1 => (large, 0..2_u64).prop_map(|(gfn, pat)| gfn << 12 | pat << 12 | LARGE),
        2 => Just(0),
        1 => any::<u64>(),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let index = prop::sample::select(&INDEXES[..]);
    let bytes = prop::collection::vec(any::<u8>(), 1..20);
    prop_oneof![
        30 => (0..PAGES, index, entry()).prop_map(|(gfn, index, entry)| Step::Entry(gfn, index, entry)),
        2 => (0..PAGES, 0..4076_usize, bytes).prop_map(|(gfn, at, bytes)| Step::Bytes(gfn, at, bytes)),
        1 => (0..PAGES, 0..5000_u64, 0..9000_u64).prop_map(|(gfn, at, size)| Step::Lie(gfn, at, size)),
        2 => (0..ROOTS.len()).prop_map(Step::Announce),
        2 => (0..ROOTS.len()).prop_map(Step::Withdraw),
        12 => (0..ROOTS.len()).prop_map(Step::Submit),
        8 => Just(Step::Complete),
        3 => Just(Step::BeginFlush),
        3 => Just(Step::EndFlush),
        2 => (0..PAGES, 1..4_u64, any::<bool>()).prop_map(|(gfn, count, gone)| Step::Forget(gfn, count, gone)),
        1 => Just(Step::Forget(700, 1, false)),
        2 => Just(Step::Return),
        1 => (0..12_usize).prop_map(Step::PinLimit),
        1 => Just(Step::PinLimit(usize::MAX)),
        1 => (4..30_usize).prop_map(Step::PageLimit),
        1 => Just(Step::PageLimit(usize::MAX)),
        1 => any::<bool>().prop_map(Step::Pages64k),
        1 => any::<bool>().prop_map(Step::FlushFails),
        1 => Just(Step::Clear),
    ]
}

/// A history, and what the test remembers of it.
struct History {
    bed: Bed,
    workloads: Vec<(Root, DmaAddress)>,
    flush: Option<Flush>,
    pages_64k: bool,
    /// Roots of which something may have been refused since all of it was in order.
    starved: BTreeSet<usize>,
}

const ROOTS: [Root; 5] = [
    Root::FourLevel(Gfn(0)),
    Root::FourLevel(Gfn(1)),
    Root::ThreeLevel([Gfn(2), Gfn(3), Gfn(2), Gfn(0)]),
    Root::FourLevel(Gfn(4)),
    Root::ThreeLevel([Gfn(5), Gfn(0), Gfn(3), Gfn(5)]),
];

impl History {
    fn step(&mut self, step: Step) {
        let bed = &mut self.bed;
        let is_quiet = matches!(step, Step::Entry(..) | Step::Bytes(..) | Step::Lie(..));
        let writes = bed.state.borrow().writes;
        match step {
            Step::Entry(gfn, index, entry) => bed.write(gfn, index, entry),
            Step::Bytes(gfn, at, bytes) => bed.write_bytes(gfn, at, &bytes),
            Step::Lie(gfn, at, size) => bed.told(gfn, at, size),
            Step::Announce(root) => {
                bed.with(|ppgtt, backing| ppgtt.announce(backing, ROOTS[root]));
            }
            Step::Withdraw(root) => {
                bed.with(|ppgtt, backing| ppgtt.withdraw(backing, ROOTS[root]));
            }
            Step::Submit(root) => self.submit(root),
            Step::Complete => {
                if !self.workloads.is_empty() {
                    let (root, host) = self.workloads.remove(0);
                    if self.workloads.iter().any(|(other, _)| *other == root) {
                        bed.unpin(root);
                    } else {
                        bed.complete(root, host);
                    }
                }
            }
            Step::BeginFlush => {
                if self.flush.is_none() {
                    self.flush = Some(bed.ppgtt.begin_flush());
                    bed.state.borrow_mut().begin_flush();
                }
            }
            Step::EndFlush => {
                if let Some(flush) = self.flush.take() {
                    bed.state.borrow_mut().end_flush();
                    bed.with(|ppgtt, backing| ppgtt.flushed(backing, flush));
                }
            }
            Step::Forget(first, count, gone) => {
                self.starved.extend(0..ROOTS.len());
                if gone {
                    bed.state.borrow_mut().gone.extend(first..first + count);
                }
                let result = bed.forget(first, count);
                let mut pinned = bed.pinned().into_iter();
                let some = pinned.any(|gfn| (first..first + count).contains(&gfn));
                assert!(result.is_err() || !some, "it was to be unpinned");
            }
            Step::Return => {
                self.starved.extend(0..ROOTS.len());
                bed.state.borrow_mut().gone.clear();
            }
            Step::PinLimit(limit) => {
                bed.state.borrow_mut().pin_limit = limit;
                self.starved.extend(0..ROOTS.len());
            }
            Step::PageLimit(limit) => {
                bed.state.borrow_mut().page_limit = limit;
                self.starved.extend(0..ROOTS.len());
            }
            Step::Pages64k(enabled) => {
                bed.with(|ppgtt, backing| ppgtt.set_pages_64k(backing, enabled));
                self.pages_64k = enabled;
            }
            Step::FlushFails(fails) => bed.state.borrow_mut().flush_fails = fails,
            Step::Clear => {
                bed.idle();
                self.workloads.clear();
                let cleared = bed.with(|ppgtt, backing| ppgtt.clear(backing));
                let fails = bed.state.borrow().flush_fails;
                assert_eq!(cleared.is_err(), fails);
            }
        }
        let state = self.bed.state.borrow();
        if is_quiet {
            assert_eq!(state.writes, writes, "nothing was submitted");
        } else {
            check_all(&state);
        }
    }

    fn submit(&mut self, number: usize) {
        let (root, bed) = (ROOTS[number], &mut self.bed);
        bed.pin(root);
        let Ok(host) = bed.try_prepare(root) else {
            return bed.unpin(root);
        };
        let same = self.workloads.iter().find(|(other, _)| *other == root);
        assert!(
            same.is_none_or(|(_, before)| *before == host),
            "the root moved"
        );
        self.workloads.push((root, host));
        let starved = self.starved.contains(&number);
        self.judge(root, host, starved);
        if !starved || self.bed.state.borrow().is_limited() {
            return;
        }
        // Nothing is refused any more that is there: in the end all of it is mapped.
        for _ in 0..ENTRIES / REFUSALS_MAX as usize + 1 {
            assert_eq!(self.bed.prepare(root), host);
        }
        self.judge(root, host, false);
        if !self.bed.ppgtt.exhausted && !self.bed.state.borrow().flush_fails {
            self.starved.remove(&number);
        }
    }

    /// The GPU gets `host`, and sees what the guest sees.
    fn judge(&mut self, root: Root, host: DmaAddress, starved: bool) {
        let mut state = self.bed.state.borrow_mut();
        if !state.in_use.contains(&host) {
            state.in_use.push(host);
        }
        // What could not be flushed after memory went away is not mapped again.
        let starved = starved || state.flush_fails || self.bed.ppgtt.exhausted;
        Judge::new(&state, self.pages_64k, starved).compare(root, host);
    }
}

fn run(tracks: bool, tables: usize, steps: Vec<Step>) {
    let limits = Limits {
        tables,
        ..Limits::DEFAULT
    };
    let bed = Bed::with_limits(limits);
    bed.state.borrow_mut().tracks = tracks;
    let mut history = History {
        bed,
        workloads: Vec::new(),
        flush: None,
        pages_64k: false,
        starved: BTreeSet::new(),
    };
    for step in steps {
        history.step(step);
    }
    history.bed.state.borrow_mut().flush_fails = false;
    history.bed.end();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(CASES),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn history_of_any_kind_keeps_the_views_equal_and_every_entry_harmless(
        tracks: bool,
        tables in prop_oneof![3 => Just(8192_usize), 1 => 4..40_usize],
        steps in prop::collection::vec(step(), 1..80),
    ) {
        run(tracks, tables, steps);
    }
}
