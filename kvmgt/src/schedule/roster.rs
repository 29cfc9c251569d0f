// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The schedules of all engines of a GPU, and what became of each turn.
//!
//! A turn is *offered* to a vGPU, which *takes* it, submits a workload, and says that it has
//! *started*. A vGPU may be slow in all of that, since its VM's memory has a part in it; so a turn
//! that passes its deadline is taken away from whoever has not taken it, and is killed as soon as it
//! has started otherwise.
//!
//! From the word that the host suspends until its resume no turn is offered. One that was taken goes on, and the
//! host half may refuse what is submitted by then: the vGPU gives up, and gets another one.

use super::{Action, Ending, Schedule, Settings, Submitted, Tag, Time, Weight};
use crate::hardware::Engine;
use crate::vgpu::shares::{VgpuId, MAX_VGPUS};
use kernel::prelude::*;

/// What is to be done for an engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// A vGPU to be told that it is its turn.
    pub wake: Option<VgpuId>,
    /// What is to be killed. It may have ended when that is done: then nothing is.
    pub kill: Option<Submitted>,
    /// When [`Roster::tick`] is to be called, if nothing happens before. It takes the place of what
    /// was said last for that engine.
    pub again: Option<Time>,
}

/// How far a turn is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Offered,
    Taken,
    Started(Submitted),
}

/// A vGPU's turn on an engine.
#[derive(Clone, Copy, Debug)]
struct Turn {
    id: VgpuId,
    stage: Stage,
    /// It was to be killed.
    is_killed: bool,
    /// The host has suspended since it was taken.
    has_slept: bool,
}

/// An engine.
struct Desk {
    schedule: Schedule,
    turn: Option<Turn>,
    /// The vGPUs that said that they have something to do, a bit each.
    ready: u32,
}

/// The schedules of a GPU.
pub struct Roster(KVec<Desk>);

impl Roster {
    /// Nobody contends. Time begins at `now`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(settings: Settings, now: Time) -> Result<Self> {
        let mut desks = KVec::with_capacity(Engine::ALL.len(), GFP_KERNEL)?;
        for _ in Engine::ALL {
            desks.push(
                Desk {
                    schedule: Schedule::new(settings, now),
                    turn: None,
                    ready: 0,
                },
                GFP_KERNEL,
            )?;
        }
        Ok(Self(desks))
    }

    /// A vGPU contends for all engines.
    ///
    /// # Errors
    ///
    /// `EBUSY` it does already.
    pub fn join(&mut self, id: VgpuId, weight: Weight) -> Result {
        self.0
            .iter_mut()
            .try_for_each(|desk| desk.schedule.add(id, weight))
    }

    /// A vGPU does no more; of its own nothing runs. What is to be done for an engine is to be
    /// asked by [`tick`](Self::tick), for all of them.
    pub fn leave(&mut self, id: VgpuId, now: Time) {
        for desk in &mut self.0 {
            desk.ready &= !bit(id);
            desk.schedule.remove(id, now);
        }
    }

    /// A vGPU has a workload that can be started, or has none any more, besides what runs.
    pub fn set_ready(&mut self, engine: Engine, id: VgpuId, is_ready: bool, now: Time) -> Order {
        self.with(engine, now, |desk| {
            desk.ready = match is_ready {
                true => desk.ready | bit(id),
                false => desk.ready & !bit(id),
            };
            desk.schedule.set_ready(id, is_ready, now);
            let is_offered = |turn: &Turn| turn.id == id && turn.stage == Stage::Offered;
            if !is_ready && desk.turn.as_ref().is_some_and(is_offered) {
                desk.end(Ending::Cancelled, now);
            }
        })
    }

    /// A vGPU takes its turn. Says whether it has one to take.
    pub fn take(&mut self, engine: Engine, id: VgpuId) -> bool {
        let Some(turn) = self.desk(engine).and_then(|desk| desk.turn.as_mut()) else {
            return false;
        };
        let is_offered = turn.id == id && turn.stage == Stage::Offered;
        if is_offered {
            turn.stage = Stage::Taken;
        }
        is_offered
    }

    /// The vGPU that took the turn has submitted a workload to the host half. It may have
    /// [ended](Self::ended) by now, and the turn be somebody else's.
    pub fn started(&mut self, submitted: Submitted, now: Time) -> Order {
        let Tag { id, engine, .. } = submitted.tag;
        let mut kill = None;
        let order = self.with(engine, now, |desk| {
            let is_taken = |turn: &&mut Turn| turn.id == id && turn.stage == Stage::Taken;
            if let Some(turn) = desk.turn.as_mut().filter(is_taken) {
                kill = turn.is_killed.then_some(submitted);
                turn.stage = Stage::Started(submitted);
            }
        });
        Order {
            kill: order.kill.or(kill),
            ..order
        }
    }

    /// The turn is over: its workload has ended.
    pub fn ended(&mut self, engine: Engine, ending: Ending, now: Time) -> Order {
        self.with(engine, now, |desk| desk.end(ending, now))
    }

    /// The vGPU that took the turn has submitted nothing. Says whether the host has suspended since it took
    /// it: then the host half may have refused that for this reason.
    pub fn gave_up(&mut self, engine: Engine, now: Time) -> (Order, bool) {
        let mut has_slept = false;
        let order = self.with(engine, now, |desk| {
            has_slept = desk.turn.is_some_and(|turn| turn.has_slept);
            desk.end(Ending::Cancelled, now);
        });
        (order, has_slept)
    }

    /// The host suspends, or has resumed. In between nobody is offered a turn.
    pub fn set_asleep(&mut self, engine: Engine, is_asleep: bool, now: Time) -> Order {
        self.with(engine, now, |desk| {
            desk.schedule.set_asleep(is_asleep, now);
            match desk.turn.as_mut().filter(|_| is_asleep) {
                Some(turn) if turn.stage == Stage::Offered => desk.end(Ending::Cancelled, now),
                Some(turn) => turn.has_slept = true,
                None => {}
            }
        })
    }

    /// A context of the host's came to an engine, or the last one went.
    pub fn set_host(&mut self, engine: Engine, is_on: bool, now: Time) -> Order {
        self.with(engine, now, |desk| desk.schedule.set_host(is_on, now))
    }

    /// Time has passed.
    pub fn tick(&mut self, engine: Engine, now: Time) -> Order {
        self.with(engine, now, |_| ())
    }

    fn desk(&mut self, engine: Engine) -> Option<&mut Desk> {
        self.0.get_mut(engine.index())
    }

    fn with(&mut self, engine: Engine, now: Time, act: impl FnOnce(&mut Desk)) -> Order {
        let Some(desk) = self.desk(engine) else {
            return Order::default();
        };
        act(desk);
        desk.decide(now)
    }
}

impl Desk {
    fn decide(&mut self, now: Time) -> Order {
        // Each time round takes a turn away from somebody, who is held from the engine for that.
        for _ in 0..=MAX_VGPUS {
            let decision = self.schedule.decide(now);
            let mut order = Order {
                again: decision.again,
                ..Order::default()
            };
            match (decision.action, &mut self.turn) {
                (None, _) => {}
                (Some(Action::Run(id)), turn) => {
                    *turn = Some(Turn {
                        id,
                        stage: Stage::Offered,
                        is_killed: false,
                        has_slept: false,
                    });
                    order.wake = Some(id);
                }
                (Some(Action::Kill(_)), Some(turn)) => {
                    turn.is_killed = true;
                    match turn.stage {
                        Stage::Offered => {
                            self.end(Ending::Hung, now);
                            continue;
                        }
                        Stage::Taken => {}
                        Stage::Started(submitted) => order.kill = Some(submitted),
                    }
                }
                (Some(Action::Kill(_)), None) => {}
            }
            return order;
        }
        Order {
            again: Some(now),
            ..Order::default()
        }
    }

    fn end(&mut self, ending: Ending, now: Time) {
        if let Some(turn) = self.turn.take() {
            let more = self.ready & bit(turn.id) != 0;
            // The host half can't know for what reason we killed it.
            let ending = match ending {
                Ending::Cancelled if turn.is_killed => Ending::Hung,
                ending => ending,
            };
            self.schedule.ended(ending, more, now);
        }
    }
}

/// The bit of a vGPU.
fn bit(id: VgpuId) -> u32 {
    1_u32.wrapping_shl(id.number())
}

#[cfg(test)]
mod tests;
