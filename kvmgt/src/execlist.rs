// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Execlists of a vGPU: an engine takes contexts from a guest and tells what becomes of them.
//!
//! An engine has two lists of two contexts each: one that runs, and one that waits. Four writes to
//! the submit port are a submission. What the guest is told is what a GPU tells that can't stop a
//! context in the midst of what it was given: the host half has at most one piece of work of the
//! vGPU's engine ([`start`](Execlist::start)), and that is finished in any case.
//!
//! | a submission comes while | then |
//! |---|---|
//! | nothing runs | it runs: *idle to active* |
//! | a context was started | it waits for that: see below |
//! | its first context is to run, but was not started | that runs up to its new tail: *lite restore* and *preempted* |
//! | another one is to run, but was not started | it takes over: *preempted* |
//! | one waits already that gives a context that runs a new tail | that is next: *lite restore* and *preempted*, and this one waits |
//! | another one waits already | it is refused |
//! | contexts run, and it names none | they make room as for another one, and nothing follows: *preempted* and *active to idle* |
//!
//! | a context is done, and | then |
//! |---|---|
//! | it has a new tail already | that is next, without a word; if a submission waits: *preempted* |
//! | the submission that waits begins with it | it goes on up to its new tail: *lite restore* and *preempted*; if that is the old one, what is below follows |
//! | a second context follows | *complete* and *element switch*; if a submission waits, the second one is *preempted* by it at once |
//! | none follows | *complete* and *active to idle*; if a submission waits: *idle to active* |
//!
//! So a guest's driver that takes a waiting submission for a preemption is right, and one that
//! finds the context before it completed is right too: i915 expects either.
//!
//! A GPU restores a context that runs at once. A driver that hears of it tells the next new tail, for which
//! the guest exits a dozen times. While it has not heard, it gathers what it has, and tells all in one.

use descriptor::Rule;

pub mod descriptor;
pub mod port;
pub mod status;

pub use descriptor::{Addressing, ContextId, Descriptor, RawDescriptor, Refused, Request};
pub use status::{Entry, Events, Status};

use status::execlist_status as bits;

/// A context's work, as far as an execlist has to know it.
pub trait Work {
    /// The descriptor that the context was submitted by.
    fn descriptor(&self) -> Descriptor;

    /// What of it is left when `started`, earlier work with the same image, is done.
    fn after(self, started: &Self) -> Self;

    /// Whether there is nothing in it.
    fn is_empty(&self) -> bool;
}

/// A list of contexts that runs.
#[derive(Debug)]
struct List<T> {
    /// Whether it is the second one of the two lists that an engine has.
    is_second: bool,
    /// The context that is on the engine.
    current: Descriptor,
    /// Whether that is the second one of the list.
    at_second: bool,
    /// The work of that context which was not started.
    todo: Option<T>,
    /// What follows.
    next: Option<T>,
}

/// The execlists of one engine of a vGPU.
#[derive(Debug)]
pub struct Execlist<T> {
    running: Option<List<T>>,
    /// What the host half has: work of the current context of the list that runs.
    started: Option<T>,
    /// What waits for that.
    pending: Option<Request<T>>,
    /// Whether the next submission goes to the second list.
    writes_second: bool,
    /// Why contexts were last switched.
    reason: Status,
}

impl<T> Default for Execlist<T> {
    fn default() -> Self {
        Self {
            running: None,
            started: None,
            pending: None,
            writes_second: false,
            reason: Status::default(),
        }
    }
}

impl<T: Work> Execlist<T> {
    /// An engine after reset.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a submission.
    ///
    /// # Errors
    ///
    /// The one before it has not been taken yet. Nothing has changed then.
    pub fn submit(&mut self, request: Request<T>) -> Result<Events, Refused> {
        // Who does not wait for the news of a restore gets it.
        let restored = self.lite_restore();
        if self.pending.is_some() {
            return Err(refused(&request));
        }
        let events = match (self.running.take(), self.started.as_ref()) {
            (None, _) => self.wake(request),
            (Some(list), None) => self.take_over(list.current, request),
            (Some(list), Some(started)) => {
                self.pending = Some(request.after(started));
                self.running = Some(list);
                restored
            }
        };
        self.remember(events);
        Ok(events)
    }

    /// The work that can be started now.
    pub fn next(&self) -> Option<&T> {
        match self.started {
            None => self.running.as_ref()?.todo.as_ref(),
            Some(_) => None,
        }
    }

    /// Starts the work of [`next`](Self::next): from now on it is to be finished.
    pub fn start(&mut self) -> Option<&mut T> {
        if self.started.is_some() {
            return None;
        }
        self.started = self.running.as_mut()?.todo.take();
        self.started.as_mut()
    }

    /// The work that was started, until it is done.
    pub fn started(&self) -> Option<&T> {
        self.started.as_ref()
    }

    /// The work that was started is done; `None` if there is none.
    pub fn complete(&mut self) -> Option<(T, Events)> {
        let restored = self.lite_restore();
        let started = self.started.take()?;
        let mut list = self.running.take()?;
        let events = match (self.pending.take(), list.todo.is_some(), list.next.take()) {
            (None, true, next) => {
                list.next = next;
                self.running = Some(list);
                Events::NONE
            }
            (Some(request), true, _) => self.take_over(list.current, request),
            (pending, false, Some(next)) => {
                let done = Status::COMPLETE | Status::ELEMENT_SWITCH;
                let events = Events::one(done, list.current.id());
                list.current = next.descriptor();
                list.at_second = true;
                match pending {
                    None => {
                        list.todo = Some(next);
                        self.running = Some(list);
                        events
                    }
                    Some(request) => events.and(self.take_over(list.current, request)),
                }
            }
            (pending, false, None) => {
                let done = Status::COMPLETE | Status::ACTIVE_TO_IDLE;
                let events = Events::one(done, list.current.id());
                match pending {
                    None => events,
                    Some(request) => events.and(self.wake(request)),
                }
            }
        };
        // Behind a restore nothing waits any more, and there is one event at the most.
        let events = match restored.is_empty() {
            true => events,
            false => restored.and(events),
        };
        self.remember(events);
        Some((started, events))
    }

    /// All work that was not started: four pieces at most.
    pub fn waiting(&mut self) -> impl Iterator<Item = &mut T> + '_ {
        let (todo, next) = match &mut self.running {
            Some(list) => (list.todo.as_mut(), list.next.as_mut()),
            None => (None, None),
        };
        let (first, second) = match &mut self.pending {
            Some(Request::Run { first, second }) => (Some(first), second.as_mut()),
            Some(Request::Idle) | None => (None, None),
        };
        [todo, next, first, second].into_iter().flatten()
    }

    /// Whether there is work that was not started.
    pub fn has_waiting(&self) -> bool {
        let of_list = |list: &List<T>| list.todo.is_some() || list.next.is_some();
        self.running.as_ref().is_some_and(of_list)
            || matches!(self.pending, Some(Request::Run { .. }))
    }

    /// Forgets all: the engine is reset.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// EXECLIST_STATUS, lower and upper dword.
    pub fn status(&self) -> [u32; 2] {
        let when = |condition, bits| if condition { bits } else { 0 };
        let reason = self.reason.bits().wrapping_shl(bits::REASON_SHIFT) & bits::REASON;
        let full = when(self.pending.is_some(), bits::FULL);
        let low = reason | full | when(self.writes_second, bits::WRITE);
        let Some(list) = &self.running else {
            return [low, 0];
        };
        let place = match list.is_second {
            false => bits::FIRST_VALID | bits::FIRST_ACTIVE,
            true => bits::SECOND_VALID | bits::SECOND_ACTIVE | bits::CURRENT,
        };
        let waits = match (&self.pending, self.writes_second) {
            (Some(Request::Run { .. }), false) => bits::FIRST_VALID,
            (Some(Request::Run { .. }), true) => bits::SECOND_VALID,
            _ => 0,
        };
        let element = match list.at_second {
            false => bits::FIRST_ELEMENT,
            true => bits::SECOND_ELEMENT,
        };
        [low | place | waits | element, list.current.id().0]
    }

    /// An idle engine gets a submission.
    fn wake(&mut self, request: Request<T>) -> Events {
        match self.enter(request) {
            true => Events::one(Status::IDLE_TO_ACTIVE, ContextId::default()),
            false => Events::NONE,
        }
    }

    /// If what was started is of a context that has got a new tail, that is next.
    fn lite_restore(&mut self) -> Events {
        let current = match (&self.running, &self.started) {
            (Some(list), Some(_)) => list.current,
            _ => return Events::NONE,
        };
        match self.pending.take() {
            Some(request) if request.is_lite_restore(current) => self.take_over(current, request),
            pending => {
                self.pending = pending;
                Events::NONE
            }
        }
    }

    /// A submission takes the engine from a context. What of that was not started is dropped, and
    /// what was goes on.
    fn take_over(&mut self, from: Descriptor, request: Request<T>) -> Events {
        let lite = request.is_lite_restore(from);
        let status = match (self.enter(request), lite) {
            (true, true) => Status::PREEMPTED | Status::LITE_RESTORE,
            (true, false) => Status::PREEMPTED,
            (false, _) => Status::PREEMPTED | Status::ACTIVE_TO_IDLE,
        };
        Events::one(status, from.id())
    }

    /// Makes a submission the list that runs; says whether one runs.
    fn enter(&mut self, request: Request<T>) -> bool {
        let Request::Run { first, second } = request else {
            self.running = None;
            return false;
        };
        let is_second = self.writes_second;
        self.writes_second = !is_second;
        let current = first.descriptor();
        // A context that goes on may have got nothing new.
        let idles = self.started.is_some() && first.is_empty();
        self.running = Some(List {
            is_second,
            current,
            at_second: false,
            todo: (!idles).then_some(first),
            next: second,
        });
        true
    }

    fn remember(&mut self, events: Events) {
        self.reason = events.last().unwrap_or(self.reason);
    }
}

impl<T: Work> Request<T> {
    /// Whether the context that is on the engine goes on with it.
    fn is_lite_restore(&self, current: Descriptor) -> bool {
        let Self::Run { first, .. } = self else {
            return false;
        };
        let first = first.descriptor();
        first.is_same_context(current) && !first.forces_restore()
    }

    /// What is left of it when `started` is done.
    fn after(self, started: &T) -> Self {
        let lrca = started.descriptor().lrca();
        let left = |work: T| match work.descriptor().lrca() == lrca {
            true => work.after(started),
            false => work,
        };
        match self {
            Self::Idle => Self::Idle,
            Self::Run { first, second } => Self::Run {
                first: left(first),
                second: second.map(left),
            },
        }
    }
}

/// The complaint about a submission that finds another one waiting.
fn refused<T: Work>(request: &Request<T>) -> Refused {
    match request {
        Request::Idle => RawDescriptor(0).refused(Rule::Full),
        Request::Run { first, .. } => first.descriptor().refused(Rule::Full),
    }
}

#[cfg(test)]
mod tests;
