// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What tests can see and do that the kernel has no part of: count allocations, make them fail,
//! watch for sleeping in atomic context, and read the log.
//!
//! Counts belong to a [`Ledger`]. Every thread starts with its own, so that tests run side by side
//! do not disturb each other; threads of one test can share one. A freed object is taken off the
//! ledger it was put on, whichever thread frees it. Sums over the whole process (or, in a shared
//! object, over that object) are kept beside.

use crate::alloc::{AllocError, Flags};
use crate::error::{code::ENOMEM, Result};
use core::fmt::Debug;
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// No allocation has this number: nothing is made to fail.
const NEVER: usize = usize::MAX;

/// Allocations counted together.
#[derive(Debug)]
pub struct Ledger {
    live: AtomicIsize,
    bytes: AtomicIsize,
    made: AtomicUsize,
    fail_at: AtomicUsize,
    fail_after: AtomicBool,
}

/// The sums over all ledgers.
static TOTAL: Ledger = Ledger::empty();

thread_local! {
    static LEDGER: RefCell<Arc<Ledger>> = RefCell::new(Arc::new(Ledger::empty()));
    static ATOMIC_DEPTH: Cell<usize> = const { Cell::new(0) };
    static CAPTURE: RefCell<Option<Vec<LogLine>>> = const { RefCell::new(None) };
}

impl Ledger {
    const fn empty() -> Self {
        Ledger {
            live: AtomicIsize::new(0),
            bytes: AtomicIsize::new(0),
            made: AtomicUsize::new(0),
            fail_at: AtomicUsize::new(NEVER),
            fail_after: AtomicBool::new(false),
        }
    }

    /// The calling thread's ledger.
    pub fn current() -> Arc<Ledger> {
        LEDGER.with_borrow(Arc::clone)
    }

    /// Makes this the calling thread's ledger from now on.
    pub fn enter(self: Arc<Self>) {
        LEDGER.set(self);
    }

    /// Allocations made and not yet freed.
    pub fn live_objects(&self) -> isize {
        self.live.load(Relaxed)
    }

    /// Bytes of the allocations made and not yet freed.
    pub fn live_bytes(&self) -> isize {
        self.bytes.load(Relaxed)
    }

    /// Allocations tried since [`Ledger::fail_at`] was last called, those that failed included.
    pub fn tried(&self) -> usize {
        self.made.load(Relaxed)
    }

    /// Counts anew, and makes allocation `n` (the first is 0) fail, with `after` those behind it too.
    pub fn fail_at(&self, n: usize, after: bool) {
        self.made.store(0, Relaxed);
        self.fail_after.store(after, Relaxed);
        self.fail_at.store(n, Relaxed);
    }

    /// Makes no allocation fail any more.
    pub fn fail_none(&self) {
        self.fail_at.store(NEVER, Relaxed);
    }

    /// Whether the allocation that is tried now is one that has to fail.
    fn fails_now(&self) -> bool {
        let n = self.made.fetch_add(1, Relaxed);
        let at = self.fail_at.load(Relaxed);
        n == at || (n > at && self.fail_after.load(Relaxed))
    }

    fn add(&self, objects: isize, bytes: isize) {
        self.live.fetch_add(objects, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
    }
}

/// Allocations made and not yet freed by all threads of this process or shared object.
pub fn total_live_objects() -> isize {
    TOTAL.live_objects()
}

/// Bytes of the allocations made and not yet freed by all threads of this process or shared object.
pub fn total_live_bytes() -> isize {
    TOTAL.live_bytes()
}

/// One allocation on the books; dropping it takes it off.
pub(crate) struct Live {
    ledger: Arc<Ledger>,
    bytes: isize,
}

impl Live {
    /// Books an allocation of `bytes`, unless a test wants it to fail.
    pub(crate) fn book(bytes: usize, flags: Flags) -> Result<Self, AllocError> {
        if flags.may_sleep() {
            might_sleep("an allocation that may sleep");
        }
        let ledger = Ledger::current();
        if ledger.fails_now() {
            return Err(AllocError);
        }
        let bytes = isize::try_from(bytes).map_err(|_| AllocError)?;
        ledger.add(1, bytes);
        TOTAL.add(1, bytes);
        Ok(Live { ledger, bytes })
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.ledger.add(-1, -self.bytes);
        TOTAL.add(-1, -self.bytes);
    }
}

/// Runs `f` as if interrupts were off: whatever may sleep panics in there.
pub fn in_atomic_context<R>(f: impl FnOnce() -> R) -> R {
    /// Leaves the section on panics too.
    struct Section;
    impl Drop for Section {
        fn drop(&mut self) {
            ATOMIC_DEPTH.set(ATOMIC_DEPTH.get() - 1);
        }
    }
    ATOMIC_DEPTH.set(ATOMIC_DEPTH.get() + 1);
    let _section = Section;
    f()
}

/// Says that the caller may sleep here; panics inside [`in_atomic_context`].
pub fn might_sleep(what: &str) {
    assert!(ATOMIC_DEPTH.get() == 0, "{what} in atomic context");
}

/// Runs `f` again and again with one allocation after the other failing, first that one alone and
/// then with all that follow, until `f` makes no more of them; gives the number of its allocations.
///
/// # Panics
///
/// If `f` succeeds in spite of a failure, or gives another error than `ENOMEM`, or leaks, or fails
/// when nothing was made to fail. Successful results are dropped before leaks are looked for.
pub fn fail_each_alloc<T>(f: impl FnMut() -> Result<T>) -> usize {
    fail_each_alloc_with(f, |error| *error == ENOMEM)
}

/// [`fail_each_alloc`] for functions with errors of their own; `is_enomem` knows the right one.
///
/// # Panics
///
/// As [`fail_each_alloc`].
pub fn fail_each_alloc_with<T, E: Debug>(
    mut f: impl FnMut() -> Result<T, E>,
    is_enomem: impl Fn(&E) -> bool,
) -> usize {
    let ledger = Ledger::current();
    let mut sites = 0;
    loop {
        let mut reached = false;
        for after in [false, true] {
            let live = (ledger.live_objects(), ledger.live_bytes());
            ledger.fail_at(sites, after);
            let result = f();
            reached = ledger.tried() > sites;
            ledger.fail_none();
            match result {
                Ok(value) => {
                    drop(value);
                    assert!(!reached, "allocation {sites} failed, and nobody noticed");
                }
                Err(error) => assert!(
                    reached && is_enomem(&error),
                    "allocation {sites} failed, and the error is {error:?}"
                ),
            }
            assert_eq!(
                live,
                (ledger.live_objects(), ledger.live_bytes()),
                "objects and bytes leaked when allocation {sites} failed"
            );
        }
        if !reached {
            return sites;
        }
        sites += 1;
    }
}

/// How urgent a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// An error.
    Err = 3,
    /// A warning.
    Warn = 4,
    /// Normal, but significant.
    Notice = 5,
    /// Informational.
    Info = 6,
    /// For developers.
    Debug = 7,
}

/// A message of the log, with its prefix and without the newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How urgent it is.
    pub level: Level,
    /// What it says.
    pub text: String,
}

/// Where messages go that no test captures.
type Sink = Box<dyn Fn(Level, &str) + Send>;

static SINK: Mutex<Option<Sink>> = Mutex::new(None);

/// Sends messages that no test captures to `sink`; without one they go to standard error.
pub fn set_log_sink(sink: Option<Sink>) {
    *SINK.lock().unwrap_or_else(PoisonError::into_inner) = sink;
}

/// Runs `f` and gives what it logged on this thread beside its result.
///
/// Captures nest; the innermost gets the message.
pub fn capture_log<R>(f: impl FnOnce() -> R) -> (R, Vec<LogLine>) {
    let outer = CAPTURE.replace(Some(Vec::new()));
    let result = f();
    let lines = CAPTURE.replace(outer).unwrap_or_default();
    (result, lines)
}

/// Prints a message as it is: what the glue of a world does in place of `dev_err!` and the like,
/// which shared code does not use.
pub fn log(level: Level, message: &str) {
    let text = message.strip_suffix('\n').unwrap_or(message);
    let captured = CAPTURE.with_borrow_mut(|capture| {
        capture.as_mut().is_some_and(|lines| {
            lines.push(LogLine {
                level,
                text: text.to_owned(),
            });
            true
        })
    });
    if captured {
        return;
    }
    match &*SINK.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(sink) => sink(level, text),
        None => eprintln!("{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    /// Two allocations, the second while the first is alive.
    fn two_allocations() -> Result {
        let _first = KBox::new(1_u32, GFP_KERNEL)?;
        let _second = KVec::from_elem(0_u8, 16, GFP_KERNEL)?;
        Ok(())
    }

    #[test]
    fn fail_each_alloc_counts_the_sites() {
        assert_eq!(fail_each_alloc(two_allocations), 2);
        assert_eq!(fail_each_alloc(|| Ok(())), 0);
    }

    #[test]
    #[should_panic(expected = "nobody noticed")]
    fn fail_each_alloc_when_a_failure_is_swallowed_panics() {
        fail_each_alloc(|| {
            let _ = two_allocations();
            Ok(())
        });
    }

    #[test]
    #[should_panic(expected = "leaked")]
    fn fail_each_alloc_when_an_error_path_leaks_panics() {
        fail_each_alloc(|| {
            let first = KBox::new(1_u32, GFP_KERNEL)?;
            let second = KBox::new(2_u32, GFP_KERNEL);
            if second.is_err() {
                core::mem::forget(first);
            }
            second.map(drop).map_err(Error::from)
        });
    }

    #[test]
    #[should_panic(expected = "EBUSY")]
    fn fail_each_alloc_when_the_error_is_another_panics() {
        fail_each_alloc(|| two_allocations().map_err(|_| EBUSY));
    }

    #[test]
    #[should_panic(expected = "in atomic context")]
    fn allocation_that_may_sleep_when_atomic_panics() {
        in_atomic_context(|| KBox::new(1, GFP_KERNEL).map(drop).ok());
    }

    #[test]
    fn allocation_that_may_not_sleep_when_atomic_succeeds() {
        assert!(in_atomic_context(|| KBox::new(1, GFP_ATOMIC)).is_ok());
    }

    #[test]
    fn object_freed_by_another_thread_leaves_the_ledger_it_was_put_on() {
        let ledger = Ledger::current();
        let object = KBox::new(1_u64, GFP_KERNEL).unwrap();
        assert_eq!((ledger.live_objects(), ledger.live_bytes()), (1, 8));
        let other = std::thread::spawn(move || {
            drop(object);
            Ledger::current().live_objects()
        });
        assert_eq!(other.join().unwrap(), 0);
        assert_eq!((ledger.live_objects(), ledger.live_bytes()), (0, 0));
    }

    #[test]
    fn capture_log_gets_prefix_and_level() {
        let ((), lines) = capture_log(|| pr_info!("{} of {}\n", 1, 2));
        let text = String::from("kernel: 1 of 2");
        assert_eq!(
            lines,
            [LogLine {
                level: Level::Info,
                text
            }]
        );
    }
}
