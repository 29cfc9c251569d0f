// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Random histories, judged by a driver: it knows of the engine only what it submitted and what
//! the status page says, and finds out of it what became of its contexts, as i915 does.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const CONTEXTS: usize = 4;
/// Where the status page is.
const PAGE: u64 = 0x10_0000;
/// The driver marks entries that it has read.
const CONSUMED: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Submits a context with so much more in its ring, and maybe another one.
    Submit(usize, u32, Option<(usize, u32)>, bool),
    /// Submits nothing, to go idle.
    Idle,
    /// The host half takes work.
    Start,
    /// It is done.
    Complete,
    /// The guest resets the engine; then it may set the pointers to the last entry.
    Reset(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let context = || (0..CONTEXTS, 0..3_u32);
    prop_oneof![
        4 => (context(), prop::option::of(context()), any::<bool>())
            .prop_map(|((n, more), second, force)| Step::Submit(n, more, second, force)),
        1 => Just(Step::Idle),
        4 => Just(Step::Start),
        4 => Just(Step::Complete),
        1 => any::<bool>().prop_map(Step::Reset),
    ]
}

/// A context that the driver believes to be in a port: its number, and its tail.
type PortOf = (usize, u32);

/// The world around the engine: the guest's memory, its driver, and the host half.
#[derive(Default)]
struct World {
    engine: Execlist<Job>,
    registers: BTreeMap<MmioOffset, u32>,
    page: BTreeMap<Gma, u32>,
    /// What each context's image says, as the engine saved it.
    heads: [u32; CONTEXTS],
    /// What each context has executed.
    executed: [u32; CONTEXTS],
    active: Vec<PortOf>,
    pending: Option<Vec<PortOf>>,
    /// The entry that the driver read last.
    head: u32,
}

impl World {
    fn new() -> Self {
        let mut world = Self::default();
        world.reset(false);
        world
    }

    fn reset(&mut self, sets_pointers: bool) {
        self.engine.reset();
        let registers = Registers::of(Engine::Rcs);
        self.registers.extend(registers.after_reset());
        if sets_pointers {
            self.registers.insert(registers.pointer, 0x0505);
        }
        self.active.clear();
        self.pending = None;
        self.head = 5;
        // A driver takes up where it knows the contexts to be.
        self.heads = self.executed;
        self.page.insert(Gma(PAGE + 0x1f * 4), self.head);
        for dword in 0x10..0x1c {
            self.page.insert(Gma(PAGE + dword * 4), CONSUMED);
        }
    }

    fn job(&self, (n, more): (usize, u32), flags: u64) -> Job {
        job(n as u64, flags, self.heads[n], self.heads[n] + more)
    }

    fn submit(&mut self, request: Request<Job>) {
        let ports = match &request {
            Request::Idle => Vec::new(),
            Request::Run { first, second } => [Some(first), second.as_ref()]
                .into_iter()
                .flatten()
                .map(|job| (job.descriptor.id().0 as usize, job.to))
                .collect(),
        };
        let waits = self.pending.is_some();
        match self.engine.submit(request) {
            Err(_) => assert!(waits, "refused, and none waits"),
            Ok(events) if waits => {
                // A driver that does not wait hears of the restore behind its submission.
                let told: Vec<u32> = events.iter().map(|entry| entry.status.bits()).collect();
                assert_eq!(told, [LITE_RESTORE | PREEMPTED]);
                self.report(events);
                self.pending = Some(ports);
            }
            Ok(events) => {
                let idle = ports.is_empty() && self.active.is_empty();
                self.pending = (!idle).then_some(ports);
                self.report(events);
            }
        }
    }

    fn start(&mut self) {
        if let Some(job) = self.engine.start() {
            let executed = self.executed[job.descriptor.id().0 as usize];
            assert_eq!(job.from, executed, "work is lost or done twice");
        }
    }

    fn complete(&mut self) {
        let Some((job, events)) = self.engine.complete() else {
            return;
        };
        let n = job.descriptor.id().0 as usize;
        self.executed[n] = job.to;
        self.heads[n] = job.to;
        self.report(events);
    }

    fn report(&mut self, events: Events) {
        let pointer = Registers::of(Engine::Rcs).pointer;
        for entry in events.iter() {
            let written = entry.place(self.registers[&pointer]);
            self.registers.extend(written.registers(Engine::Rcs));
            self.page.extend(written.page(Gma(PAGE)));
        }
        self.interrupt();
    }

    /// What the driver does in its interrupt handler.
    fn interrupt(&mut self) {
        let tail = self.page[&Gma(PAGE + 0x1f * 4)];
        while self.head != tail {
            self.head = (self.head + 1) % 6;
            let low = Gma(PAGE + u64::from(0x10 + 2 * self.head) * 4);
            let high = Gma(low.0 + 4);
            let (status, context) = (self.page[&low], self.page[&high] as usize);
            assert_ne!(status, CONSUMED, "the entry is not written");
            let register = MmioOffset(0x2370 + 8 * self.head);
            assert_eq!(self.registers[&register], status);
            self.page.insert(low, CONSUMED);
            self.process(status, context);
        }
    }

    fn process(&mut self, status: u32, context: usize) {
        let current = self.active.first().copied();
        if status & (IDLE_TO_ACTIVE | PREEMPTED) != 0 {
            match status & IDLE_TO_ACTIVE {
                0 => assert_eq!(current.map(|(n, _)| n), Some(context)),
                _ => assert_eq!(current, None),
            }
            self.active = self.pending.take().expect("nothing was submitted");
            if status & LITE_RESTORE != 0 {
                assert_eq!(self.active[0].0, context);
            }
        } else {
            assert_ne!(status & COMPLETE, 0);
            let (n, tail) = current.expect("nothing was active");
            assert_eq!(n, context);
            assert!(self.executed[n] >= tail, "it is not complete");
            self.active.remove(0);
        }
        let (switch, idle) = (status & ELEMENT_SWITCH, status & ACTIVE_TO_IDLE);
        assert!(switch == 0 || !self.active.is_empty());
        assert!(idle == 0 || self.active.is_empty());
        // A request for idle that finds its contexts complete is taken without a word.
        if self.active.is_empty() && self.pending.as_ref().is_some_and(Vec::is_empty) {
            self.pending = None;
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Submit(n, more, second, force) => {
                let flags = if force { FORCE } else { FLAGS };
                let second = second.filter(|(other, _)| *other != n);
                self.submit(Request::Run {
                    first: self.job((n, more), flags),
                    second: second.map(|second| self.job(second, FLAGS)),
                });
            }
            Step::Idle => self.submit(Request::Idle),
            Step::Start => self.start(),
            Step::Complete => self.complete(),
            Step::Reset(sets_pointers) => {
                // What the host half has is cancelled, and executed or not.
                if let Some(job) = self.engine.started() {
                    self.executed[job.descriptor.id().0 as usize] = job.to;
                }
                self.reset(sets_pointers);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn driver_when_it_submits_and_resets_at_random_then_always_knows_what_runs(
        steps in prop::collection::vec(step(), 0..24),
    ) {
        let mut world = World::new();
        for step in steps {
            world.apply(step);
            let shown = world.engine.status()[1] as usize;
            let active = world.active.first().map_or(0, |(n, _)| *n);
            prop_assert_eq!(shown, active, "EXECLIST_STATUS names the context that runs");
        }
        // Two lists of two contexts each, and what goes on with a new tail.
        for _ in 0..5 {
            world.start();
            world.complete();
        }
        prop_assert!(world.active.is_empty() && world.pending.is_none());
        prop_assert_eq!(world.engine.status()[0] & 0x6_0018, 0, "no list is left");
    }
}
