// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::descriptor::Rule;
use super::port::Port;
use super::status::{self, Registers, ENTRIES};
use super::*;
use crate::address::{Gma, MmioOffset};
use crate::gtt::ranges::Ranges;
use crate::hardware::Engine;
use std::vec::Vec;

mod driver;

/// Bytes of a context's image in these tests.
const IMAGE: u64 = 0x2000;

fn ranges() -> Ranges {
    Ranges {
        aperture: 0x10_0000..0x20_0000,
        high: 0x1000_0000..0x2000_0000,
    }
}

/// Flags of a descriptor that is all right: valid, 48 bits, with a PPGTT.
const FLAGS: u64 = 0x119;
/// Flags of one that is loaded anew in any case.
const FORCE: u64 = FLAGS | 1 << 2;

/// The descriptor of context `n`, which has an image and an id of its own.
fn raw(n: u64, flags: u64) -> RawDescriptor {
    RawDescriptor(n << 32 | (0x10_0000 + n * IMAGE) | flags)
}

/// Work of a context from a place in its ring to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Job {
    descriptor: Descriptor,
    from: u32,
    to: u32,
}

impl Work for Job {
    fn descriptor(&self) -> Descriptor {
        self.descriptor
    }

    fn after(self, started: &Self) -> Self {
        Self {
            from: started.to,
            to: self.to.max(started.to),
            ..self
        }
    }

    fn is_empty(&self) -> bool {
        self.from == self.to
    }
}

fn job(n: u64, flags: u64, from: u32, to: u32) -> Job {
    let descriptor = raw(n, flags).check(&ranges(), IMAGE).unwrap();
    Job {
        descriptor,
        from,
        to,
    }
}

fn one(n: u64) -> Request<Job> {
    up_to(n, 1)
}

fn up_to(n: u64, to: u32) -> Request<Job> {
    Request::Run {
        first: job(n, FLAGS, 0, to),
        second: None,
    }
}

fn two(n: u64, second: u64) -> Request<Job> {
    Request::Run {
        first: job(n, FLAGS, 0, 1),
        second: Some(job(second, FLAGS, 0, 1)),
    }
}

/// Entries as pairs of status and context.
fn told(events: Events) -> Vec<(u32, u32)> {
    let entries = events.iter();
    entries
        .map(|entry| (entry.status.bits(), entry.context.0))
        .collect()
}

const IDLE_TO_ACTIVE: u32 = 0x1;
const PREEMPTED: u32 = 0x2;
const ELEMENT_SWITCH: u32 = 0x4;
const ACTIVE_TO_IDLE: u32 = 0x8;
const COMPLETE: u32 = 0x10;
const LITE_RESTORE: u32 = 0x8000;

fn submit(engine: &mut Execlist<Job>, request: Request<Job>) -> Vec<(u32, u32)> {
    told(engine.submit(request).unwrap())
}

/// Starts what is next, and completes it.
fn run(engine: &mut Execlist<Job>) -> Vec<(u32, u32)> {
    engine.start().unwrap();
    told(engine.complete().unwrap().1)
}

#[test]
fn submit_when_idle_then_becomes_active_and_idle_behind_it() {
    let mut engine = Execlist::new();

    assert_eq!(submit(&mut engine, one(5)), [(IDLE_TO_ACTIVE, 0)]);
    assert_eq!(run(&mut engine), [(COMPLETE | ACTIVE_TO_IDLE, 5)]);
    assert!(engine.next().is_none() && engine.complete().is_none());
}

#[test]
fn complete_when_a_second_context_follows_then_switches_element() {
    let mut engine = Execlist::new();
    submit(&mut engine, two(1, 2));

    assert_eq!(run(&mut engine), [(COMPLETE | ELEMENT_SWITCH, 1)]);
    assert_eq!(run(&mut engine), [(COMPLETE | ACTIVE_TO_IDLE, 2)]);
}

#[test]
fn submit_when_its_context_runs_then_that_is_restored_behind_it_up_to_the_new_tail() {
    let mut engine = Execlist::new();
    submit(&mut engine, one(1));
    engine.start().unwrap();

    assert_eq!(submit(&mut engine, up_to(1, 7)), []);

    let (_, events) = engine.complete().unwrap();
    assert_eq!(told(events), [(LITE_RESTORE | PREEMPTED, 1)]);
    assert_eq!(engine.next(), Some(&job(1, FLAGS, 1, 7)));
    assert_eq!(run(&mut engine), [(COMPLETE | ACTIVE_TO_IDLE, 1)]);
}

#[test]
fn submit_when_its_context_runs_and_has_nothing_new_then_ends_with_what_runs() {
    let mut engine = Execlist::new();
    submit(&mut engine, one(1));
    engine.start().unwrap();
    submit(&mut engine, two(1, 2));

    let (_, events) = engine.complete().unwrap();

    let expected = [
        (LITE_RESTORE | PREEMPTED, 1),
        (COMPLETE | ELEMENT_SWITCH, 1),
    ];
    assert_eq!(told(events), expected);
    assert_eq!(engine.next(), Some(&job(2, FLAGS, 0, 1)));
}

#[test]
fn submit_when_the_context_was_not_started_then_replaces_its_work() {
    let mut engine = Execlist::new();
    submit(&mut engine, two(1, 2));

    let events = submit(&mut engine, up_to(1, 3));

    assert_eq!(events, [(LITE_RESTORE | PREEMPTED, 1)]);
    assert_eq!(engine.start(), Some(&mut job(1, FLAGS, 0, 3)));
    let (_, events) = engine.complete().unwrap();
    assert_eq!(told(events), [(COMPLETE | ACTIVE_TO_IDLE, 1)]);
}

#[test]
fn submit_when_another_context_was_not_started_then_preempts_it() {
    let mut engine = Execlist::new();
    submit(&mut engine, two(1, 2));

    assert_eq!(submit(&mut engine, one(3)), [(PREEMPTED, 1)]);
    assert_eq!(run(&mut engine), [(COMPLETE | ACTIVE_TO_IDLE, 3)]);
}

#[test]
fn submit_when_another_context_was_started_then_waits_until_that_is_idle() {
    let mut engine = Execlist::new();
    submit(&mut engine, one(1));
    engine.start().unwrap();

    assert_eq!(submit(&mut engine, one(3)), []);

    let (done, events) = engine.complete().unwrap();
    assert_eq!(done, job(1, FLAGS, 0, 1));
    let expected = [(COMPLETE | ACTIVE_TO_IDLE, 1), (IDLE_TO_ACTIVE, 0)];
    assert_eq!(told(events), expected);
    assert_eq!(engine.next(), Some(&job(3, FLAGS, 0, 1)));
}

#[test]
fn complete_when_one_waits_and_a_second_context_follows_then_preempts_that() {
    let mut engine = Execlist::new();
    submit(&mut engine, two(1, 2));
    engine.start().unwrap();
    submit(&mut engine, one(3));

    let (_, events) = engine.complete().unwrap();

    let expected = [(COMPLETE | ELEMENT_SWITCH, 1), (PREEMPTED, 2)];
    assert_eq!(told(events), expected);
    assert_eq!(engine.next(), Some(&job(3, FLAGS, 0, 1)));
}

#[test]
fn complete_when_the_second_context_is_what_waits_then_lite_restores_it() {
    let mut engine = Execlist::new();
    submit(&mut engine, two(1, 2));
    engine.start().unwrap();
    submit(&mut engine, two(2, 3));

    let (_, events) = engine.complete().unwrap();

    let expected = [
        (COMPLETE | ELEMENT_SWITCH, 1),
        (LITE_RESTORE | PREEMPTED, 2),
    ];
    assert_eq!(told(events), expected);
}

#[test]
fn submit_when_a_new_tail_waits_already_then_that_is_told_and_this_waits() {
    let mut engine = Execlist::new();
    submit(&mut engine, one(1));
    engine.start().unwrap();
    submit(&mut engine, up_to(1, 9));

    let told_at_once = submit(&mut engine, up_to(1, 12));

    assert_eq!(told_at_once, [(LITE_RESTORE | PREEMPTED, 1)]);
    let (_, events) = engine.complete().unwrap();
    assert_eq!(told(events), [(LITE_RESTORE | PREEMPTED, 1)]);
    assert_eq!(engine.next(), Some(&job(1, FLAGS, 1, 12)));
}

#[test]
fn complete_when_one_waits_and_a_new_tail_was_not_started_then_preempts_the_context() {
    let mut engine = Execlist::new();
    submit(&mut engine, one(1));
    engine.start().unwrap();
    submit(&mut engine, up_to(1, 9));
    let told_at_once = submit(&mut engine, one(3));
    assert_eq!(told_at_once, [(LITE_RESTORE | PREEMPTED, 1)]);

    let (_, events) = engine.complete().unwrap();

    assert_eq!(told(events), [(PREEMPTED, 1)]);
    assert_eq!(engine.next(), Some(&job(3, FLAGS, 0, 1)));
}

#[test]
fn submit_when_a_new_tail_was_not_started_then_preempts_the_context() {
    let mut engine = Execlist::new();
    submit(&mut engine, one(1));
    engine.start().unwrap();
    submit(&mut engine, up_to(1, 9));
    engine.complete().unwrap();

    assert_eq!(submit(&mut engine, one(3)), [(PREEMPTED, 1)]);
    assert_eq!(engine.next(), Some(&job(3, FLAGS, 0, 1)));
}

#[test]
fn submit_when_the_restore_is_forced_then_is_no_lite_restore_and_repeats_nothing() {
    let mut engine = Execlist::new();
    submit(&mut engine, up_to(1, 5));
    engine.start().unwrap();
    let forced = Request::Run {
        first: job(1, FORCE, 0, 3),
        second: None,
    };

    assert_eq!(submit(&mut engine, forced), []);

    let (_, events) = engine.complete().unwrap();
    let expected = [(COMPLETE | ACTIVE_TO_IDLE, 1), (IDLE_TO_ACTIVE, 0)];
    assert_eq!(told(events), expected);
    assert_eq!(engine.next(), Some(&job(1, FORCE, 5, 5)));
    assert_eq!(run(&mut engine), [(COMPLETE | ACTIVE_TO_IDLE, 1)]);
}

#[test]
fn submit_when_it_asks_for_idle_then_preempts_to_idle() {
    let mut engine = Execlist::new();
    assert_eq!(submit(&mut engine, Request::Idle), []);
    submit(&mut engine, two(1, 2));

    let events = submit(&mut engine, Request::Idle);

    assert_eq!(events, [(PREEMPTED | ACTIVE_TO_IDLE, 1)]);
    assert!(engine.next().is_none());
}

#[test]
fn complete_when_a_request_for_idle_waits_then_goes_idle() {
    let mut engine = Execlist::new();
    submit(&mut engine, two(1, 2));
    engine.start().unwrap();
    submit(&mut engine, Request::Idle);

    let (_, events) = engine.complete().unwrap();

    let expected = [
        (COMPLETE | ELEMENT_SWITCH, 1),
        (PREEMPTED | ACTIVE_TO_IDLE, 2),
    ];
    assert_eq!(told(events), expected);
    assert!(engine.next().is_none());
}

#[test]
fn submit_when_one_waits_already_then_is_refused_and_changes_nothing() {
    let mut engine = Execlist::new();
    submit(&mut engine, one(1));
    engine.start().unwrap();
    submit(&mut engine, one(2));
    let status = engine.status();

    let refused = engine.submit(one(3)).unwrap_err();

    assert_eq!(
        (refused.rule, refused.descriptor),
        (Rule::Full, raw(3, FLAGS))
    );
    assert_eq!(engine.status(), status);
    engine.complete().unwrap();
    assert_eq!(engine.next(), Some(&job(2, FLAGS, 0, 1)));
}

#[test]
fn start_when_something_was_started_then_is_none() {
    let mut engine = Execlist::new();
    assert_eq!(engine.start(), None);
    submit(&mut engine, two(1, 2));
    engine.start().unwrap();

    assert!(engine.start().is_none() && engine.next().is_none());
    assert_eq!(engine.started(), Some(&job(1, FLAGS, 0, 1)));
}

#[test]
fn reset_when_everything_is_full_then_forgets_all() {
    let mut engine = Execlist::new();
    submit(&mut engine, two(1, 2));
    engine.start().unwrap();
    submit(&mut engine, two(3, 4));

    engine.reset();

    assert_eq!(engine.status(), [0, 0]);
    assert!(engine.complete().is_none() && engine.next().is_none());
    assert_eq!(submit(&mut engine, one(5)), [(IDLE_TO_ACTIVE, 0)]);
}

#[test]
fn status_when_lists_alternate_then_names_list_element_and_context() {
    let mut engine = Execlist::new();
    assert_eq!(engine.status(), [0, 0]);

    submit(&mut engine, two(7, 8));
    // The next goes to the second list; the first one is valid and active, with its element 0.
    let low = 1 << 1 | 1 << 4 | 1 << 14 | 1 << 18 | IDLE_TO_ACTIVE << 5;
    assert_eq!(engine.status(), [low, 7]);

    run(&mut engine);
    let reason = (COMPLETE | ELEMENT_SWITCH) << 5;
    let low = 1 << 1 | 1 << 4 | 1 << 15 | 1 << 18 | reason;
    assert_eq!(engine.status(), [low, 8]);

    engine.start().unwrap();
    submit(&mut engine, one(9));
    assert_eq!(engine.status(), [low | 1 << 2 | 1 << 3, 8]);

    engine.complete().unwrap();
    // Current is the second list, and the next goes to the first.
    let low = 1 << 0 | 1 << 3 | 1 << 14 | 1 << 17 | IDLE_TO_ACTIVE << 5;
    assert_eq!(engine.status(), [low, 9]);
}

#[test]
fn port_when_four_dwords_came_then_gives_the_first_context_first() {
    let mut port = Port::default();

    assert_eq!([4, 3, 2].map(|dword| port.write(dword)), [None; 3]);
    let expected = [RawDescriptor(2 << 32 | 1), RawDescriptor(4 << 32 | 3)];
    assert_eq!(port.write(1), Some(expected));
    assert_eq!(port, Port::default());
}

#[test]
fn port_when_reset_in_the_midst_then_begins_anew() {
    let mut port = Port::default();
    port.write(9);
    port.reset();

    assert_eq!([0, 0, 0].map(|dword| port.write(dword)), [None; 3]);
    assert!(port.write(0).is_some());
}

fn check(first: u64, second: u64) -> Result<Request<Descriptor>, Rule> {
    let pair = [RawDescriptor(first), RawDescriptor(second)];
    Request::check(pair, &ranges(), IMAGE).map_err(|refused| refused.rule)
}

#[test]
fn check_when_descriptors_are_invalid_then_nothing_else_in_them_counts() {
    assert_eq!(check(!1, !1), Ok(Request::Idle));
    let alone = check(raw(1, FLAGS).0, !1).unwrap();
    assert!(matches!(alone, Request::Run { second: None, .. }));
    assert_eq!(check(!1, raw(1, FLAGS).0), Err(Rule::SecondAlone));
}

#[test]
fn check_when_both_contexts_have_one_image_then_is_refused() {
    let same_image = raw(1, FLAGS).0 | 7 << 40;
    assert_eq!(check(raw(1, FLAGS).0, same_image), Err(Rule::Twice));
}

#[test]
fn s_65_check_when_the_context_would_be_privileged_or_no_legacy_one_then_is_refused() {
    let flags = |flags| check(raw(1, flags).0, 0).map(|_| ());

    assert_eq!(flags(FLAGS & !(1 << 8)), Err(Rule::NoPpgtt));
    assert_eq!(flags(FLAGS & !(3 << 3)), Err(Rule::Addressing));
    assert_eq!(flags(FLAGS & !(3 << 3) | 2 << 3), Err(Rule::Addressing));
    assert_eq!(flags(FLAGS & !(3 << 3) | 1 << 3), Ok(()));
    assert_eq!(flags(FLAGS | 1 << 11), Err(Rule::Reserved));
    // What i915 has there for GPUs that are later means nothing.
    assert_eq!(flags(FLAGS | 3 << 9), Ok(()));
    // The second one has to obey too.
    let second = raw(2, FLAGS & !(1 << 8)).0;
    assert_eq!(check(raw(1, FLAGS).0, second), Err(Rule::NoPpgtt));
    // What i915 may set besides is taken: coherency, page directories restored.
    assert_eq!(flags(FLAGS | 1 << 1 | 1 << 5), Ok(()));
}

#[test]
fn check_when_a_byte_of_the_image_is_outside_of_the_ranges_then_is_refused() {
    let lrca = |lrca: u64| check(lrca | FLAGS, 0).map(|_| ());

    assert_eq!(lrca(0x10_0000), Ok(()));
    assert_eq!(lrca(0x20_0000 - IMAGE), Ok(()));
    assert_eq!(lrca(0x20_0000 - IMAGE + 0x1000), Err(Rule::Lrca));
    assert_eq!(lrca(0xf_f000), Err(Rule::Lrca));
    assert_eq!(lrca(0), Err(Rule::Lrca));
    assert_eq!(lrca(0xffff_f000), Err(Rule::Lrca));
}

#[test]
fn refused_when_printed_then_names_descriptor_and_rule() {
    let refused = raw(1, 0x19).check(&ranges(), IMAGE).unwrap_err();

    assert_eq!(
        refused.to_string(),
        "context descriptor 0x0000000100102019: a context without a PPGTT would be privileged"
    );
}

#[test]
fn place_when_the_pointer_is_any_number_then_is_inside_the_buffer() {
    let entry = Entry {
        status: Status::COMPLETE,
        context: ContextId(3),
    };
    let index = |pointer| entry.place(pointer).index;

    assert_eq!(
        [0, 1, 2, 3, 4, 5, 6, 7].map(index),
        [1, 2, 3, 4, 5, 0, 0, 0]
    );
    // What else is in the register stays: the read pointer is the guest's.
    assert_eq!(entry.place(0x0000_0507).pointer, 0x0000_0500);
}

#[test]
fn place_when_written_then_registers_and_page_have_the_entry() {
    let entry = Entry {
        status: Status::COMPLETE | Status::ACTIVE_TO_IDLE,
        context: ContextId(0xabc),
    };
    let written = entry.place(2);

    let registers = written.registers(Engine::Bcs);
    let expected = [(0x2_2388, 0x18), (0x2_238c, 0xabc), (0x2_23a0, 3)];
    assert_eq!(
        registers,
        expected.map(|(at, value)| (MmioOffset(at), value))
    );
    let page = written.page(Gma(0x10_0000));
    let expected = [(0x10_0058, 0x18), (0x10_005c, 0xabc), (0x10_007c, 3)];
    assert_eq!(page, expected.map(|(at, value)| (Gma(at), value)));
}

#[test]
fn after_reset_when_written_then_the_buffer_is_empty_and_the_engine_idle() {
    let after = Registers::of(Engine::Vecs).after_reset();

    let expected = [(0x1_a234, 0), (0x1_a238, 0), (0x1_a3a0, 7)];
    assert_eq!(after, expected.map(|(at, value)| (MmioOffset(at), value)));
    assert_eq!(ENTRIES, 6);
}

#[test]
fn s_21_status_page_when_it_was_never_set_or_is_not_the_guests_own_then_is_none() {
    assert_eq!(status::status_page(0, &ranges()), None);
    assert_eq!(status::status_page(0xf_f000, &ranges()), None);
    assert_eq!(status::status_page(0x20_0000, &ranges()), None);
    assert_eq!(
        status::status_page(0x10_0000, &ranges()),
        Some(Gma(0x10_0000))
    );
}
