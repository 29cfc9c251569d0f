// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What contexts execute, and how it ends.

use super::work::{
    context, dword, ends, page, signal, store, store_in_ppgtt, tables, wait, COMMANDS, GARBAGE,
    NOOP, NO_TABLES,
};
use gen9_gpu::{Activity, DmaAddress, EngineId, Shared};
use gvt_host::{events, World};
use hosted_glue::bed::Bed;
use hosted_glue::card::engine_mask;
use hosted_glue::client::Event;
use hosted_glue::raw::Raw;
use iface::client::{Direction, Errno, Events, Offer, Outcome};
use iface::errno::{E2BIG, EAGAIN, EBADF, EIO, ENODEV, ESRCH};
use iface::types::MAX_SEGMENTS;
use kernel::testing::Ledger;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn commands_when_done_have_reached_a_buffer_on_every_engine() {
    for gpu in ["bdw", "skl", "kbl", "bxt", "cfl", "cml"] {
        let bed = Bed::new(gpu);
        let kvmgt = bed.attach();
        let (host, device) = (kvmgt.host(), bed.machine().options().device_id);
        let result = page(host);
        for (n, engine) in (1..).zip(bed.machine().model().engines(device)) {
            let made = context(host, engine);
            let commands = store(result.start + 4, n);
            host.ctx_submit(made.handle, NO_TABLES, &[&commands], 7)
                .unwrap();
            assert_eq!(bed.card().run_engines(), Activity::Idle);

            assert_eq!(dword(host, &result, 1), n, "{gpu} {engine:?}");
            // Of its own contexts a client is told the ends alone.
            let done = Event::Done(made.handle, 7, Outcome::Done);
            assert_eq!(kvmgt.events().take(), [done], "{gpu} {engine:?}");
            host.ctx_destroy(made.handle).unwrap();
        }
        assert_eq!(bed.card().wakerefs(), 0);
    }
}

#[test]
fn commands_in_segments_are_executed_in_their_order() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let host = kvmgt.host();
    let (made, result) = (context(host, EngineId::Rcs0), page(host));
    let stores = (1..=8).flat_map(|n| {
        let own = store(result.start + 4 * u64::from(n), n);
        [own, store(result.start, n)].concat()
    });
    let commands: Vec<u32> = stores.collect();
    let (first, rest) = commands.split_at(3);
    let mut segments = vec![first, &[]];
    segments.extend(rest.chunks(13));
    assert!((3..=MAX_SEGMENTS).contains(&segments.len()));

    host.ctx_submit(made.handle, NO_TABLES, &segments, 1)
        .unwrap();
    bed.card().run_engines();

    assert_eq!(ends(&kvmgt), [(made.handle, 1, Outcome::Done)]);
    let stored = (0..=8).map(|n| dword(host, &result, n));
    assert!(stored.eq([8, 1, 2, 3, 4, 5, 6, 7, 8]));
}

#[test]
fn more_segments_than_can_be_are_refused_by_the_safe_face_too() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let made = context(kvmgt.host(), EngineId::Rcs0);
    let segments = [&[NOOP; 2][..]; MAX_SEGMENTS + 1];

    let refused = kvmgt
        .host()
        .ctx_submit(made.handle, NO_TABLES, &segments, 1);

    assert_eq!(refused.map_err(Errno::number), Err(E2BIG));
    assert_eq!(ends(&kvmgt), []);
}

/// Ends the thread that lets engines execute, whatever comes of the test.
struct Stop<'a>(&'a Shared);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[test]
fn thread_that_lets_engines_execute_is_woken_by_submissions_and_kills() {
    let bed = Bed::new("kbl,display=off");
    let kvmgt = bed.attach();
    let (host, result) = (kvmgt.host(), page(kvmgt.host()));
    let [does, waits] = [0; 2].map(|_| context(host, EngineId::Bcs0).handle);
    let gpu = bed.machine().shared();
    let ends = |count| {
        let begun = Instant::now();
        let mut seen = Vec::new();
        while seen.len() < count && begun.elapsed() < PATIENCE {
            seen.extend(ends(&kvmgt));
            std::thread::yield_now();
        }
        seen
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !gpu.is_stopped() {
                gpu.rest(bed.card().run_slice());
            }
        });
        let stop = Stop(gpu);
        for tag in 1..=3 {
            let commands = store(result.start + 4, 0x30 + tag);
            host.ctx_submit(does, NO_TABLES, &[&commands], tag.into())
                .unwrap();
            assert_eq!(ends(1), [(does, tag.into(), Outcome::Done)]);
            assert_eq!(dword(host, &result, 1), 0x30 + tag);
        }
        host.ctx_submit(waits, NO_TABLES, &[&wait(result.start, 1)], 4)
            .unwrap();
        host.ctx_submit(does, NO_TABLES, &[&[NOOP; 2]], 5).unwrap();
        host.ctx_kill(waits, 4).unwrap();
        let expected = [(waits, 4, Outcome::Cancelled), (does, 5, Outcome::Done)];
        assert_eq!(ends(2), expected);
        drop(stop);
    });
    assert_eq!(bed.card().wakerefs(), 0);
}

#[test]
fn root_of_each_submission_is_its_address_space() {
    const ADDRESS: u64 = 0x12_3456_7000;
    const PAGE: u64 = 0x6000_0000;
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let (host, made) = (kvmgt.host(), context(kvmgt.host(), EngineId::Bcs0));
    let root = tables(&bed, ADDRESS, PAGE);
    let memory = |offset| {
        bed.machine()
            .memory()
            .read_u32(DmaAddress(PAGE + offset))
            .unwrap()
    };

    let submit = |root, place, value| {
        let commands = store_in_ppgtt(ADDRESS + place, value);
        host.ctx_submit(made.handle, root, &[&commands], 0).unwrap();
        bed.card().run_engines();
    };
    submit(root, 8, 0x77);
    submit(NO_TABLES, 12, 0x88);
    submit(root, 16, 0x99);

    assert_eq!([8, 12, 16].map(memory), [0x77, 0, 0x99]);
    assert_eq!(ends(&kvmgt), [(made.handle, 0, Outcome::Done); 3]);
}

#[test]
fn contexts_of_one_engine_are_executed_in_their_order_one_at_a_time() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let (host, result) = (kvmgt.host(), page(kvmgt.host()));
    let (flag, contexts) = (
        page(host),
        [0; 3].map(|_| context(host, EngineId::Rcs0).handle),
    );
    for (tag, handle) in (1..).zip(contexts) {
        // Each begins, waits for its number, and ends.
        let begins = store(result.start, 2 * tag - 1);
        let commands = [begins, wait(flag.start, tag), store(result.start, 2 * tag)].concat();
        host.ctx_submit(handle, NO_TABLES, &[&commands], tag.into())
            .unwrap();
    }
    for (tag, handle) in (1..).zip(contexts) {
        assert_eq!(bed.card().run_engines(), Activity::Waiting);
        assert_eq!(kvmgt.events().take(), [], "{tag} is not to end");
        assert_eq!(dword(host, &result, 0), 2 * tag - 1, "it is on the engine");

        signal(host, &flag, tag);
        bed.machine().gpu().run_until_settled(100);
        assert_eq!(dword(host, &result, 0), 2 * tag, "nobody follows yet");
        bed.card().run_engines();
        let done = Event::Done(handle, tag.into(), Outcome::Done);
        assert_eq!(kvmgt.events().take(), [done]);
    }
    assert_eq!(dword(host, &result, 0), 6);
}

#[test]
fn contexts_that_are_not_the_clients_are_told_when_they_come_and_go() {
    const OF_THE_HOST: u64 = 0;
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let (host, card) = (kvmgt.host(), bed.card());
    let (result, own) = (page(host), context(host, EngineId::Bcs0).handle);
    let engine = engine_mask(EngineId::Bcs0);
    let other = card.context_create(engine, COMMANDS, OF_THE_HOST).unwrap();
    let submit = |value| {
        let commands = store(result.start, value);
        card.context_submit(other.context, NO_TABLES, &[&commands])
            .unwrap();
    };
    submit(1);
    host.ctx_submit(own, NO_TABLES, &[&store(result.start, 2)], 3)
        .unwrap();
    card.run_engines();
    submit(3);
    card.run_engines();

    let [comes, goes] =
        [Direction::In, Direction::Out].map(|direction| Event::HostContext(engine, direction));
    let expected = [comes, goes, comes, goes, Event::Done(own, 3, Outcome::Done)];
    let mut told = kvmgt.events().take();
    told.sort_by_key(|event| matches!(event, Event::Done(..)));
    assert_eq!(told, expected);
    assert_eq!(dword(host, &result, 0), 3);
    card.context_destroy(other.context);
}

#[test]
fn contexts_of_two_engines_are_executed_beside_each_other() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let host = kvmgt.host();
    let (turn, log) = (page(host), page(host));
    // Each waits for the other's number, and notes that it was there: neither could end alone.
    let contexts = [EngineId::Rcs0, EngineId::Bcs0].map(|engine| context(host, engine).handle);
    for (first, handle) in (0..2).zip(contexts) {
        let mut commands = Vec::new();
        for step in (first..10_u32).step_by(2) {
            commands.extend(wait(turn.start, step));
            commands.extend(store(log.start + 4 * u64::from(step), step + 100));
            commands.extend(store(turn.start, step + 1));
        }
        host.ctx_submit(handle, NO_TABLES, &[&commands], first.into())
            .unwrap();
    }
    assert_eq!(bed.card().run_engines(), Activity::Idle);

    for step in 0..10 {
        assert_eq!(dword(host, &log, step.into()), step + 100);
    }
    let mut ended = ends(&kvmgt);
    ended.sort_by_key(|(_, tag, _)| *tag);
    let done = [0, 1].map(|n| (contexts[n], n as u64, Outcome::Done));
    assert_eq!(ended, done);
}

#[test]
fn hang_is_told_as_the_end_and_the_next_context_runs() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let (host, result) = (kvmgt.host(), page(kvmgt.host()));
    let engine = EngineId::Rcs0;
    let [bad, good] = [0; 2].map(|_| context(host, engine).handle);
    host.ctx_submit(bad, NO_TABLES, &[&[GARBAGE, NOOP]], 1)
        .unwrap();
    host.ctx_submit(good, NO_TABLES, &[&store(result.start, 5)], 2)
        .unwrap();
    assert_eq!(bed.card().run_engines(), Activity::Waiting);
    assert_eq!(ends(&kvmgt), []);

    assert!(bed.card().declare_hung(engine));
    bed.card().run_engines();

    let expected = [
        Event::Done(bad, 1, Outcome::Hung),
        Event::Done(good, 2, Outcome::Done),
    ];
    assert_eq!(kvmgt.events().take(), expected);
    assert_eq!(dword(host, &result, 0), 5);
}

#[test]
fn kill_of_one_that_runs_and_of_one_that_waits_cancels_them() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let (host, flag) = (kvmgt.host(), page(kvmgt.host()));
    let [runs, waits, stays, idle] = [0; 4].map(|_| context(host, EngineId::Vecs0).handle);
    host.ctx_submit(runs, NO_TABLES, &[&wait(flag.start, 1)], 1)
        .unwrap();
    host.ctx_submit(waits, NO_TABLES, &[&store(flag.start, 2)], 2)
        .unwrap();
    host.ctx_submit(stays, NO_TABLES, &[&store(flag.start + 4, 3)], 3)
        .unwrap();
    bed.card().run_engines();

    // As often as one likes, in any order.
    for (handle, tag) in [(waits, 2), (runs, 1), (runs, 1)] {
        host.ctx_kill(handle, tag).unwrap();
    }
    assert_eq!(host.ctx_kill(idle, 0).unwrap_err().number(), ESRCH);
    assert_eq!(ends(&kvmgt), [], "it returns at once");
    bed.card().run_engines();

    let mut ended = ends(&kvmgt);
    ended.sort_by_key(|(_, tag, _)| *tag);
    let expected = [
        (runs, 1, Outcome::Cancelled),
        (waits, 2, Outcome::Cancelled),
        (stays, 3, Outcome::Done),
    ];
    assert_eq!(ended, expected);
    assert_eq!((dword(host, &flag, 0), dword(host, &flag, 1)), (0, 3));
    for dead in [runs, waits] {
        let refused = host.ctx_submit(dead, NO_TABLES, &[&[NOOP; 2]], 0);
        assert_eq!(refused.unwrap_err().number(), EIO);
        host.ctx_destroy(dead).unwrap();
    }
    host.ctx_submit(idle, NO_TABLES, &[&[NOOP; 2]], 4).unwrap();
    bed.card().run_engines();
    assert_eq!(ends(&kvmgt), [(idle, 4, Outcome::Done)]);
    assert_eq!(bed.card().wakerefs(), 0);
}

#[test]
fn kill_that_is_late_leaves_what_the_context_executes_by_then_alone() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let (host, flag) = (kvmgt.host(), page(kvmgt.host()));
    let made = context(host, EngineId::Rcs0).handle;
    let kill = |tag| host.ctx_kill(made, tag).map_err(|errno| errno.number());
    host.ctx_submit(made, NO_TABLES, &[&[NOOP; 2]], 1).unwrap();
    bed.card().run_engines();
    assert_eq!(kill(1), Err(ESRCH), "it is idle");
    host.ctx_submit(made, NO_TABLES, &[&wait(flag.start, 1)], 2)
        .unwrap();
    bed.card().run_engines();

    assert_eq!(kill(1), Err(ESRCH));
    assert_eq!(kill(3), Err(ESRCH));
    bed.card().run_engines();
    assert_eq!(ends(&kvmgt), [(made, 1, Outcome::Done)], "it goes on");

    host.buffer_write(flag.handle, 0, &1_u32.to_le_bytes())
        .unwrap();
    bed.card().run_engines();
    assert_eq!(ends(&kvmgt), [(made, 2, Outcome::Done)]);
    host.ctx_submit(made, NO_TABLES, &[&wait(flag.start, 2)], 3)
        .unwrap();
    bed.card().run_engines();
    assert_eq!((kill(2), kill(3), kill(3)), (Err(ESRCH), Ok(()), Ok(())));
    bed.card().run_engines();
    assert_eq!(ends(&kvmgt), [(made, 3, Outcome::Cancelled)]);
    assert_eq!(kill(3), Err(ESRCH), "it is dead");
}

#[test]
fn kill_of_one_that_has_ended_and_was_not_told_cancels_it() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let made = context(kvmgt.host(), EngineId::Rcs0).handle;
    kvmgt
        .host()
        .ctx_submit(made, NO_TABLES, &[&[NOOP; 2]], 1)
        .unwrap();
    bed.machine().gpu().run_until_settled(100);

    kvmgt.host().ctx_kill(made, 1).unwrap();
    bed.card().run_engines();

    assert_eq!(ends(&kvmgt), [(made, 1, Outcome::Cancelled)]);
}

#[test]
fn submissions_between_suspend_and_resume_are_refused() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let made = context(kvmgt.host(), EngineId::Rcs0).handle;
    let submit = || kvmgt.host().ctx_submit(made, NO_TABLES, &[&[NOOP; 2]], 1);

    events::suspend(bed.card());
    assert_eq!(submit().unwrap_err().number(), EAGAIN);
    events::resume(bed.card());
    assert_eq!(submit(), Ok(()));

    bed.card().run_engines();
    assert_eq!(ends(&kvmgt), [(made, 1, Outcome::Done)]);
}

#[test]
fn sleep_of_the_host_cancels_what_executes_and_contexts_go_on_afterwards() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let (host, flag) = (kvmgt.host(), page(kvmgt.host()));
    let [runs, waits, idle] = [0; 3].map(|_| context(host, EngineId::Rcs0).handle);
    host.ctx_submit(runs, NO_TABLES, &[&wait(flag.start, 1)], 1)
        .unwrap();
    host.ctx_submit(waits, NO_TABLES, &[&[NOOP; 2]], 2).unwrap();
    bed.card().run_engines();
    kvmgt.events().take();

    bed.i915.sleep();

    let expected = [
        Event::Suspend,
        Event::Done(runs, 1, Outcome::Cancelled),
        Event::Done(waits, 2, Outcome::Cancelled),
        Event::Resume,
    ];
    assert_eq!(kvmgt.events().take(), expected);
    host.ctx_submit(idle, NO_TABLES, &[&store(flag.start, 6)], 3)
        .unwrap();
    bed.card().run_engines();
    assert_eq!(ends(&kvmgt), [(idle, 3, Outcome::Done)]);
    assert_eq!(dword(host, &flag, 0), 6);
}

#[test]
fn reset_of_the_gpu_ends_what_is_on_an_engine_and_what_waits_goes_on() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let (host, flag) = (kvmgt.host(), page(kvmgt.host()));
    let [runs, waits] = [0; 2].map(|_| context(host, EngineId::Rcs0).handle);
    host.ctx_submit(runs, NO_TABLES, &[&wait(flag.start, 1)], 1)
        .unwrap();
    host.ctx_submit(waits, NO_TABLES, &[&store(flag.start, 7)], 2)
        .unwrap();
    bed.card().run_engines();
    kvmgt.events().take();

    bed.i915.reset();
    let told = kvmgt.events().take();
    bed.card().run_engines();

    assert_eq!(told, [], "of the reset itself nothing is told");
    let mut ended = ends(&kvmgt);
    ended.sort_by_key(|(_, tag, _)| *tag);
    assert_eq!(ended, [(runs, 1, Outcome::Hung), (waits, 2, Outcome::Done)]);
    assert_eq!(dword(host, &flag, 0), 7);
}

#[test]
fn close_ends_what_executes_and_calls_nothing_back() {
    let bed = Bed::new("kbl");
    let live = Ledger::current().live_objects();
    let kvmgt = bed.attach();
    let (host, flag) = (kvmgt.host(), page(kvmgt.host()));
    let contexts =
        [EngineId::Rcs0, EngineId::Rcs0, EngineId::Bcs0].map(|engine| context(host, engine).handle);
    for handle in contexts {
        host.ctx_submit(handle, NO_TABLES, &[&wait(flag.start, 1)], 1)
            .unwrap();
    }
    bed.card().run_engines();
    assert_eq!(bed.card().wakerefs(), 3);

    drop(kvmgt);

    for engine in [EngineId::Rcs0, EngineId::Bcs0] {
        let idle = bed.machine().gpu().engine(engine).unwrap().is_idle();
        assert!(idle, "{engine:?} has let go");
    }
    // A status page for each engine, all of which told their default state.
    assert_eq!((bed.card().own_pages(), bed.card().wakerefs()), (4, 0));
    assert_eq!(Ledger::current().live_objects(), live);
    // Whoever comes next hears nothing of it, and has none of it.
    let next = bed.attach();
    bed.card().run_engines();
    assert_eq!(next.events().take(), []);
    for handle in contexts {
        assert!(next.host().ctx_kill(handle, 1).is_err());
    }
}

/// Destroys each context whose submission has ended, once it was submitted to again.
struct Reacting<'b> {
    bed: &'b Bed,
    again: Mutex<Vec<u64>>,
    ends: AtomicUsize,
}

impl Events for Reacting<'_> {
    fn suspend(&self) {}
    fn resume(&self) {}
    fn host_context(&self, _: u32, _: Direction) {}

    fn submit_done(&self, context: u64, tag: u64, outcome: Outcome) {
        assert_eq!(outcome, Outcome::Done);
        self.ends.fetch_add(1, SeqCst);
        let raw = Raw::new(self.bed);
        let again = self.again.lock().unwrap().pop();
        if again.is_some() {
            assert_eq!(raw.submit(context, NO_TABLES, &[NOOP; 2], tag + 1), 0);
        } else {
            assert_eq!(raw.ctx_read(context, 0, &mut [0; 8]), 0);
            assert_eq!(raw.ctx_destroy(context), 0);
        }
    }
}

#[test]
fn end_of_a_submission_may_submit_and_destroy() {
    let bed = Bed::new("kbl");
    let reacting = Reacting {
        bed: &bed,
        again: Mutex::new(vec![0; 3]),
        ends: AtomicUsize::new(0),
    };
    // SAFETY: the published table; the host is dropped before the receiver of its events.
    let host = unsafe { Offer::from_platform_data(bed.i915.platform_data()) }
        .and_then(|offer| unsafe { offer.open(&raw const reacting) })
        .unwrap();
    let made = context(&host, EngineId::Rcs0).handle;
    host.ctx_submit(made, NO_TABLES, &[&[NOOP; 2]], 0).unwrap();

    bed.card().run_engines();

    assert_eq!(reacting.ends.load(SeqCst), 4);
    let kill = host.ctx_kill(made, 0).unwrap_err();
    assert_eq!(kill.number(), EBADF, "it is gone");
    drop(host);
    assert_eq!((bed.card().own_pages(), bed.card().wakerefs()), (1, 0));
}

#[test]
fn submissions_at_the_same_time_as_kills_and_resets_all_end_once() {
    let bed = Bed::new("kbl");
    let ledger = Ledger::current();
    let live = ledger.live_objects();
    let kvmgt = bed.attach();
    let host = kvmgt.host();
    let (stop, accepted) = (AtomicBool::new(false), AtomicUsize::new(0));
    let working = AtomicUsize::new(3);
    let flag = page(host);

    std::thread::scope(|scope| {
        for engine in [EngineId::Rcs0, EngineId::Rcs0, EngineId::Bcs0] {
            let (stop, accepted, working) = (&stop, &accepted, &working);
            let ledger = ledger.clone();
            scope.spawn(move || {
                ledger.enter();
                let mut round = 0_u64;
                while !stop.load(SeqCst) {
                    let handle = context(host, engine).handle;
                    round += 1;
                    // Every third would wait for ever.
                    let commands = wait(flag.start, u32::from(round % 3 == 0));
                    let submitted = host.ctx_submit(handle, NO_TABLES, &[&commands], round);
                    accepted.fetch_add(usize::from(submitted.is_ok()), SeqCst);
                    let refused = submitted.err().map(|errno| errno.number());
                    assert!([None, Some(EAGAIN)].contains(&refused), "{refused:?}");
                    while host.ctx_destroy(handle).is_err() {
                        // It may have ended in between.
                        let killed = host.ctx_kill(handle, round);
                        let refused = killed.err().map(|errno| errno.number());
                        assert!([None, Some(ESRCH)].contains(&refused), "{refused:?}");
                        std::thread::yield_now();
                    }
                }
                working.fetch_sub(1, SeqCst);
            });
        }
        for round in 0..60 {
            bed.card().run_engines();
            match round % 4 {
                0 => bed.i915.reset(),
                1 => bed.i915.reset_engine(EngineId::Rcs0),
                2 => bed.i915.sleep(),
                _ => drop(bed.card().declare_hung(EngineId::Bcs0)),
            }
        }
        stop.store(true, SeqCst);
        // Those that wait for an end have to hear of it.
        while working.load(SeqCst) > 0 {
            bed.card().run_engines();
        }
    });

    assert_eq!(ends(&kvmgt).len(), accepted.load(SeqCst));
    assert!(accepted.load(SeqCst) > 0);
    drop(kvmgt);
    assert_eq!((bed.card().own_pages(), bed.card().wakerefs()), (4, 0));
    assert_eq!(ledger.live_objects(), live);
}

#[test]
fn submissions_at_the_same_time_as_close_leave_nothing_behind() {
    for _ in 0..20 {
        let bed = Bed::new("kbl");
        let raw = Raw::opened(&bed);
        let info = raw.info();
        std::thread::scope(|scope| {
            for engine in &info.engines[..2] {
                let bed = &bed;
                scope.spawn(move || {
                    let raw = Raw::new(bed);
                    let request = iface::types::ContextRequest {
                        engine: engine.mask,
                        commands: 2,
                        ..Default::default()
                    };
                    while let Ok(made) = raw.context(request) {
                        let submitted = raw.submit(made.handle, NO_TABLES, &[NOOP; 2], 0);
                        assert!([0, -ENODEV].contains(&submitted), "{submitted}");
                        bed.card().run_engines();
                        raw.ctx_destroy(made.handle);
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(3));
            assert_eq!(raw.close(), 0);
        });
        assert!(bed.card().own_pages() <= 2);
        assert_eq!(bed.card().wakerefs(), 0);
    }
}
