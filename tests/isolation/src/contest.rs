// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A host client and two guests on each engine, each with values of its own in every register that
//! is switched, and in every entry of MOCS: each stores them all in a loop, and finds its own.
//!
//! Time is the GPU's virtual clock. kvmgt's own schedules say whose turn it is, the host's client
//! is interrupted by the end of its time slices, and guests interrupt themselves by other contexts.
//! A run stores the registers, waits for some milliseconds, in which others may get the engine if
//! it is not a guest's, and stores them again. Everything is made of one seed.

use crate::arena::{self, Arena, Verdict};
use crate::guest::ENGINES;
use crate::slices::Slices;
use gen9_gpu::clock::Nanos;
use gen9_gpu::Activity;
use host::HostClient;
use hosted_glue::bed::Bed;
use kvmgt_core::host::Host;
use kvmgt_core::schedule::time::{Span, Time};
use lane::Lane;

mod host;
mod lane;
#[cfg(feature = "mutants")]
pub mod left_out;
pub mod registers;
mod script;

/// Whose values are the host's; those of guests follow.
const HOST: u32 = 1;
/// The GPU.
const GPU: &str = "kbl,display=off";
/// Milliseconds that a run waits: at least, and so many more at most.
const DWELL: u32 = 2;
const DWELL_MORE: u32 = 18;
/// How long nothing may happen.
const STUCK: u32 = 10_000;
/// How often the judge looks: each so manieth time round.
const LOOKS: u64 = 256;

/// What a lane did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It has something out.
    Waits,
    /// Something came back, or went out.
    Moved,
    /// It has nothing out and wants nothing.
    Idle,
}

/// Numbers that look random.
pub struct Dice(u64);

impl Dice {
    /// A number less than `bound`.
    pub fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 32) % u64::from(bound)) as u32
    }

    fn dwell(&mut self) -> Span {
        Span::from_millis(u64::from(DWELL + self.below(DWELL_MORE)))
    }
}

/// What came of a contest.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What is wrong.
    pub verdict: Verdict,
    /// Virtual time that it took.
    pub time: Span,
    /// Runs of the host's client that were checked, of each engine.
    pub host_runs: Vec<u64>,
    /// Runs of guests, of each engine and guest.
    pub guest_runs: Vec<u64>,
    /// How often the host's clients were interrupted for somebody else.
    pub interrupted: u64,
    /// How many runs of guests came back before they had begun.
    pub preempted: u64,
}

/// Lets all sides store their registers for so long, or until something is wrong.
///
/// # Panics
///
/// If nothing happens any more.
pub fn run(time: Span, seed: u64) -> Outcome {
    let bed = Bed::new(GPU);
    let platform = bed.machine().platform();
    // What i915 has programmed, before anybody looks.
    let contested = ENGINES
        .into_iter()
        .flat_map(|engine| registers::contested(platform, engine));
    let values: Vec<_> = contested
        .map(|register| (register.offset, register.written(register.value(HOST, 0))))
        .collect();
    let program = || {
        values
            .iter()
            .for_each(|(offset, value)| bed.machine().write(*offset, *value))
    };
    program();
    let kvmgt = bed.attach();
    let slices = Slices::new(bed.card(), bed.machine(), kvmgt.events()).expect("there is memory");
    let mut outcome = Outcome::default();
    let verdict = arena::play(&bed, &kvmgt, &slices, |arena| {
        let mut contest = Contest::new(arena, &slices, seed);
        contest.play(time);
        contest.close(&mut outcome);
        // As it was when the judge came.
        program();
    });
    outcome.verdict = verdict;
    outcome
}

struct Contest<'a, 'b> {
    arena: &'a mut Arena<'b>,
    slices: &'a Slices<'a>,
    dice: Dice,
    hosts: Vec<HostClient<'b>>,
    lanes: Vec<Lane>,
    begun: Time,
}

impl<'a, 'b> Contest<'a, 'b> {
    fn new(arena: &'a mut Arena<'b>, slices: &'a Slices<'a>, seed: u64) -> Self {
        let platform = arena.machine().platform();
        let hosts = ENGINES.map(|engine| HostClient::new(arena, platform, engine));
        let lanes = (0..arena.guests.len()).flat_map(|guest| ENGINES.map(|engine| (guest, engine)));
        let sides = lanes.map(|(guest, engine)| (guest, HOST + 1 + guest as u32, engine));
        let lanes = sides
            .collect::<Vec<_>>()
            .into_iter()
            .map(|(guest, side, engine)| {
                Lane::new(&mut arena.guests, guest, side, engine, platform)
            })
            .collect();
        Self {
            hosts: Vec::from(hosts),
            lanes,
            arena,
            slices,
            dice: Dice(seed | 1),
            begun: slices.now(),
        }
    }

    /// Until it is time, and then until nobody has anything out.
    fn play(&mut self, time: Span) {
        let end = self.begun.after(time);
        let mut quiet = 0;
        for round in 0_u64.. {
            let goes_on = self.slices.now() < end;
            let activity = self.arena.card().run_slice();
            for late in self.slices.tick() {
                // It may have ended by now.
                let host = self.arena.kvmgt().host();
                let _ = Host::ctx_kill(host, late.context, late.tag.raw());
            }
            let moved = match self.step(goes_on) {
                Err(why) => return self.arena.judge.object(why),
                Ok(Progress::Idle) if !goes_on => return,
                Ok(progress) => progress == Progress::Moved,
            };
            if round % LOOKS == 0 {
                self.arena.judge.look(&self.arena.guests);
            }
            quiet = if moved || activity == Activity::Busy {
                0
            } else {
                quiet + 1
            };
            assert!(
                quiet < STUCK,
                "nobody goes on any more: {:?}",
                self.complaints()
            );
            if quiet != 0 {
                self.let_time_pass();
            }
        }
    }

    /// All sides look what has become of what they have out.
    fn step(&mut self, goes_on: bool) -> Result<Progress, String> {
        let now = self.slices.now();
        let mut any = Progress::Idle;
        let note = |any: &mut Progress, progress| match (progress, *any) {
            (Progress::Moved, _) => *any = Progress::Moved,
            (Progress::Waits, Progress::Idle) => *any = Progress::Waits,
            _ => {}
        };
        for host in &mut self.hosts {
            let progress = host.step(&mut self.dice, now, goes_on)?;
            note(&mut any, progress);
        }
        for guest in &mut self.arena.guests {
            if guest.work() {
                any = Progress::Moved;
            }
        }
        for lane in &mut self.lanes {
            let progress = lane.step(&mut self.arena.guests, &mut self.dice, now, goes_on)?;
            note(&mut any, progress);
        }
        Ok(any)
    }

    /// Goes to the next moment at which something happens, and lets it.
    fn let_time_pass(&mut self) {
        let guests = &self.arena.guests;
        let hosts = self.hosts.iter().filter_map(HostClient::next);
        let lanes = self.lanes.iter().filter_map(|lane| lane.next(guests));
        let next = hosts.chain(lanes).chain(self.slices.next()).min();
        let now = self.slices.now();
        let span = next.map_or(Span::from_millis(1), |at| at.since(now));
        let mut gpu = self.arena.machine().gpu();
        gpu.uncore_mut().clock.advance(Nanos(span.0));
        drop(gpu);
        let now = self.slices.now();
        for host in &mut self.hosts {
            host.on_time(now);
        }
        for lane in &mut self.lanes {
            lane.on_time(&self.arena.guests, now);
        }
    }

    fn complaints(&mut self) -> Vec<String> {
        let guests = self.arena.guests.iter_mut();
        guests.flat_map(|guest| guest.complaints()).collect()
    }

    fn close(mut self, outcome: &mut Outcome) {
        outcome.time = self.slices.now().since(self.begun);
        outcome.host_runs = self.hosts.iter().map(|host| host.runs).collect();
        outcome.guest_runs = self.lanes.iter().map(|lane| lane.checked).collect();
        outcome.interrupted = self.hosts.iter().map(|host| host.interrupted).sum();
        outcome.preempted = self.lanes.iter().map(|lane| lane.preempted).sum();
        let complaints = self.complaints();
        if !complaints.is_empty() {
            self.arena.judge.object(format!("{complaints:?}"));
        }
        self.arena.judge.look(&self.arena.guests);
        self.hosts.into_iter().for_each(HostClient::close);
    }
}
