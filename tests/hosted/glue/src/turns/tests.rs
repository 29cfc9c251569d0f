// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::bed::Bed;
use crate::client::Attachment;
use gen9_gpu::engine::command::mi;
use gvt_host::events;
use iface::types::{ContextRequest, ENGINE_COPY, PAGE_SIZE_4K};
use kernel::error::code::EAGAIN;
use kvmgt_core::schedule::{Turns as _, Weight};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

const ENGINE: Engine = Engine::Bcs;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn ids() -> [VgpuId; 2] {
    let mut all = VgpuId::all();
    [all.next().unwrap(), all.next().unwrap()]
}

fn tag(id: VgpuId, serial: u64) -> Tag {
    Tag {
        id,
        engine: ENGINE,
        serial,
    }
}

/// The first submission of a vGPU's, in a context.
fn submitted(id: VgpuId, context: u64) -> Submitted {
    Submitted {
        context,
        tag: tag(id, 1),
    }
}

fn attach(bed: &Bed) -> Attachment<'_, Turns<'_>> {
    bed.try_attach_with(Turns::new(bed.card()).unwrap())
        .unwrap()
}

/// Both vGPUs contend, and the first has the engine.
fn first_has_it(kvmgt: &Attachment<'_, Turns<'_>>) {
    for id in ids() {
        let seat = kvmgt.events().seat(id, kvmgt.host());
        seat.join(id, Weight::MOST).unwrap();
        seat.ready(ENGINE, id, true);
        assert_eq!(seat.take(ENGINE, id), id == ids()[0]);
    }
}

fn is_woken(turns: &Turns<'_>, id: VgpuId) -> bool {
    turns.take_wake(id)
}

#[test]
fn ready_when_engine_is_free_then_turn_is_taken_and_nobody_is_woken() {
    let bed = Bed::new("kbl");
    let kvmgt = attach(&bed);

    first_has_it(&kvmgt);

    assert_eq!(ids().map(|id| is_woken(kvmgt.events(), id)), [false; 2]);
}

#[test]
fn submit_done_when_another_waits_then_both_are_woken() {
    let bed = Bed::new("kbl");
    let kvmgt = attach(&bed);
    let turns = kvmgt.events();
    first_has_it(&kvmgt);
    let [first, second] = ids();
    turns.seat(first, kvmgt.host()).ready(ENGINE, first, false);
    turns.seat(first, kvmgt.host()).started(submitted(first, 0));

    turns.submit_done(0, tag(first, 1).raw(), Outcome::Done);

    assert_eq!(ids().map(|id| is_woken(turns, id)), [true; 2]);
    assert_eq!(
        turns.take_ended(first),
        Some((tag(first, 1), Outcome::Done))
    );
    assert_eq!(turns.take_ended(first), None);
    assert!(turns.seat(second, kvmgt.host()).take(ENGINE, second));
}

#[test]
fn started_when_it_has_ended_by_then_then_turn_of_another_is_left_alone() {
    let bed = Bed::new("kbl");
    let kvmgt = attach(&bed);
    let turns = kvmgt.events();
    first_has_it(&kvmgt);
    let [first, second] = ids();
    turns.seat(first, kvmgt.host()).ready(ENGINE, first, false);
    turns.submit_done(0, tag(first, 1).raw(), Outcome::Done);

    turns.seat(first, kvmgt.host()).started(submitted(first, 0));

    assert!(turns.seat(second, kvmgt.host()).take(ENGINE, second));
}

#[test]
fn gave_up_when_another_waits_then_it_is_woken() {
    let bed = Bed::new("kbl");
    let kvmgt = attach(&bed);
    let turns = kvmgt.events();
    first_has_it(&kvmgt);
    let [first, second] = ids();
    turns.seat(first, kvmgt.host()).ready(ENGINE, first, false);

    turns.seat(first, kvmgt.host()).gave_up(ENGINE);

    assert!(is_woken(turns, second));
}

#[test]
fn gave_up_when_host_suspends_in_between_then_says_so_and_turn_comes_at_the_resume() {
    let bed = Bed::new("kbl");
    let kvmgt = attach(&bed);
    let (turns, host) = (kvmgt.events(), kvmgt.host());
    let (context, _) = context_and_flag(host);
    first_has_it(&kvmgt);
    let [first, second] = ids();
    let seat = turns.seat(first, host);
    turns.seat(second, host).ready(ENGINE, second, false);
    let submit = || Host::ctx_submit(host, context, 0, &[&[0; 2]], tag(first, 1).raw());

    events::suspend(bed.card());
    assert_eq!(submit(), Err(EAGAIN));
    assert!(seat.gave_up(ENGINE));
    assert!(!is_woken(turns, first) && !seat.take(ENGINE, first));

    events::resume(bed.card());
    assert!(is_woken(turns, first) && seat.take(ENGINE, first));
    assert_eq!(submit(), Ok(()));
    seat.started(submitted(first, context));
    bed.card().run_engines();
    let ended = turns.take_ended(first);
    assert_eq!(ended, Some((tag(first, 1), Outcome::Done)));
}

#[test]
fn leave_when_turn_was_not_taken_then_another_gets_it() {
    let bed = Bed::new("kbl");
    let kvmgt = attach(&bed);
    let turns = kvmgt.events();
    let [first, second] = ids();
    for id in [first, second] {
        let seat = turns.seat(id, kvmgt.host());
        seat.join(id, Weight::MOST).unwrap();
        seat.ready(ENGINE, id, true);
    }

    let seat = turns.seat(first, kvmgt.host());
    seat.ready(ENGINE, first, false);
    seat.leave(first);

    assert!(is_woken(turns, second));
    assert!(turns.seat(second, kvmgt.host()).take(ENGINE, second));
}

#[test]
fn await_end_when_another_thread_tells_then_that_outcome_and_nobody_else_is_told() {
    let bed = Bed::new("kbl");
    let kvmgt = attach(&bed);
    let turns = kvmgt.events();
    let [first, _] = ids();

    let outcome = std::thread::scope(|scope| {
        let waits = scope.spawn(|| turns.seat(first, kvmgt.host()).await_end(tag(first, 2)));
        turns.submit_done(0, tag(first, 2).raw(), Outcome::Cancelled);
        waits.join().unwrap()
    });

    assert_eq!(outcome, Outcome::Cancelled);
    assert_eq!(turns.take_ended(first), None);
}

#[test]
fn wait_when_closed_then_says_so_and_opened_again_waits_anew() {
    let bed = Bed::new("kbl");
    let kvmgt = attach(&bed);
    let turns = kvmgt.events();
    let [first, _] = ids();
    let before = turns.open(first);

    std::thread::scope(|scope| {
        let waits = scope.spawn(|| turns.wait(first, before));
        turns.close(first);
        assert!(!waits.join().unwrap());
    });

    let life = turns.open(first);
    turns.submit_done(0, tag(first, 1).raw(), Outcome::Done);
    assert!(!turns.wait(first, before));
    assert!(turns.wait(first, life));
}

#[test]
fn host_context_when_host_has_the_engine_then_counts_its_contexts() {
    let bed = Bed::new("kbl");
    let kvmgt = attach(&bed);
    let turns = kvmgt.events();
    let info = kvmgt.host().info().unwrap();
    let bcs = info
        .engines
        .iter()
        .find(|engine| engine.class == ENGINE_COPY);
    let mask = bcs.unwrap().mask;
    let count = || turns.lock().engines[ENGINE.index()].host_contexts;

    turns.host_context(mask, Direction::In);
    turns.host_context(mask, Direction::In);
    turns.host_context(mask, Direction::Out);
    assert_eq!(count(), 1);
    turns.host_context(mask, Direction::Out);
    turns.host_context(mask, Direction::Out);
    assert_eq!(count(), 0);
}

/// A command that waits until the dword at a GGTT address is greater than any number.
fn wait_for_ever(address: u64) -> [u32; 4] {
    let header = mi::SEMAPHORE_WAIT << mi::OPCODE_SHIFT | mi::USE_GGTT | mi::SEMAPHORE_POLL | 2;
    [header, u32::MAX, address as u32, (address >> 32) as u32]
}

/// A context of the blitter's, and a dword of zeroes in the GGTT.
fn context_and_flag(host: &iface::client::Host<'_>) -> (u64, u64) {
    let info = host.info().unwrap();
    let bcs = info
        .engines
        .iter()
        .find(|engine| engine.class == ENGINE_COPY);
    let request = ContextRequest {
        engine: bcs.unwrap().mask,
        commands: 4,
        ..ContextRequest::default()
    };
    let context = host.ctx_create(&request).unwrap().handle;
    let buffer = host.buffer_alloc(PAGE_SIZE_4K.into()).unwrap();
    (context, buffer.start)
}

#[test]
fn attend_when_what_was_late_has_ended_then_next_of_its_context_is_left_alone() {
    let bed = Bed::new("kbl");
    let kvmgt = attach(&bed);
    let (turns, card, host) = (kvmgt.events(), bed.card(), kvmgt.host());
    let (context, flag) = context_and_flag(host);
    let [first, _] = ids();
    let late = |serial| Submitted {
        context,
        tag: tag(first, serial),
    };
    host.ctx_submit(context, 0, &[&[0; 2]], tag(first, 1).raw())
        .unwrap();
    card.run_engines();
    let ended = turns.take_ended(first);
    assert_eq!(ended, Some((tag(first, 1), Outcome::Done)));
    host.ctx_submit(context, 0, &[&wait_for_ever(flag)], tag(first, 2).raw())
        .unwrap();
    card.run_engines();

    turns.lock().kills.push(late(1));
    turns.attend(host);
    card.run_engines();
    assert_eq!(turns.take_ended(first), None);

    turns.lock().kills.push(late(2));
    turns.attend(host);
    card.run_engines();
    let ended = turns.take_ended(first);
    assert_eq!(ended, Some((tag(first, 2), Outcome::Cancelled)));
}

#[test]
fn clerk_when_workload_is_late_then_kills_it() {
    let bed = Bed::new("kbl");
    let kvmgt = attach(&bed);
    let (turns, card) = (kvmgt.events(), bed.card());
    let (context, flag) = context_and_flag(kvmgt.host());
    first_has_it(&kvmgt);
    let [first, second] = ids();
    let life = turns.open(first);
    let over = AtomicBool::new(false);

    std::thread::scope(|scope| {
        scope.spawn(|| turns.clerk(kvmgt.host()));
        let raw = tag(first, 1).raw();
        kvmgt
            .host()
            .ctx_submit(context, 0, &[&wait_for_ever(flag)], raw)
            .unwrap();
        turns
            .seat(first, kvmgt.host())
            .started(submitted(first, context));
        scope.spawn(|| {
            let begun = Instant::now();
            while !over.load(Ordering::SeqCst) && begun.elapsed() < PATIENCE {
                card.run_engines();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        assert!(turns.wait(first, life));
        over.store(true, Ordering::SeqCst);
        turns.end();
    });

    let ended = turns.take_ended(first);
    assert_eq!(ended, Some((tag(first, 1), Outcome::Cancelled)));
    assert!(turns.seat(second, kvmgt.host()).take(ENGINE, second));
}

#[test]
fn wait_when_an_alarm_is_set_then_returns_when_it_is_due() {
    let bed = Bed::new("kbl");
    let kvmgt = attach(&bed);
    let turns = kvmgt.events();
    let [id, other] = ids();
    let life = turns.open(id);
    let soon = turns.now().after(Span::from_millis(20));

    std::thread::scope(|scope| {
        let woken = scope.spawn(|| turns.wait(id, life).then(|| turns.now()));
        // The one that waits hears of one that is sooner.
        turns.set_alarm(id, Some(Time(u64::MAX)));
        turns.set_alarm(id, Some(soon));
        assert!(woken.join().unwrap() >= Some(soon));
    });

    assert!(is_woken(turns, id), "until another one is set");
    turns.set_alarm(id, None);
    assert_eq!([id, other].map(|id| is_woken(turns, id)), [false; 2]);
}
