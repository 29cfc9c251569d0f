// SPDX-License-Identifier: GPL-2.0 OR MIT
//! An engine with guests and a host, on a clock of its own.

use super::*;
use crate::vgpu::kind::KINDS;
use proptest::prelude::*;

/// What a guest wants of the engine.
#[derive(Clone, Copy, Debug)]
enum Load {
    /// Nothing.
    Idle,
    /// One workload behind the other, each of a length between these, in microseconds.
    Busy(u64, u64),
    /// A workload of so many microseconds, so many microseconds after the last one was done.
    Pauses(u64, u64),
    /// Is busy with workloads of 5 ms until then, and hangs with each from then on.
    Hangs(Time),
}

struct Guest {
    load: Load,
    /// When the next workload is there, if none is.
    arrives: Option<Time>,
    /// Since when one is there that was not started.
    waits_since: Option<Time>,
    had: Span,
}

struct Simulation {
    schedule: Schedule,
    now: Time,
    guests: Vec<Guest>,
    /// What runs: who, since when, and how long yet; `None` is for ever.
    running: Option<(usize, Time, Option<Span>)>,
    /// Whether the host always wants the engine, and whether it is on it.
    host_wants: bool,
    host_is_on: bool,
    host_had: Span,
    random: u64,
    /// What was decided when.
    log: Vec<(Time, Action)>,
    /// The longest that anybody waited for the workload that runs.
    longest: Span,
}

impl Simulation {
    fn new(guests: &[(u32, Load)], host_wants: bool, seed: u64) -> Self {
        let mut schedule = Schedule::new(Settings::USUAL, Time(0));
        for (number, (of_vgpu, _)) in (1..).zip(guests) {
            schedule.add(id(number), weight(*of_vgpu)).unwrap();
        }
        let guests = guests.iter().map(|(_, load)| Guest {
            load: *load,
            arrives: (!matches!(load, Load::Idle)).then_some(Time(0)),
            waits_since: None,
            had: Span::ZERO,
        });
        let mut simulation = Self {
            schedule,
            now: Time(0),
            guests: guests.collect(),
            running: None,
            host_wants,
            host_is_on: false,
            host_had: Span::ZERO,
            random: seed | 1,
            log: Vec::new(),
            longest: Span::ZERO,
        };
        simulation.set_host(host_wants);
        simulation
    }

    fn set_host(&mut self, is_on: bool) {
        self.host_is_on = is_on;
        self.schedule.set_host(is_on, self.now);
    }

    /// A number between two, by a generator of Marsaglia's.
    fn between(&mut self, least: u64, most: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        least + self.random % (most - least + 1)
    }

    fn length(&mut self, n: usize) -> Option<Span> {
        let micros = match self.guests[n].load {
            Load::Idle => 0,
            Load::Busy(least, most) => self.between(least, most),
            Load::Pauses(length, _) => length,
            Load::Hangs(from) if self.now >= from => return None,
            Load::Hangs(_) => 5000,
        };
        Some(Span(micros * 1000))
    }

    fn run(&mut self, until: Time) {
        while self.now < until {
            self.arrivals();
            let decision = self.schedule.decide(self.now);
            if let Some(action) = decision.action {
                self.log.push((self.now, action));
                self.act(action);
                continue;
            }
            let waiting = self.guests.iter().enumerate().any(|(n, guest)| {
                let held = self.schedule.held(id(n as u32 + 1), self.now);
                guest.waits_since.is_some() && held == Span::ZERO
            });
            let idle = self.running.is_none() && !self.host_is_on;
            assert!(
                !(waiting && idle),
                "the engine is idle, and somebody wants it"
            );
            self.pass(decision.again, until);
        }
    }

    fn arrivals(&mut self) {
        let now = self.now;
        for (number, guest) in (1..).zip(&mut self.guests) {
            if guest.arrives.is_some_and(|time| time <= now) {
                guest.arrives = None;
                guest.waits_since = Some(now);
                self.schedule.set_ready(id(number), true, now);
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Run(vgpu) => {
                let n = vgpu.number() as usize - 1;
                assert!(self.running.is_none(), "the engine has an owner");
                self.set_host(false);
                self.guests[n].waits_since.take().expect("it wants nothing");
                let length = self.length(n);
                self.running = Some((n, self.now, length));
            }
            Action::Kill(vgpu) => {
                let (n, _, left) = self.running.unwrap();
                assert_eq!(n + 1, vgpu.number() as usize);
                assert_eq!(left, None, "it would have been done");
                self.end(Ending::Hung);
            }
        }
    }

    /// Time passes up to the next event.
    fn pass(&mut self, again: Option<Time>, until: Time) {
        let ends = self.running.and_then(|(_, _, left)| left);
        let arrivals = self.guests.iter().filter_map(|guest| guest.arrives);
        let next = arrivals
            .chain(again)
            .chain(ends.map(|left| self.now.after(left)))
            .min()
            .unwrap_or(until)
            .min(until);
        assert!(next > self.now, "time stands still");
        let passed = next.since(self.now);
        self.now = next;
        if self.host_is_on {
            self.host_had = self.host_had.plus(passed);
        }
        let Some((n, since, left)) = self.running else {
            return;
        };
        self.guests[n].had = self.guests[n].had.plus(passed);
        let waits = self.guests.iter().filter_map(|guest| guest.waits_since);
        if let Some(waited) = waits.map(|from| next.since(from.max(since))).max() {
            self.longest = self.longest.max(waited);
        }
        let left = left.map(|left| left.minus(passed));
        self.running = Some((n, since, left));
        if left == Some(Span::ZERO) {
            self.end(Ending::Done);
        }
    }

    fn end(&mut self, ending: Ending) {
        let (n, _, _) = self.running.take().unwrap();
        let now = self.now;
        let guest = &mut self.guests[n];
        let more = !matches!(guest.load, Load::Pauses(..));
        match guest.load {
            Load::Pauses(_, pause) => guest.arrives = Some(now.after(Span(pause * 1000))),
            _ => guest.waits_since = Some(now),
        }
        self.schedule.ended(ending, more, now);
        self.set_host(self.host_wants);
    }

    /// The parts of the engine's time that guests had, and the host, in thousandths.
    fn shares(&self) -> (Vec<u64>, u64) {
        let share = |had: Span| had.0 / (self.now.0 / 1000);
        let guests = self.guests.iter().map(|guest| share(guest.had));
        (guests.collect(), share(self.host_had))
    }
}

fn weight_of_a_type() -> impl Strategy<Value = u32> {
    (0..KINDS.len()).prop_map(|n| KINDS[n].weight)
}

fn busy_guest() -> impl Strategy<Value = (u32, Load)> {
    (weight_of_a_type(), 50..2000_u64, 0..20_000_u64)
        .prop_map(|(of_vgpu, least, more)| (of_vgpu, Load::Busy(least, least + more)))
}

/// Whether a share in thousandths is what a weight promises, within 10 %.
fn is_fair(share: u64, of_vgpu: u32, all: u32) -> bool {
    let promised = 1000 * u64::from(of_vgpu);
    let got = share * u64::from(all);
    got * 10 >= promised * 9 && got * 10 <= promised * 11 + 10 * u64::from(all)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn shares_when_all_are_busy_then_follow_the_weights(
        guests in prop::collection::vec(busy_guest(), 2..=7), seed in any::<u64>(),
    ) {
        let mut simulation = Simulation::new(&guests, false, seed);
        simulation.run(at(60_000));

        let all = guests.iter().map(|(of_vgpu, _)| of_vgpu).sum();
        let (shares, _) = simulation.shares();
        for ((of_vgpu, _), share) in guests.iter().zip(&shares) {
            prop_assert!(is_fair(*share, *of_vgpu, all), "{:?}: {:?}", guests, shares);
        }
    }

    #[test]
    fn shares_when_the_host_is_busy_too_then_it_is_never_starved(
        guests in prop::collection::vec(busy_guest(), 1..=7), seed in any::<u64>(),
    ) {
        let mut simulation = Simulation::new(&guests, true, seed);
        simulation.run(at(60_000));

        let all = guests.iter().map(|(of_vgpu, _)| of_vgpu).sum::<u32>() + 16;
        let (shares, host) = simulation.shares();
        prop_assert!(is_fair(host, 16, all), "{:?}: {:?}, host {}", guests, shares, host);
        for ((of_vgpu, _), share) in guests.iter().zip(&shares) {
            prop_assert!(is_fair(*share, *of_vgpu, all), "{:?}: {:?}", guests, shares);
        }
    }

    #[test]
    fn idle_vgpus_when_others_are_busy_then_cost_nothing(
        guests in prop::collection::vec(busy_guest(), 1..=3), idle in 1..=4_usize,
        seed in any::<u64>(),
    ) {
        let mut without = Simulation::new(&guests, false, seed);
        without.run(at(5000));
        let mut guests = guests;
        guests.resize(guests.len() + idle, (16, Load::Idle));
        let mut with = Simulation::new(&guests, false, seed);
        with.run(at(5000));

        prop_assert_eq!(without.log, with.log);
    }

    #[test]
    fn time_when_one_guest_wants_little_then_is_the_others(
        guest in busy_guest(), (length, pause) in (10..500_u64, 20_000..50_000_u64),
        seed in any::<u64>(),
    ) {
        let guests = [guest, (16, Load::Pauses(length, pause))];
        let mut simulation = Simulation::new(&guests, false, seed);
        simulation.run(at(10_000));

        // The engine is never idle, so what one does not want the other one has.
        let had: u64 = simulation.guests.iter().map(|guest| guest.had.0).sum();
        prop_assert_eq!(Time(had), simulation.now);
    }

    #[test]
    fn s_67_wait_when_a_guest_hangs_then_is_no_longer_than_the_deadline(
        guests in prop::collection::vec(busy_guest(), 1..=5), from in 0..2000_u64,
        hanging in 1..=2_usize, seed in any::<u64>(),
    ) {
        let mut guests = guests;
        guests.resize(guests.len() + hanging, (16, Load::Hangs(at(from))));
        let mut simulation = Simulation::new(&guests, false, seed);
        simulation.run(at(120_000));

        prop_assert!(simulation.longest <= Settings::USUAL.deadline);
        // Who hangs is held for 8 s in the end, so it does not have more than 1 s in 9.
        let hung = simulation.guests.iter().rev().take(hanging);
        for guest in hung {
            prop_assert!(guest.had.0 < 120_000 * MS * 15 / 100 + from * MS);
        }
    }
}
