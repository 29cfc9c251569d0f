// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A history of a guest's page tables, and what must hold after each of its steps.
//!
//! Whoever looks for a bad one shares this: the property test beside it, and the fuzz target
//! `page_tables`.

use super::bed::Bed;
use super::walk::{check_all, Judge};
use kvmgt_core::address::{DmaAddress, Gfn};
use kvmgt_core::gtt::ppgtt::{Flush, Limits, Root, ENTRIES, REFUSALS_MAX};
use std::collections::BTreeSet;
use std::vec::Vec;

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Step {
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

/// A history, and what the test remembers of it.
struct History {
    bed: Bed,
    workloads: Vec<(Root, DmaAddress)>,
    flush: Option<Flush>,
    pages_64k: bool,
    /// Roots of which something may have been refused since all of it was in order.
    starved: BTreeSet<usize>,
}

/// The address spaces of a history.
pub const ROOTS: [Root; 5] = [
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
        if !self.bed.crowded && !self.bed.state.borrow().flush_fails {
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
        let starved = starved || state.flush_fails || self.bed.crowded;
        Judge::new(&state, self.pages_64k, starved).compare(root, host);
    }
}

/// Lives through a history, from a guest that has nothing to one that is gone.
///
/// `tracks` says whether writes can be told, `tables` how many shadows there may be.
///
/// # Panics
///
/// Something does not hold.
pub fn run(tracks: bool, tables: usize, steps: impl IntoIterator<Item = Step>) {
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
