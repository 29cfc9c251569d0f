// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vGPU that contends for an engine.

use super::account::{Account, Weight};
use super::time::{Span, Time};
use super::Settings;

/// The most doublings of the time that an offender is held.
const MOST_DOUBLINGS: u32 = 32;

/// A vGPU, as an engine's schedule knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contender {
    pub(super) account: Account,
    /// Whether it has a workload that was not started.
    pub(super) is_ready: bool,
    /// When it last had the engine.
    pub(super) had_it: Time,
    /// It gets nothing until then.
    pub(super) held_until: Time,
    /// How often it offended without a good while in between.
    offences: u32,
    /// Whether it is gone but for a workload.
    pub(super) is_leaving: bool,
}

impl Contender {
    pub(super) fn new(weight: Weight) -> Self {
        Self {
            account: Account::new(weight),
            is_ready: false,
            had_it: Time::default(),
            held_until: Time::default(),
            offences: 0,
            is_leaving: false,
        }
    }

    /// From when on it wants the engine, if that is not before `time`; `None` if it does not.
    pub(super) fn wants_from(&self, time: Time) -> Option<Time> {
        let wants = self.is_ready && !self.is_leaving;
        wants.then_some(self.held_until.max(time))
    }

    /// Whether it can have the engine.
    pub(super) fn is_eligible(&self, now: Time) -> bool {
        self.wants_from(now) == Some(now)
    }

    /// Its workload hung: it is held, twice as long as the last time.
    pub(super) fn offend(&mut self, now: Time, settings: &Settings) {
        if now.since(self.held_until) >= settings.forgives_after {
            self.offences = 0;
        }
        let doublings = self.offences.min(MOST_DOUBLINGS);
        let held = settings.held.times(1_u64.wrapping_shl(doublings));
        self.held_until = now.after(held.min(settings.held_most));
        self.offences = self.offences.saturating_add(1);
    }

    /// How long it is held yet.
    pub(super) fn held(&self, now: Time) -> Span {
        self.held_until.since(now)
    }
}
