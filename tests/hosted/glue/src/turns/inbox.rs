// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a vGPU has yet to be told.

use super::ENGINES;
use iface::client::Outcome;
use kvmgt_core::schedule::time::Time;
use kvmgt_core::schedule::Tag;

/// Tells a vGPU from others that have its name before or after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Life(u64);

/// The submissions that ended, one an engine, and whether or when the vGPU is to be woken.
#[derive(Default)]
pub(super) struct Inbox {
    ended: [Option<(Tag, Outcome)>; ENGINES],
    is_woken: bool,
    alarm: Option<Time>,
    life: Life,
    is_open: bool,
}

impl Inbox {
    /// There is something to do.
    pub(super) fn wake(&mut self) {
        self.is_woken = true;
    }

    /// Whether there was, since this was last asked; or time has come for something.
    pub(super) fn take_wake(&mut self, now: Time) -> bool {
        std::mem::take(&mut self.is_woken) || self.alarm.is_some_and(|alarm| alarm <= now)
    }

    /// When there will be something to do.
    pub(super) fn alarm(&self) -> Option<Time> {
        self.alarm
    }

    /// Sets that, whatever it was. Whether it is sooner now.
    pub(super) fn set_alarm(&mut self, alarm: Option<Time>) -> bool {
        let before = std::mem::replace(&mut self.alarm, alarm);
        alarm.is_some_and(|alarm| before.is_none_or(|before| alarm < before))
    }

    /// A submission has ended.
    ///
    /// # Panics
    ///
    /// If there is one of that engine: a vGPU submits to an engine when it knows of the last end.
    pub(super) fn put(&mut self, tag: Tag, outcome: Outcome) {
        let before = self.ended[tag.engine.index()].replace((tag, outcome));
        assert_eq!(before, None, "{tag:?} ended before another was told");
    }

    /// How that one ended, if it has. It is told then.
    pub(super) fn take(&mut self, tag: Tag) -> Option<Outcome> {
        let place = &mut self.ended[tag.engine.index()];
        let (_, outcome) = place.take_if(|(ended, _)| *ended == tag)?;
        Some(outcome)
    }

    /// Any one that has ended. It is told then.
    pub(super) fn take_any(&mut self) -> Option<(Tag, Outcome)> {
        self.ended.iter_mut().find_map(Option::take)
    }

    /// Another vGPU is there, and has nothing to do.
    pub(super) fn open(&mut self) -> Life {
        *self = Self {
            life: Life(self.life.0 + 1),
            is_open: true,
            ..Self::default()
        };
        self.life
    }

    /// The vGPU is gone.
    pub(super) fn close(&mut self) {
        self.is_open = false;
    }

    /// Whether that vGPU is there.
    pub(super) fn is_in(&self, life: Life) -> bool {
        self.is_open && self.life == life
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvmgt_core::hardware::Engine;
    use kvmgt_core::vgpu::shares::VgpuId;

    fn tag(engine: Engine, serial: u64) -> Tag {
        let id = VgpuId::all().next().unwrap();
        Tag { id, engine, serial }
    }

    #[test]
    fn take_when_that_one_ended_then_its_outcome_once() {
        let mut inbox = Inbox::default();
        let (first, other) = (tag(Engine::Rcs, 7), tag(Engine::Bcs, 7));
        inbox.put(first, Outcome::Hung);
        inbox.put(other, Outcome::Done);

        assert_eq!(inbox.take(first), Some(Outcome::Hung));
        assert_eq!(inbox.take(first), None);
        assert_eq!(inbox.take_any(), Some((other, Outcome::Done)));
        assert_eq!(inbox.take_any(), None);
    }

    #[test]
    fn take_when_another_ended_then_that_stays() {
        let mut inbox = Inbox::default();
        inbox.put(tag(Engine::Rcs, 7), Outcome::Done);

        assert_eq!(inbox.take(tag(Engine::Rcs, 8)), None);
        assert_eq!(inbox.take(tag(Engine::Bcs, 7)), None);
        assert_eq!(inbox.take(tag(Engine::Rcs, 7)), Some(Outcome::Done));
    }

    #[test]
    fn take_wake_when_woken_twice_then_once() {
        let mut inbox = Inbox::default();
        inbox.wake();
        inbox.wake();

        assert!(inbox.take_wake(Time(0)));
        assert!(!inbox.take_wake(Time(0)));
    }

    #[test]
    fn take_wake_when_the_alarm_is_due_then_until_another_is_set() {
        let mut inbox = Inbox::default();
        assert!(inbox.set_alarm(Some(Time(7))));

        assert!(!inbox.take_wake(Time(6)));
        assert!(inbox.take_wake(Time(7)) && inbox.take_wake(Time(8)));
        assert!(!inbox.set_alarm(Some(Time(9))));
        assert!(!inbox.take_wake(Time(8)));
        assert!(!inbox.set_alarm(None));
        assert!(!inbox.take_wake(Time(u64::MAX)));
    }

    #[test]
    fn set_alarm_when_it_is_sooner_then_says_so() {
        let mut inbox = Inbox::default();

        assert!(inbox.set_alarm(Some(Time(7))));
        assert!(!inbox.set_alarm(Some(Time(7))));
        assert!(inbox.set_alarm(Some(Time(6))));
        assert!(!inbox.set_alarm(Some(Time(8))));
    }

    #[test]
    fn open_when_name_was_used_before_then_that_life_is_over() {
        let mut inbox = Inbox::default();
        let before = inbox.open();
        inbox.wake();
        inbox.set_alarm(Some(Time(0)));
        inbox.close();
        assert!(!inbox.is_in(before));

        let life = inbox.open();

        assert!(inbox.is_in(life) && !inbox.is_in(before));
        assert!(!inbox.take_wake(Time(1)));
    }

    #[test]
    #[should_panic = "before another was told"]
    fn put_when_last_end_was_not_told_then_panics() {
        let mut inbox = Inbox::default();
        inbox.put(tag(Engine::Rcs, 7), Outcome::Done);
        inbox.put(tag(Engine::Rcs, 8), Outcome::Done);
    }
}
