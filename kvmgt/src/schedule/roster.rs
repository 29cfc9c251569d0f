// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The schedules of all engines of a GPU, and what became of each turn.
//!
//! A turn is *offered* to a vGPU, which *takes* it, submits a workload, and says that it has
//! *started*. A vGPU may be slow in all of that, since its VM's memory has a part in it; so a turn
//! that passes its deadline is taken away from whoever has not taken it, and is killed as soon as it
//! has started otherwise.

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

    /// The turn is over: its workload has ended, or there was none.
    pub fn ended(&mut self, engine: Engine, ending: Ending, now: Time) -> Order {
        self.with(engine, now, |desk| desk.end(ending, now))
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
mod tests {
    use super::*;
    use crate::schedule::time::Span;

    const ENGINE: Engine = Engine::Bcs;
    const NOW: Time = Time(0);

    fn ids() -> [VgpuId; 2] {
        let mut all = VgpuId::all();
        [all.next().unwrap(), all.next().unwrap()]
    }

    fn roster() -> Roster {
        let mut roster = Roster::new(Settings::USUAL, NOW).unwrap();
        for id in ids() {
            roster.join(id, Weight::MOST).unwrap();
        }
        roster
    }

    /// A submission of a vGPU's.
    fn first_of(id: VgpuId) -> Submitted {
        let (engine, serial) = (ENGINE, 1);
        Submitted {
            context: 7,
            tag: Tag { id, engine, serial },
        }
    }

    fn late() -> Time {
        NOW.after(Settings::USUAL.deadline)
    }

    #[test]
    fn a_turn_is_offered_taken_once_and_ends() {
        let mut roster = roster();
        let [first, second] = ids();

        assert_eq!(roster.set_ready(ENGINE, first, true, NOW).wake, Some(first));
        assert!(!roster.take(ENGINE, second) && !roster.take(Engine::Rcs, first));
        assert!(roster.take(ENGINE, first) && !roster.take(ENGINE, first));
        roster.started(first_of(first), NOW);
        roster.set_ready(ENGINE, first, false, NOW);
        roster.set_ready(ENGINE, second, true, NOW);
        assert_eq!(roster.ended(ENGINE, Ending::Done, NOW).wake, Some(second));
    }

    #[test]
    fn a_turn_that_nobody_takes_in_time_goes_to_the_next() {
        let mut roster = roster();
        let [first, second] = ids();
        roster.set_ready(ENGINE, first, true, NOW);
        let order = roster.set_ready(ENGINE, second, true, NOW);
        assert_eq!(order.again, Some(late()));

        assert_eq!(roster.tick(ENGINE, late()).wake, Some(second));
        assert!(!roster.take(ENGINE, first) && roster.take(ENGINE, second));
    }

    #[test]
    fn a_turn_that_is_late_is_killed_as_soon_as_it_has_started() {
        let mut roster = roster();
        let [first, second] = ids();
        roster.set_ready(ENGINE, first, true, NOW);
        assert!(roster.take(ENGINE, first));
        roster.set_ready(ENGINE, second, true, NOW);
        assert_eq!(roster.tick(ENGINE, late()).kill, None);

        assert_eq!(
            roster.started(first_of(first), late()).kill,
            Some(first_of(first))
        );

        let order = roster.ended(ENGINE, Ending::Hung, late());
        assert_eq!(order.wake, Some(second));
    }

    #[test]
    fn a_started_turn_that_is_late_is_killed() {
        let mut roster = roster();
        let [first, second] = ids();
        roster.set_ready(ENGINE, first, true, NOW);
        assert!(roster.take(ENGINE, first));
        roster.started(first_of(first), NOW);
        roster.set_ready(ENGINE, second, true, NOW);

        let soon = Time(late().0 - 1);
        assert_eq!(roster.tick(ENGINE, soon).kill, None);
        let kill = roster.tick(ENGINE, late()).kill;
        assert_eq!(kill, Some(first_of(first)));
    }

    #[test]
    fn a_turn_that_was_killed_at_its_deadline_is_an_offence() {
        let mut roster = roster();
        let [first, second] = ids();
        roster.set_ready(ENGINE, first, true, NOW);
        assert!(roster.take(ENGINE, first));
        roster.started(first_of(first), NOW);
        roster.set_ready(ENGINE, second, true, NOW);
        roster.tick(ENGINE, late());

        roster.ended(ENGINE, Ending::Cancelled, late());
        roster.set_ready(ENGINE, second, false, late());

        let held = late().after(Settings::USUAL.held);
        let order = roster.tick(ENGINE, Time(held.0 - 1));
        assert_eq!((order.wake, order.again), (None, Some(held)));
        assert_eq!(roster.tick(ENGINE, held).wake, Some(first));
    }

    #[test]
    fn who_starts_what_has_ended_leaves_the_turn_of_another_alone() {
        let mut roster = roster();
        let [first, second] = ids();
        roster.set_ready(ENGINE, first, true, NOW);
        assert!(roster.take(ENGINE, first));
        roster.set_ready(ENGINE, first, false, NOW);
        roster.set_ready(ENGINE, second, true, NOW);
        roster.ended(ENGINE, Ending::Done, NOW);

        roster.started(first_of(first), NOW);

        assert!(roster.take(ENGINE, second));
    }

    #[test]
    fn a_turn_that_was_offered_is_withdrawn_with_the_work() {
        let mut roster = roster();
        let [first, _] = ids();
        roster.set_ready(ENGINE, first, true, NOW);
        roster.set_ready(ENGINE, first, false, NOW);

        assert!(!roster.take(ENGINE, first));
        let order = roster.set_ready(ENGINE, first, true, NOW.after(Span::from_millis(1)));
        assert_eq!(order.wake, Some(first));
    }

    #[test]
    fn who_leaves_is_offered_nothing_and_can_join_again() {
        let mut roster = roster();
        let [first, second] = ids();
        roster.set_ready(ENGINE, first, true, NOW);
        roster.set_ready(ENGINE, second, true, NOW);

        roster.leave(first, NOW);

        assert_eq!(roster.tick(ENGINE, NOW).wake, Some(second));
        assert!(!roster.take(ENGINE, first));
        assert_eq!(roster.join(first, Weight::MOST), Ok(()));
    }
}
