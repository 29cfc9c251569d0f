// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Virtual time.

use std::collections::BTreeMap;
use std::ops::Add;
use std::ops::AddAssign;
use std::time::Instant;

use crate::engine::ContextKey;

/// Virtual nanoseconds since power-on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

/// Cycles of the GT clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cycles(pub u64);

/// GT clock cycles in a virtual microsecond: a GT that always runs at 1 GHz.
pub const CYCLES_PER_MICROSECOND: u64 = 1000;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

impl Nanos {
    /// This time as ticks of a counter that runs at `hz`.
    pub fn ticks(self, hz: u64) -> u64 {
        (u128::from(self.0) * u128::from(hz) / NANOS_PER_SECOND) as u64
    }

    /// The time from `earlier` to this; 0 if it is later.
    pub fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

impl Add for Nanos {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Nanos {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl AddAssign for Cycles {
    fn add_assign(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }
}

impl Cycles {
    /// How long that many cycles take.
    pub const fn nanos(self) -> Nanos {
        Nanos(self.0.saturating_mul(1000) / CYCLES_PER_MICROSECOND)
    }
}

impl From<Nanos> for Cycles {
    fn from(time: Nanos) -> Self {
        Self(time.0.saturating_mul(CYCLES_PER_MICROSECOND) / 1000)
    }
}

/// Who moves the clock while no engine executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drive {
    /// The monotonic clock, last looked at then.
    Monotonic(Instant),
    /// Only [`Clock::advance`].
    Manual,
}

/// The clock of a GPU.
///
/// Executed commands advance it by their cost. While engines are idle or wait it follows the
/// machine's monotonic clock, so that a guest's own timers agree with it. A test may take it over
/// with [`Clock::drive_manually`]; then only commands and [`Clock::advance`] move it.
/// It never goes back.
#[derive(Debug)]
pub struct Clock {
    now: Nanos,
    drive: Drive,
    /// How far the engine in execution is ahead of `now`.
    ahead: Nanos,
    /// The longest that an engine took in this slice.
    longest: Nanos,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            now: Nanos(0),
            drive: Drive::Monotonic(Instant::now()),
            ahead: Nanos(0),
            longest: Nanos(0),
        }
    }
}

impl Clock {
    /// Virtual time now; inside of a slice that of the engine in execution.
    pub fn now(&self) -> Nanos {
        self.now + self.ahead
    }

    /// Begins the part of a slice that belongs to the next engine, at the slice's start.
    pub fn begin_engine(&mut self) {
        self.longest = self.longest.max(self.ahead);
        self.ahead = Nanos(0);
    }

    /// Lets the engine in execution spend `cycles`.
    pub fn spend(&mut self, cycles: Cycles) {
        self.ahead += cycles.nanos();
    }

    /// Ends a slice: the longest engine's time has passed, and is returned.
    pub fn end_slice(&mut self) -> Nanos {
        self.begin_engine();
        let passed = std::mem::take(&mut self.longest);
        self.now += passed;
        passed
    }

    /// Lets `time` pass.
    pub fn advance(&mut self, time: Nanos) {
        self.now += time;
    }

    /// From now on the monotonic clock has no influence.
    pub fn drive_manually(&mut self) {
        self.drive = Drive::Manual;
    }

    /// Catches up with the monotonic clock. `executing` tells that commands ran since the last
    /// call: their own cost has passed already, so that stretch of real time does not count.
    pub fn follow(&mut self, executing: bool) {
        if let Drive::Monotonic(last) = &mut self.drive {
            let now = Instant::now();
            let passed = now.saturating_duration_since(*last);
            *last = now;
            if !executing {
                self.now += Nanos(u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX));
            }
        }
    }
}

/// Cycles that each context spent on its engine, for a bounded number of contexts.
#[derive(Debug, Default)]
pub struct BusyCounters {
    counters: BTreeMap<ContextKey, Cycles>,
}

/// Contexts that are counted; more than that and the lowest address makes room.
const COUNTED_CONTEXTS: usize = 4096;

impl BusyCounters {
    /// Charges `cycles` to a context.
    pub fn add(&mut self, context: ContextKey, cycles: Cycles) {
        if !self.counters.contains_key(&context) && self.counters.len() >= COUNTED_CONTEXTS {
            self.counters.pop_first();
        }
        *self.counters.entry(context).or_default() += cycles;
    }

    /// What a context spent so far.
    pub fn of(&self, context: ContextKey) -> Cycles {
        self.counters.get(&context).copied().unwrap_or_default()
    }

    /// All contexts that are counted.
    pub fn iter(&self) -> impl Iterator<Item = (ContextKey, Cycles)> + '_ {
        self.counters
            .iter()
            .map(|(context, cycles)| (*context, *cycles))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follow_when_driven_manually_then_only_advance_moves() {
        let mut clock = Clock::default();
        clock.drive_manually();

        clock.follow(false);
        clock.advance(Nanos(7));

        assert_eq!(clock.now(), Nanos(7));
    }

    #[test]
    fn follow_when_executing_then_real_time_does_not_count() {
        let mut clock = Clock::default();
        std::thread::sleep(std::time::Duration::from_millis(2));

        clock.follow(true);
        let busy = clock.now();
        std::thread::sleep(std::time::Duration::from_millis(2));
        clock.follow(false);

        assert_eq!(busy, Nanos(0));
        assert!(clock.now() >= Nanos(2_000_000));
    }

    #[test]
    fn slice_when_two_engines_run_then_the_longer_counts() {
        let mut clock = Clock::default();
        clock.drive_manually();

        clock.begin_engine();
        clock.spend(Cycles(5000));
        clock.begin_engine();
        clock.spend(Cycles(2000));

        assert_eq!(clock.now(), Nanos(2000));
        assert_eq!(clock.end_slice(), Nanos(5000));
        assert_eq!(clock.now(), Nanos(5000));
    }

    #[test]
    fn ticks_when_twelve_megahertz_then_83_nanoseconds_each() {
        assert_eq!(Nanos(1_000_000_000).ticks(12_000_000), 12_000_000);
        assert_eq!(Nanos(1000).ticks(12_000_000), 12);
    }
}
