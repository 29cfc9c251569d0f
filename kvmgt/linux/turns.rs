// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Who of a GPU's vGPUs has which engine: the core's roster, and what it orders.
//!
//! The roster has one lock, which is taken with interrupts off: contexts of the host's come and go
//! in interrupts. What is to be done about a vGPU is left to its [`Job`], and what is to be killed
//! to one of the GPU's. A timer asks the roster again when that said so.

use crate::{
    c,
    irq_lock::IrqSpinLock,
    job::{Job, JobRef},
};
use core::ptr::NonNull;
use iface::{
    client::{Direction, Outcome},
    events::{OUTCOME_CANCELLED, OUTCOME_DONE, OUTCOME_HUNG},
    types::Info,
};
use kernel::{
    impl_has_hr_timer,
    prelude::*,
    static_lock_class,
    sync::{lock::Lock, new_condvar, Arc, ArcBorrow, CondVar},
    time::{
        hrtimer::{
            ArcHrTimerHandle, HasHrTimer, HrTimer, HrTimerCallback, HrTimerCallbackContext,
            HrTimerPointer, HrTimerRestart, RelativeMode,
        },
        Delta, Instant, Monotonic,
    },
};
use kvmgt_core::{
    hardware::Engine,
    schedule::{time::Time, Ending, Submitted, Tag},
};

mod seat;
mod state;

pub(crate) use seat::Seat;
use state::State;

/// Engines that a GPU may have.
const ENGINES: usize = Engine::ALL.len();

/// When the timer fires for the first time, if it is not set anew before.
const FIRST_ALARM: Delta = Delta::from_millis(1000);

/// How soon it fires at the soonest, in nanoseconds: it does so in an interrupt, which is not to come
/// again and again without anything else in between.
const SOONEST_ALARM: i64 = 50_000;

/// The turns of a GPU.
#[pin_data]
pub(crate) struct Turns {
    /// When time began.
    start: Instant<Monotonic>,
    #[pin]
    state: IrqSpinLock<State>,
    /// Notified when a submission has ended.
    #[pin]
    ended: CondVar,
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Turns {
        mode: RelativeMode<Monotonic>,
        field: self.timer,
    }
}

impl Turns {
    /// Nobody has a turn, and the engines are not known.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let state = State::new()?;
        Arc::pin_init(
            pin_init!(Self {
                start: Instant::now(),
                state <- Lock::new(state, c"kvmgt::turns", static_lock_class!()),
                ended <- new_condvar!("kvmgt::ended"),
                timer <- HrTimer::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// Lets the timer run, and `killer` kill, until what is returned is dropped.
    ///
    /// # Safety
    ///
    /// The job stays until then.
    pub(crate) unsafe fn begin(this: &Arc<Self>, info: &Info, killer: NonNull<Job>) -> Clock {
        let mut state = this.state.lock();
        let count = usize::try_from(info.engine_count).unwrap_or(usize::MAX);
        for known in info.engines.iter().take(count) {
            let engine = Engine::from_class(known.class, known.instance);
            if let Some(desk) = engine.and_then(|engine| state.desk(engine)) {
                desk.mask = known.mask;
            }
        }
        // SAFETY: by this function's own requirement; `Clock` takes it out.
        state.killer = Some(unsafe { JobRef::new(killer) });
        drop(state);
        Clock {
            timer: Some(this.clone().start(FIRST_ALARM)),
            turns: this.clone(),
        }
    }

    /// Time as the roster has it, and everything else in a vGPU.
    pub(crate) fn now(&self) -> Time {
        // The clock does not go back.
        Time(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(0))
    }

    /// Calls `act` with the lock held, and sets the timer as what was ordered has it.
    fn with<R>(&self, act: impl FnOnce(&mut State, Time) -> R) -> R {
        let mut state = self.state.lock();
        let now = self.now();
        let result = act(&mut state, now);
        let due = state.desks.iter().filter_map(|desk| desk.due).min();
        if due != state.alarm && state.killer.is_some() {
            if let Some(due) = due {
                let left = i64::try_from(due.since(now).0).unwrap_or(i64::MAX);
                let left = left.max(SOONEST_ALARM);
                // SAFETY: there is a killer, so that there is a `Clock`: it holds a reference to
                // this, and takes the killer out before it cancels the timer.
                unsafe { <Self as HasHrTimer<Self>>::start(self, Delta::from_nanos(left)) };
            }
            state.alarm = due;
        }
        result
    }

    /// A context of the host's comes to the engine of that mask, or has gone from it. It may be
    /// called with interrupts off.
    pub(crate) fn host_context(&self, mask: u32, direction: Direction) {
        self.with(|state, now| {
            let known = Engine::ALL.into_iter().find(|engine| {
                let desk = state.desk(*engine);
                desk.is_some_and(|desk| desk.mask & mask != 0)
            });
            let Some((engine, desk)) = known.and_then(|it| Some((it, state.desk(it)?))) else {
                return;
            };
            let before = desk.host;
            // What was on the engine before we listened only goes.
            desk.host = match direction {
                Direction::In => before.saturating_add(1),
                Direction::Out => before.saturating_sub(1),
            };
            let is_on = desk.host != 0;
            if is_on != (before != 0) {
                let order = state.roster.set_host(engine, is_on, now);
                state.follow(engine, order, None);
            }
        });
    }

    /// The host suspends, or has resumed: in between nobody gets an engine.
    pub(crate) fn set_asleep(&self, is_asleep: bool) {
        self.with(|state, now| {
            for engine in Engine::ALL {
                let order = state.roster.set_asleep(engine, is_asleep, now);
                state.follow(engine, order, None);
            }
        });
    }

    /// A submission of that number has ended. Takes no lock that waits for a client.
    pub(crate) fn submit_done(&self, number: u64, outcome: Outcome) {
        let Some(tag) = Tag::from_raw(number) else {
            return;
        };
        let (ending, traced) = match outcome {
            Outcome::Done => (Ending::Done, OUTCOME_DONE),
            Outcome::Hung => (Ending::Hung, OUTCOME_HUNG),
            Outcome::Cancelled => (Ending::Cancelled, OUTCOME_CANCELLED),
        };
        let Tag { id, engine, serial } = tag;
        c::trace_workload_end(id.number(), engine.name(), serial, traced);
        self.with(|state, now| {
            let Some(place) = state.place(id) else {
                return;
            };
            let Some(job) = place.job else {
                return;
            };
            if let Some(mail) = place.mail.get_mut(engine.index()) {
                *mail = Some((tag, outcome));
            }
            if let Some(desk) = state.desk(engine) {
                desk.kill = None;
            }
            let order = state.roster.ended(engine, ending, now);
            state.follow(engine, order, None);
            job.queue();
        });
        self.ended.notify_all();
    }

    /// Calls `kill` with each submission that is to be killed.
    pub(crate) fn kill(&self, mut kill: impl FnMut(Submitted)) {
        for engine in Engine::ALL {
            let late = self.with(|state, _| state.desk(engine)?.kill.take());
            // Without the lock: the host half takes locks of its own, and sleeps.
            if let Some(late) = late {
                kill(late);
            }
        }
    }
}

impl HrTimerCallback for Turns {
    type Pointer<'a> = Arc<Self>;

    fn run(this: ArcBorrow<'_, Self>, _: HrTimerCallbackContext<'_, Self>) -> HrTimerRestart {
        this.with(|state, now| {
            state.alarm = None;
            for engine in Engine::ALL {
                let due = state.desk(engine).and_then(|desk| desk.due);
                if due.is_some_and(|due| due <= now) {
                    let order = state.roster.tick(engine, now);
                    state.follow(engine, order, None);
                }
            }
        });
        // If there is a next time it was started for that.
        HrTimerRestart::NoRestart
    }
}

/// As long as this is there the roster's orders are followed.
pub(crate) struct Clock {
    /// Cancels the timer when it is dropped. Always there until then.
    timer: Option<ArcHrTimerHandle<Turns>>,
    turns: Arc<Turns>,
}

impl Drop for Clock {
    fn drop(&mut self) {
        // From then on the timer is not started.
        self.turns.state.lock().killer = None;
        drop(self.timer.take());
    }
}
