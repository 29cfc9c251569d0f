// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Random histories of contexts with small rings: each command is executed once, in its order.

use super::*;

const CONTEXTS: usize = 3;
/// Commands that a ring has room for.
const ROOM: u64 = 0x2000 / 8;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Writes so many commands to a context's ring, if there is room.
    Write(usize, u64),
    /// Submits a context, and maybe another one.
    Submit(usize, Option<usize>),
    Start,
    Complete,
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let context = || 0..CONTEXTS;
    prop_oneof![
        4 => (context(), 1..ROOM).prop_map(|(n, count)| Step::Write(n, count)),
        4 => (context(), prop::option::of(context())).prop_map(|(n, second)| Step::Submit(n, second)),
        4 => Just(Step::Start),
        4 => Just(Step::Complete),
        1 => Just(Step::Reset),
    ]
}

/// A context, counting commands since it was made.
#[derive(Clone, Copy, Default)]
struct Context {
    written: u64,
    executed: u64,
    /// RING_HEAD in its image.
    head: u32,
}

#[derive(Default)]
struct World {
    queue: Queue,
    contexts: [Context; CONTEXTS],
    /// What the host half has: the context, and where it is behind it.
    out: Option<(Ticket, usize, u64)>,
}

impl World {
    fn workload(&self, n: usize) -> Workload {
        let tail = (self.contexts[n].written % ROOM * 8) as u32;
        workload(n as u64, self.contexts[n].head, tail)
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Write(n, count) => {
                let context = &mut self.contexts[n];
                let used = context.written - context.executed;
                // A ring that is full looks empty.
                context.written += count.min(ROOM - 1 - used);
            }
            Step::Submit(n, second) => {
                let second = second.filter(|second| *second != n);
                let request = Request::Run {
                    first: self.workload(n),
                    second: second.map(|second| self.workload(second)),
                };
                // It may be full; the driver submits again some time.
                let _ = self.queue.submit(request);
            }
            Step::Start => self.start(),
            Step::Complete => self.complete(),
            Step::Reset => {
                let killed = self.queue.reset();
                assert_eq!(killed, self.out.map(|(ticket, ..)| ticket));
                // The host half has killed it before it began.
                if let Some(ticket) = killed {
                    assert_eq!(self.queue.complete(ticket, SAVED), None);
                    self.out = None;
                }
            }
        }
    }

    fn start(&mut self) {
        let Some((ticket, started)) = self.queue.start() else {
            return;
        };
        let n = started.descriptor().id().0 as usize;
        let mut at = self.contexts[n].executed;
        for piece in started.image().ring.commands() {
            for command in piece.step_by(8) {
                assert_eq!(u64::from(command), at % ROOM * 8, "lost or done twice");
                at += 1;
            }
        }
        assert!(at <= self.contexts[n].written, "never written");
        self.out = Some((ticket, n, at));
    }

    fn complete(&mut self) {
        let Some((ticket, n, at)) = self.out.take() else {
            return;
        };
        let done = self.queue.complete(ticket, SAVED).unwrap();
        let context = &mut self.contexts[n];
        context.executed = at;
        context.head = done.writes[0].value;
        assert_eq!(u64::from(context.head & 0x001f_ffff), at % ROOM * 8);
        assert_eq!(u64::from(context.head >> 21), at / ROOM % (1 << 11));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn queue_when_contexts_are_submitted_at_random_then_each_command_is_executed_once(
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut world = World::default();
        for step in steps {
            world.apply(step);
        }
        // At last the driver submits each of them, one by one.
        for _ in 0..5 {
            world.start();
            world.complete();
        }
        for n in 0..CONTEXTS {
            world.apply(Step::Submit(n, None));
            world.start();
            world.complete();
            prop_assert_eq!(world.contexts[n].executed, world.contexts[n].written);
        }
    }
}
