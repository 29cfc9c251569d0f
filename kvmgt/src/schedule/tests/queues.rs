// SPDX-License-Identifier: GPL-2.0 OR MIT
//! An engine's schedule with the queues of two guests, from the submit port to context status.

use super::*;
use crate::execlist::{Addressing, Request, Status};
use crate::gtt::ranges::Ranges;
use crate::workload::image::{Image, RawImage, DWORDS};
use crate::workload::queue::{Queue, Ticket};
use crate::workload::{Done, Saved, Workload};

/// Where the range of guest `n` begins; it is 1 MiB.
fn base(n: u32) -> u64 {
    u64::from(n) << 20
}

#[derive(Default)]
struct Guest {
    queue: Queue,
    /// RING_TAIL and RING_HEAD in the image of its context.
    tail: u32,
    head: u32,
}

struct Engine {
    schedule: Schedule,
    guests: [Guest; 2],
    /// What the host half has.
    out: Option<(u32, Ticket)>,
}

impl Engine {
    fn new() -> Self {
        let mut schedule = Schedule::new(Settings::USUAL, Time(0));
        for number in [1, 2] {
            schedule.add(id(number), weight(4)).unwrap();
        }
        Self {
            schedule,
            guests: Default::default(),
            out: None,
        }
    }

    fn guest(&mut self, number: u32) -> &mut Guest {
        &mut self.guests[number as usize - 1]
    }

    /// A guest adds a command to its ring, and submits its context; says what it is told at once.
    fn submit(&mut self, number: u32, now: Time) -> Vec<Status> {
        let guest = self.guest(number);
        guest.tail += 8;
        let mut dwords = [0; DWORDS];
        dwords[0x05] = guest.head;
        dwords[0x07] = guest.tail;
        dwords[0x09] = base(number) as u32 + 0x8000;
        dwords[0x0b] = 1;
        let descriptor = base(number) as u32 | 0x119;
        let writes = [0, 0, number, descriptor].map(|dword| guest.queue.write_port(dword));
        let ranges = Ranges {
            aperture: base(number)..base(number + 1),
            high: 0..0,
        };
        let request = Request::check(writes[3].unwrap(), &ranges, 0x2000).unwrap();
        let request = request.try_map(|descriptor| {
            let image = Image::try_from(RawImage {
                dwords: &dwords,
                addressing: Addressing::FourLevel,
                has_batches: true,
                ranges: &ranges,
            })?;
            Ok::<_, crate::workload::image::Rule>(Workload::new(descriptor, image))
        });
        let events = guest.queue.submit(request.unwrap()).unwrap();
        self.update(number, now);
        events.iter().map(|entry| entry.status).collect()
    }

    fn update(&mut self, number: u32, now: Time) {
        let is_ready = self.guest(number).queue.next().is_some();
        self.schedule.set_ready(id(number), is_ready, now);
    }

    fn decide(&mut self, now: Time) -> Decision {
        let decision = self.schedule.decide(now);
        if let Some(Action::Run(vgpu)) = decision.action {
            let (ticket, _) = self.guest(vgpu.number()).queue.start().unwrap();
            self.out = Some((vgpu.number(), ticket));
        }
        decision
    }

    /// The host half has executed what it has.
    fn complete(&mut self, now: Time) -> Option<Done> {
        let (number, ticket) = self.out.take().unwrap();
        let saved = Saved {
            context_control: 0,
            timestamp: 0,
        };
        let guest = self.guest(number);
        let done = guest.queue.complete(ticket, saved);
        guest.head = done.map_or(guest.head, |done| done.writes[0].value);
        self.end(number, Ending::Done, now);
        done
    }

    fn end(&mut self, number: u32, ending: Ending, now: Time) {
        let more = self.guest(number).queue.next().is_some();
        self.schedule.ended(ending, more, now);
    }
}

#[test]
fn guests_when_both_submit_then_take_turns_and_learn_of_their_own_contexts() {
    let mut engine = Engine::new();
    assert_eq!(engine.submit(1, at(0)), [Status::IDLE_TO_ACTIVE]);
    assert_eq!(engine.decide(at(0)).action, runs(1));
    assert_eq!(engine.submit(2, at(1)), [Status::IDLE_TO_ACTIVE]);
    assert_eq!(engine.decide(at(1)).action, None);

    let done = engine.complete(at(2)).unwrap();

    let entry = done.events.iter().next().unwrap();
    assert_eq!(entry.status, Status::COMPLETE | Status::ACTIVE_TO_IDLE);
    assert_eq!((entry.context.0, engine.guest(1).head), (1, 8));
    assert_eq!(engine.decide(at(2)).action, runs(2));
    assert_eq!(engine.complete(at(3)).unwrap().writes[0].value, 8);
    assert_eq!(engine.decide(at(3)), NOTHING);
}

#[test]
fn s_67_guest_when_it_hangs_then_only_its_engine_hangs_until_it_resets_it() {
    let mut engine = Engine::new();
    engine.submit(1, at(0));
    engine.submit(2, at(0));
    assert_eq!(engine.decide(at(0)).action, runs(1));
    assert_eq!(engine.decide(at(1000)).action, kills(1));

    // The host half has killed it.
    let (number, ticket) = engine.out.take().unwrap();
    assert!(engine.guest(1).queue.fail(ticket));
    engine.end(number, Ending::Hung, at(1001));

    assert_eq!(engine.decide(at(1001)).action, runs(2));
    assert!(engine.complete(at(1002)).is_some());
    // The guest gets no answer, until its driver resets the engine and submits again.
    assert_eq!(engine.submit(1, at(1002)), []);
    assert_eq!(engine.decide(at(1002)), NOTHING);
    assert_eq!(engine.guest(1).queue.reset(), None);
    assert_eq!(engine.submit(1, at(1500)), [Status::IDLE_TO_ACTIVE]);
    assert_eq!(engine.decide(at(1500)).again, Some(at(2001)));
    assert_eq!(engine.decide(at(2001)).action, runs(1));
    assert!(engine.complete(at(2002)).is_some());
}

#[test]
fn s_29_guest_when_it_resets_the_engine_that_it_hangs_then_has_it_back_when_that_is_killed() {
    let mut engine = Engine::new();
    engine.submit(1, at(0));
    engine.decide(at(0));

    let killed = engine.guest(1).queue.reset();
    engine.update(1, at(10));
    engine.submit(1, at(10));

    let (number, ticket) = engine.out.take().unwrap();
    assert_eq!(killed, Some(ticket));
    assert_eq!(engine.decide(at(10)), NOTHING);
    assert!(!engine.guest(1).queue.fail(ticket));
    engine.end(number, Ending::Cancelled, at(11));
    assert_eq!(engine.decide(at(11)).action, runs(1));
    assert!(engine.complete(at(12)).is_some());
}
