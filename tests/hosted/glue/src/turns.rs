// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Whose turn it is on the engines of a GPU: the [`Roster`] behind a lock, and who waits for it.
//!
//! The lock is held for the question alone. What is to be done then is done by whoever asked, or
//! left to others: a vGPU's worker waits in [`Turns::wait`] until the vGPU has something to do, and
//! the clerk in [`Turns::clerk`] until time has passed, or something is to be killed. An event of
//! the host half waits for nothing but this lock, least of all for a vGPU. A test that has no threads
//! calls [`Turns::take_wake`] and [`Turns::attend`] instead.

mod clock;
mod inbox;
mod seat;

use crate::card::Card;
use clock::Clock;
use gvt_host::World as _;
use iface::client::{Direction, Events, Outcome};
use inbox::Inbox;
pub use inbox::Life;
use kernel::error::Result;
use kvmgt_core::hardware::Engine;
use kvmgt_core::host::Host;
use kvmgt_core::schedule::time::{Span, Time};
use kvmgt_core::schedule::{Ending, Order, Roster, Settings, Submitted, Tag};
use kvmgt_core::vgpu::shares::{VgpuId, MAX_VGPUS};
pub use seat::Seat;
use std::array;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Engines that there can be.
const ENGINES: usize = Engine::ALL.len();
/// vGPUs that there can be.
const VGPUS: usize = MAX_VGPUS as usize;

/// The schedules of a GPU, which hear of the end of submissions.
pub struct Turns<'a> {
    card: &'a Card,
    clock: Clock,
    /// The bits that name engines.
    masks: Vec<(u32, Engine)>,
    state: Mutex<State>,
    /// There is something for the clerk.
    clerk: Condvar,
    /// There is something in a vGPU's inbox.
    inboxes: [Condvar; VGPUS],
}

struct State {
    roster: Roster,
    engines: [AtEngine; ENGINES],
    inboxes: [Inbox; VGPUS],
    tallies: [Tally; VGPUS],
    /// What is to be killed, by whoever may call the host half.
    kills: Vec<Submitted>,
    is_over: bool,
}

/// What is known of an engine, besides its schedule.
#[derive(Clone, Copy, Default)]
struct AtEngine {
    /// When its schedule is to be asked again.
    again: Option<Time>,
    /// Contexts on it that are not ours.
    host_contexts: usize,
    /// Since when somebody has the turn.
    taken: Option<Time>,
}

/// What a vGPU has had of the engines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Submissions that have ended.
    pub submissions: u64,
    /// How long it had its turn until then, of all engines together.
    pub time: Duration,
    /// Cycles that the GPU has counted for its contexts by then, of all engines together.
    pub cycles: u64,
}

impl<'a> Turns<'a> {
    /// What a vGPU has had of the engines until now.
    pub fn tally(&self, id: VgpuId) -> Tally {
        self.lock().tallies[place(id)]
    }

    /// The schedules of a GPU that no vGPU contends for.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(card: &'a Card) -> Result<Self> {
        Self::by(Clock::monotonic(), card)
    }

    /// The same, by the GPU's own clock, for a test that drives the GPU and all of its vGPUs in one
    /// thread.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn by_the_gpus_clock(card: &'a Card) -> Result<Self> {
        Self::by(Clock::OfTheGpu, card)
    }

    fn by(clock: Clock, card: &'a Card) -> Result<Self> {
        let info = card.info();
        let count = usize::try_from(info.engine_count)?;
        let masks = info.engines.iter().take(count).filter_map(|engine| {
            let known = Engine::from_class(engine.class, engine.instance)?;
            Some((engine.mask, known))
        });
        Ok(Self {
            card,
            clock,
            masks: masks.collect(),
            state: Mutex::new(State {
                roster: Roster::new(Settings::USUAL, Time::default())?,
                engines: [AtEngine::default(); ENGINES],
                inboxes: array::from_fn(|_| Inbox::default()),
                tallies: [Tally::default(); VGPUS],
                kills: Vec::new(),
                is_over: false,
            }),
            clerk: Condvar::new(),
            inboxes: array::from_fn(|_| Condvar::new()),
        })
    }

    /// What a vGPU sees of it.
    pub fn seat<'s>(&'s self, id: VgpuId, host: &'s dyn Host) -> Seat<'s> {
        Seat::new(self, id, host)
    }

    /// Waits until a vGPU has something to do; `false` if it is gone.
    pub fn wait(&self, id: VgpuId, life: Life) -> bool {
        let mut state = self.lock();
        loop {
            let now = self.now();
            let inbox = state.inbox(id);
            if !inbox.is_in(life) {
                return false;
            }
            if inbox.take_wake(now) {
                return true;
            }
            let until = inbox.alarm().map(|alarm| alarm.since(now));
            state = wait_for(&self.inboxes[place(id)], state, until);
        }
    }

    /// As [`wait`](Self::wait), but does not: whether a vGPU has something to do.
    pub fn take_wake(&self, id: VgpuId) -> bool {
        let now = self.now();
        self.lock().inbox(id).take_wake(now)
    }

    /// When a vGPU will have something to do by itself.
    pub fn set_alarm(&self, id: VgpuId, alarm: Option<Time>) {
        if self.lock().inbox(id).set_alarm(alarm) {
            self.inboxes[place(id)].notify_all();
        }
    }

    /// A submission of a vGPU's that has ended, if there is one that the vGPU was not told of.
    pub fn take_ended(&self, id: VgpuId) -> Option<(Tag, Outcome)> {
        self.lock().inbox(id).take_any()
    }

    /// A vGPU is there, and has nothing to do.
    pub fn open(&self, id: VgpuId) -> Life {
        self.lock().inbox(id).open()
    }

    /// A vGPU is gone: [`wait`](Self::wait) says so from now on.
    pub fn close(&self, id: VgpuId) {
        self.lock().inbox(id).close();
        self.inboxes[place(id)].notify_all();
    }

    /// Asks the schedules when it is time to, and kills what is to be killed, until
    /// [`end`](Self::end). A thread's whole work.
    pub fn clerk(&self, host: &dyn Host) {
        loop {
            self.attend(host);
            let state = self.lock();
            if state.is_over {
                return;
            }
            if !state.kills.is_empty() {
                continue;
            }
            // What there is to do is looked for anew.
            let until = state.due().map(|at| at.since(self.now()));
            drop(wait_for(&self.clerk, state, until));
        }
    }

    /// Asks the schedules that it is time to ask, and kills what is to be killed.
    pub fn attend(&self, host: &dyn Host) {
        let mut state = self.lock();
        let now = self.now();
        for engine in Engine::ALL {
            let again = state.engines[engine.index()].again;
            if again.is_some_and(|at| at <= now) {
                let order = state.roster.tick(engine, now);
                self.leave_to_others(&mut state, engine, order);
            }
        }
        let kills = std::mem::take(&mut state.kills);
        drop(state);
        kills.into_iter().for_each(|late| kill(host, late));
    }

    /// When the schedules are to be asked again, if nothing happens before.
    pub fn due(&self) -> Option<Time> {
        self.lock().due()
    }

    /// Makes [`clerk`](Self::clerk) return. Nothing executes any more: who still awaits an end is
    /// told that it was cancelled.
    pub fn end(&self) {
        self.lock().is_over = true;
        self.clerk.notify_all();
        self.inboxes.iter().for_each(Condvar::notify_all);
    }

    /// What time it is.
    pub fn now(&self) -> Time {
        self.clock.now(self.card)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what an engine's schedule has ordered, but for the killing, which it gives.
    fn follow(&self, state: &mut State, engine: Engine, order: Order) -> Option<Submitted> {
        let at = &mut state.engines[engine.index()];
        if at.again != order.again {
            at.again = order.again;
            self.clerk.notify_all();
        }
        if let Some(id) = order.wake {
            self.wake(state, id);
        }
        order.kill
    }

    /// The same where the host half must not be called.
    fn leave_to_others(&self, state: &mut State, engine: Engine, order: Order) {
        if let Some(late) = self.follow(state, engine, order) {
            state.kills.push(late);
            self.clerk.notify_all();
        }
    }

    /// The host suspends, or has resumed.
    fn set_asleep(&self, is_asleep: bool) {
        let mut state = self.lock();
        for engine in Engine::ALL {
            let order = state.roster.set_asleep(engine, is_asleep, self.now());
            self.leave_to_others(&mut state, engine, order);
        }
    }

    fn wake(&self, state: &mut State, id: VgpuId) {
        state.inbox(id).wake();
        self.inboxes[place(id)].notify_all();
    }
}

impl State {
    fn due(&self) -> Option<Time> {
        self.engines.iter().filter_map(|engine| engine.again).min()
    }

    fn inbox(&mut self, id: VgpuId) -> &mut Inbox {
        &mut self.inboxes[place(id)]
    }
}

impl Events for Turns<'_> {
    fn suspend(&self) {
        self.set_asleep(true);
    }

    fn resume(&self) {
        self.set_asleep(false);
    }

    fn host_context(&self, mask: u32, direction: Direction) {
        let Some((_, engine)) = self.masks.iter().find(|(bit, _)| *bit == mask) else {
            return;
        };
        let mut state = self.lock();
        let count = &mut state.engines[engine.index()].host_contexts;
        let before = *count;
        *count = match direction {
            Direction::In => before.saturating_add(1),
            Direction::Out => before.saturating_sub(1),
        };
        let (was_on, is_on) = (before != 0, *count != 0);
        if was_on != is_on {
            let order = state.roster.set_host(*engine, is_on, self.now());
            self.leave_to_others(&mut state, *engine, order);
        }
    }

    fn submit_done(&self, context: u64, tag: u64, outcome: Outcome) {
        // All that is submitted has one.
        let Some(tag) = Tag::from_raw(tag) else {
            return;
        };
        let ending = match outcome {
            Outcome::Done => Ending::Done,
            Outcome::Hung => Ending::Hung,
            Outcome::Cancelled => Ending::Cancelled,
        };
        let cycles = self.card.take_busy(context);
        let mut state = self.lock();
        let now = self.now();
        let taken = state.engines[tag.engine.index()].taken.take();
        let tally = &mut state.tallies[place(tag.id)];
        tally.submissions += 1;
        tally.cycles += cycles;
        tally.time += Duration::from_nanos(taken.map_or(0, |taken| now.since(taken).0));
        let order = state.roster.ended(tag.engine, ending, now);
        self.leave_to_others(&mut state, tag.engine, order);
        state.inbox(tag.id).put(tag, outcome);
        self.wake(&mut state, tag.id);
    }
}

/// Kills what is late, if it still executes.
fn kill(host: &dyn Host, late: Submitted) {
    // It may have ended since, and the context be destroyed.
    let _ = host.ctx_kill(late.context, late.tag.raw());
}

fn wait<'a>(condition: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    condition
        .wait(state)
        .unwrap_or_else(PoisonError::into_inner)
}

/// The same, but for no longer than that, if there is an end.
fn wait_for<'a>(
    condition: &Condvar,
    state: MutexGuard<'a, State>,
    until: Option<Span>,
) -> MutexGuard<'a, State> {
    let Some(until) = until else {
        return wait(condition, state);
    };
    let waited = condition.wait_timeout(state, Duration::from_nanos(until.0));
    waited.unwrap_or_else(PoisonError::into_inner).0
}

/// The place of a vGPU among all.
fn place(id: VgpuId) -> usize {
    id.number() as usize - 1
}

#[cfg(test)]
mod tests;
