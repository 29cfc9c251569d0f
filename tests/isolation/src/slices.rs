// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Whose turn it is by kvmgt's own schedules, on the GPU's virtual clock.
//!
//! All of it happens in one thread: events are looked at when somebody asks.

use crate::turns::Ends;
use hosted_glue::card::{engine_mask, Card};
use hosted_glue::client::{Event, Recorder};
use hosted_glue::machine::Machine;
use iface::client::{Direction, Outcome};
use kernel::error::Result;
use kvmgt_core::hardware::Engine;
use kvmgt_core::schedule::time::Time;
use kvmgt_core::schedule::{self, Ending, Order, Roster, Settings, Submitted, Tag, Weight};
use kvmgt_core::vgpu::shares::VgpuId;
use std::cell::{RefCell, RefMut};

use crate::guest::ENGINES;
use crate::host::engine_id;

struct State {
    roster: Roster,
    /// When the schedule of an engine is to be asked again.
    again: [Option<Time>; Engine::ALL.len()],
    /// Contexts of the host's on an engine.
    hosts: [usize; Engine::ALL.len()],
    ended: Vec<(Tag, Outcome)>,
    kills: Vec<Submitted>,
}

/// The schedules of a GPU.
pub struct Slices<'a> {
    card: &'a Card,
    machine: &'a Machine,
    events: &'a Recorder,
    state: RefCell<State>,
}

impl<'a> Slices<'a> {
    /// Those of a GPU whose events are recorded, and whose clock the test drives from now on.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(card: &'a Card, machine: &'a Machine, events: &'a Recorder) -> Result<Self> {
        machine.gpu().uncore_mut().clock.drive_manually();
        Ok(Self {
            card,
            machine,
            events,
            state: RefCell::new(State {
                roster: Roster::new(Settings::USUAL, now(machine))?,
                again: [None; Engine::ALL.len()],
                hosts: [0; Engine::ALL.len()],
                ended: Vec::new(),
                kills: Vec::new(),
            }),
        })
    }

    /// Virtual time.
    pub fn now(&self) -> Time {
        now(self.machine)
    }

    /// When a schedule is to be asked again, at the latest.
    pub fn next(&self) -> Option<Time> {
        self.state().again.iter().flatten().min().copied()
    }

    /// Asks the schedules for which it is time, and gives what is to be killed.
    pub fn tick(&self) -> Vec<Submitted> {
        let now = self.now();
        let mut state = self.state();
        for engine in Engine::ALL {
            if state.again[engine.index()].is_some_and(|at| at <= now) {
                let order = state.roster.tick(engine, now);
                state.follow(engine, order);
            }
        }
        std::mem::take(&mut state.kills)
    }

    /// All that is known by now.
    fn state(&self) -> RefMut<'_, State> {
        let mut state = self.state.borrow_mut();
        let now = self.now();
        for event in self.events.take() {
            state.hear(event, now);
        }
        state
    }

    fn ask(&self, engine: Engine, question: impl FnOnce(&mut Roster, Time) -> Order) {
        let now = self.now();
        let mut state = self.state();
        let order = question(&mut state.roster, now);
        state.follow(engine, order);
    }
}

impl State {
    fn hear(&mut self, event: Event, now: Time) {
        match event {
            Event::HostContext(mask, direction) => {
                let known = ENGINES
                    .into_iter()
                    .find(|engine| engine_mask(engine_id(*engine)) == mask);
                let Some(engine) = known else { return };
                let count = &mut self.hosts[engine.index()];
                *count = match direction {
                    Direction::In => *count + 1,
                    // It may have come before anybody listened.
                    Direction::Out => count.saturating_sub(1),
                };
                let is_on = *count != 0;
                let order = self.roster.set_host(engine, is_on, now);
                self.follow(engine, order);
            }
            Event::Done(_, tag, outcome) => {
                let Some(tag) = Tag::from_raw(tag) else {
                    return;
                };
                let ending = match outcome {
                    Outcome::Done => Ending::Done,
                    Outcome::Hung => Ending::Hung,
                    Outcome::Cancelled => Ending::Cancelled,
                };
                let order = self.roster.ended(tag.engine, ending, now);
                self.follow(tag.engine, order);
                self.ended.push((tag, outcome));
            }
            Event::Suspend => self.set_asleep(true, now),
            Event::Resume => self.set_asleep(false, now),
        }
    }

    fn set_asleep(&mut self, is_asleep: bool, now: Time) {
        for engine in Engine::ALL {
            let order = self.roster.set_asleep(engine, is_asleep, now);
            self.follow(engine, order);
        }
    }

    /// Whoever's turn it becomes finds that when it is asked to go on.
    fn follow(&mut self, engine: Engine, order: Order) {
        self.again[engine.index()] = order.again;
        self.kills.extend(order.kill);
    }

    fn take(&mut self, wanted: impl Fn(Tag) -> bool) -> Option<(Tag, Outcome)> {
        let place = self.ended.iter().position(|(tag, _)| wanted(*tag))?;
        Some(self.ended.remove(place))
    }
}

fn now(machine: &Machine) -> Time {
    Time(machine.gpu().uncore().clock.now().0)
}

impl Ends for Slices<'_> {
    fn turns(&self) -> &dyn schedule::Turns {
        self
    }

    fn take_ended(&self, id: VgpuId) -> Option<(Tag, Outcome)> {
        self.state().take(|tag| tag.id == id)
    }
}

impl schedule::Turns for Slices<'_> {
    fn join(&self, id: VgpuId, weight: Weight) -> Result {
        self.state().roster.join(id, weight)
    }

    fn leave(&self, id: VgpuId) {
        let now = self.now();
        self.state().roster.leave(id, now);
        for engine in Engine::ALL {
            self.ask(engine, |roster, now| roster.tick(engine, now));
        }
    }

    fn ready(&self, engine: Engine, id: VgpuId, is_ready: bool) {
        self.ask(engine, |roster, now| {
            roster.set_ready(engine, id, is_ready, now)
        });
    }

    fn take(&self, engine: Engine, id: VgpuId) -> bool {
        self.state().roster.take(engine, id)
    }

    fn started(&self, submitted: Submitted) {
        self.ask(submitted.tag.engine, |roster, now| {
            roster.started(submitted, now)
        });
    }

    fn gave_up(&self, engine: Engine) -> bool {
        let mut has_slept = false;
        self.ask(engine, |roster, now| {
            let (order, slept) = roster.gave_up(engine, now);
            has_slept = slept;
            order
        });
        has_slept
    }

    fn await_end(&self, wanted: Tag) -> Outcome {
        // It was killed, so nothing of it is executed any more.
        self.card.run_engines();
        let ended = self.state().take(|tag| tag == wanted);
        ended.map_or(Outcome::Cancelled, |(_, outcome)| outcome)
    }
}
