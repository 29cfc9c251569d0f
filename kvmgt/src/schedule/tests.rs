// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use std::vec::Vec;

mod queues;
mod simulation;

const MS: u64 = 1_000_000;

fn at(millis: u64) -> Time {
    Time(millis * MS)
}

fn id(number: u32) -> VgpuId {
    VgpuId::all().find(|id| id.number() == number).unwrap()
}

fn weight(weight: u32) -> Weight {
    Weight::new(weight).unwrap()
}

/// A schedule with vGPUs of these weights, numbered from 1, that all have something to do.
fn busy(weights: &[u32]) -> Schedule {
    let mut schedule = Schedule::new(Settings::USUAL, Time(0));
    for (number, of_vgpu) in (1..).zip(weights) {
        schedule.add(id(number), weight(*of_vgpu)).unwrap();
        schedule.set_ready(id(number), true, Time(0));
    }
    schedule
}

fn runs(number: u32) -> Option<Action> {
    Some(Action::Run(id(number)))
}

fn kills(number: u32) -> Option<Action> {
    Some(Action::Kill(id(number)))
}

const NOTHING: Decision = Decision {
    action: None,
    again: None,
};

#[test]
fn decide_when_nobody_wants_the_engine_then_does_nothing() {
    let mut schedule = Schedule::new(Settings::USUAL, Time(0));
    assert_eq!(schedule.decide(at(1)), NOTHING);

    schedule.add(id(1), weight(2)).unwrap();
    assert_eq!(schedule.decide(at(2)), NOTHING);
}

#[test]
fn decide_when_one_wants_the_engine_then_it_has_it_for_as_long_as_it_likes() {
    let mut schedule = busy(&[2]);

    assert_eq!(schedule.decide(at(0)).action, runs(1));
    assert_eq!(schedule.decide(at(100_000)), NOTHING);
    schedule.ended(Ending::Done, true, at(100_000));
    assert_eq!(schedule.decide(at(100_000)).action, runs(1));
    assert_eq!(schedule.owes(id(1)), Span::ZERO);
}

#[test]
fn decide_when_a_slice_is_not_over_then_its_owner_goes_on() {
    let mut schedule = busy(&[4, 4]);
    assert_eq!(schedule.decide(at(0)).action, runs(1));

    // Two of the same weight: 12 ms each.
    schedule.ended(Ending::Done, true, at(11));
    assert_eq!(schedule.decide(at(11)).action, runs(1));
    schedule.ended(Ending::Done, true, at(12));
    assert_eq!(schedule.decide(at(12)).action, runs(2));
}

#[test]
fn decide_when_the_owner_of_a_slice_is_idle_then_another_one_has_the_engine() {
    let mut schedule = busy(&[4, 4]);
    schedule.decide(at(0));
    schedule.ended(Ending::Done, false, at(1));

    assert_eq!(schedule.decide(at(1)).action, runs(2));
}

#[test]
fn decide_when_a_workload_took_longer_than_the_slice_then_the_debt_is_repaid() {
    let mut schedule = busy(&[4, 4]);
    schedule.decide(at(0));
    schedule.ended(Ending::Done, true, at(60));
    assert_eq!(schedule.owes(id(1)), Span::from_millis(60));

    let mut now = 60;
    while schedule.decide(at(now)).action == runs(2) {
        now += 10;
        schedule.ended(Ending::Done, true, at(now));
    }
    assert_eq!(now, 120);
}

#[test]
fn owes_when_it_had_the_engine_for_long_then_is_bounded() {
    let mut schedule = busy(&[2, 16]);
    schedule.set_ready(id(2), false, at(0));
    schedule.decide(at(0));
    schedule.set_ready(id(2), true, at(10));

    schedule.ended(Ending::Done, true, at(100_000));

    assert_eq!(schedule.owes(id(1)), Settings::USUAL.owed_most);
}

#[test]
fn owes_when_nobody_else_wanted_the_engine_then_that_time_is_free() {
    let mut schedule = busy(&[4, 4]);
    schedule.set_ready(id(2), false, at(0));
    schedule.decide(at(0));
    schedule.set_ready(id(2), true, at(10_000));
    schedule.ended(Ending::Done, true, at(10_005));

    assert_eq!(schedule.owes(id(1)), Span::from_millis(5));
}

#[test]
fn decide_when_one_was_idle_for_long_then_it_has_saved_nothing() {
    let mut schedule = busy(&[4, 4, 4]);
    schedule.set_ready(id(3), false, at(0));
    let mut now = 0;
    for _ in 0..100 {
        schedule.decide(at(now));
        now += 12;
        schedule.ended(Ending::Done, true, at(now));
    }
    schedule.set_ready(id(3), true, at(now));

    // Three of the same weight: each gets one slice in three.
    let mut turns = Vec::new();
    for _ in 0..9 {
        turns.push(schedule.decide(at(now)).action);
        now += 12;
        schedule.ended(Ending::Done, true, at(now));
    }
    let turns_of = |number| turns.iter().filter(|turn| **turn == runs(number)).count();
    assert_eq!([turns_of(1), turns_of(2), turns_of(3)], [3, 3, 3]);
}

#[test]
fn decide_when_others_wait_then_says_when_the_deadline_is() {
    let mut schedule = busy(&[4, 4]);

    let decision = schedule.decide(at(5));
    assert_eq!((decision.action, decision.again), (runs(1), Some(at(1005))));
    let decision = schedule.decide(at(500));
    assert_eq!((decision.action, decision.again), (None, Some(at(1005))));
}

#[test]
fn s_67_decide_when_a_workload_hangs_then_is_killed_once_and_the_other_one_runs() {
    let mut schedule = busy(&[4, 4]);
    schedule.decide(at(0));

    assert_eq!(schedule.decide(Time(1000 * MS - 1)).action, None);
    assert_eq!(schedule.decide(at(1000)).action, kills(1));
    assert_eq!(schedule.decide(at(1001)), NOTHING);
    schedule.ended(Ending::Hung, true, at(1002));
    assert_eq!(schedule.decide(at(1002)).action, runs(2));
}

#[test]
fn s_67_decide_when_somebody_comes_to_a_hung_engine_then_waits_for_the_deadline_only() {
    let mut schedule = busy(&[4, 4]);
    schedule.set_ready(id(2), false, at(0));
    schedule.decide(at(0));
    assert_eq!(schedule.decide(at(50_000)), NOTHING);

    schedule.set_ready(id(2), true, at(50_000));

    assert_eq!(schedule.decide(at(50_000)).again, Some(at(51_000)));
    assert_eq!(schedule.decide(at(51_000)).action, kills(1));
}

#[test]
fn decide_when_whoever_waited_is_gone_then_kills_nothing() {
    let mut schedule = busy(&[4, 4]);
    schedule.decide(at(0));
    schedule.set_ready(id(2), false, at(999));

    assert_eq!(schedule.decide(at(5000)), NOTHING);
    schedule.set_ready(id(2), true, at(5000));
    assert_eq!(schedule.decide(at(5000)).again, Some(at(5001)));
}

#[test]
fn s_67_ended_when_a_vgpu_offends_again_and_again_then_is_held_longer_up_to_a_bound() {
    let mut schedule = busy(&[4]);
    let mut now = at(0);
    let mut held = Vec::new();
    for _ in 0..6 {
        assert_eq!(schedule.decide(now).action, runs(1));
        schedule.ended(Ending::Hung, true, now);
        let decision = schedule.decide(now);
        assert_eq!(decision.action, None);
        held.push(decision.again.unwrap().since(now).0 / MS);
        now = decision.again.unwrap();
    }
    assert_eq!(held, [1000, 2000, 4000, 8000, 8000, 8000]);

    // A good while later it is a first offence again.
    now = now.after(Settings::USUAL.forgives_after);
    schedule.decide(now);
    schedule.ended(Ending::Hung, true, now);
    assert_eq!(schedule.held(id(1), now), Span::from_millis(1000));
}

#[test]
fn ended_when_a_guest_resets_its_engine_then_is_no_offence() {
    let mut schedule = busy(&[4]);
    schedule.decide(at(0));
    schedule.ended(Ending::Cancelled, true, at(1));

    assert_eq!(schedule.decide(at(1)).action, runs(1));
}

#[test]
fn decide_when_the_other_one_is_held_then_it_does_not_wait_yet() {
    let mut schedule = busy(&[4, 4]);
    schedule.decide(at(0));
    schedule.ended(Ending::Hung, true, at(10));
    assert_eq!(schedule.decide(at(10)).action, runs(2));

    // It is held until 1,010 ms, and the deadline runs from there on.
    assert_eq!(schedule.decide(at(500)).again, Some(at(2010)));
    assert_eq!(schedule.decide(at(2009)).action, None);
    assert_eq!(schedule.decide(at(2010)).action, kills(2));
}

#[test]
fn s_70_remove_when_a_workload_runs_then_is_killed_and_its_namesake_waits_for_that() {
    let mut schedule = busy(&[4]);
    schedule.decide(at(0));

    schedule.remove(id(1), at(1));

    assert_eq!(schedule.decide(at(1)).action, kills(1));
    assert_eq!(schedule.add(id(1), weight(2)), Err(EBUSY));
    schedule.ended(Ending::Cancelled, true, at(2));
    assert_eq!(schedule.decide(at(2)), NOTHING);
    schedule.add(id(1), weight(2)).unwrap();
    assert_eq!(schedule.decide(at(2)), NOTHING);
}

#[test]
fn remove_when_it_waits_then_is_forgotten() {
    let mut schedule = busy(&[4, 4]);
    schedule.decide(at(0));
    schedule.remove(id(2), at(1));

    assert_eq!(schedule.decide(at(5000)), NOTHING);
    schedule.ended(Ending::Done, false, at(5000));
    assert_eq!(schedule.decide(at(5000)), NOTHING);
    assert_eq!(schedule.add(id(2), weight(2)), Ok(()));
}

#[test]
fn decide_when_the_host_is_behind_then_starts_nothing_until_it_is_not() {
    let mut schedule = busy(&[16]);
    schedule.set_host(true, at(0));
    schedule.set_host(false, at(1));
    assert_eq!(schedule.decide(at(1)).action, runs(1));
    schedule.ended(Ending::Done, true, at(11));

    schedule.set_host(true, at(11));

    // The host was on for 1 ms before while the vGPU wanted the engine.
    let decision = schedule.decide(at(11));
    assert_eq!((decision.action, decision.again), (None, Some(at(20))));
    assert_eq!(schedule.decide(at(20)).action, runs(1));
}

#[test]
fn decide_when_the_host_goes_then_starts_at_once() {
    let mut schedule = busy(&[16]);
    schedule.set_host(true, at(0));
    schedule.set_host(false, at(1));
    schedule.decide(at(1));
    schedule.ended(Ending::Done, true, at(100));
    schedule.set_host(true, at(100));
    assert_eq!(schedule.decide(at(100)).action, None);

    schedule.set_host(false, at(101));

    assert_eq!(schedule.decide(at(101)).action, runs(1));
}

#[test]
fn decide_when_the_host_has_the_engine_then_nobody_is_killed_for_it() {
    let mut schedule = busy(&[4, 4]);
    schedule.decide(at(0));
    schedule.set_host(true, at(10));

    assert_eq!(schedule.decide(at(10_000)), NOTHING);

    schedule.set_host(false, at(10_000));
    assert_eq!(schedule.decide(at(10_000)).again, Some(at(10_990)));
}

#[test]
fn decide_when_time_goes_back_then_it_stands_still() {
    let mut schedule = busy(&[4, 4]);
    schedule.decide(at(500));

    assert_eq!(schedule.decide(at(100)).again, Some(at(1500)));
    schedule.ended(Ending::Done, true, at(0));
    assert_eq!(schedule.decide(at(0)).action, runs(1));
}

#[test]
fn weight_when_it_is_of_a_type_then_is_accepted() {
    use crate::vgpu::kind::KINDS;

    assert!(KINDS.iter().all(|kind| Weight::new(kind.weight).is_some()));
    assert!(Weight::new(0).is_none() && Weight::new(17).is_none());
}

#[test]
fn schedule_when_it_is_made_then_allocates_nothing_from_there_on() {
    let mut schedule = busy(&[2, 4, 8, 16, 2, 4, 8]);
    let ledger = kernel::testing::Ledger::current();
    ledger.fail_at(0, true);
    let mut now = 0;
    for _ in 0..1000 {
        schedule.decide(at(now));
        now += 3;
        schedule.ended(Ending::Done, true, at(now));
    }
    assert_eq!(ledger.tried(), 0);
    ledger.fail_none();
}
