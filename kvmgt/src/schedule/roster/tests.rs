// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::schedule::time::Span;

const ENGINE: Engine = Engine::Bcs;
const NOW: Time = Time(0);

fn ids() -> [VgpuId; 2] {
    let mut all = VgpuId::all();
    [all.next().unwrap(), all.next().unwrap()]
}

fn roster() -> Roster {
    let mut roster = Roster::new(Settings::USUAL, NOW).unwrap();
    for id in ids() {
        roster.join(id, Weight::MOST).unwrap();
    }
    roster
}

/// A submission of a vGPU's.
fn first_of(id: VgpuId) -> Submitted {
    let (engine, serial) = (ENGINE, 1);
    Submitted {
        context: 7,
        tag: Tag { id, engine, serial },
    }
}

fn late() -> Time {
    NOW.after(Settings::USUAL.deadline)
}

#[test]
fn a_turn_is_offered_taken_once_and_ends() {
    let mut roster = roster();
    let [first, second] = ids();

    assert_eq!(roster.set_ready(ENGINE, first, true, NOW).wake, Some(first));
    assert!(!roster.take(ENGINE, second) && !roster.take(Engine::Rcs, first));
    assert!(roster.take(ENGINE, first) && !roster.take(ENGINE, first));
    roster.started(first_of(first), NOW);
    roster.set_ready(ENGINE, first, false, NOW);
    roster.set_ready(ENGINE, second, true, NOW);
    assert_eq!(roster.ended(ENGINE, Ending::Done, NOW).wake, Some(second));
}

#[test]
fn a_turn_that_nobody_takes_in_time_goes_to_the_next() {
    let mut roster = roster();
    let [first, second] = ids();
    roster.set_ready(ENGINE, first, true, NOW);
    let order = roster.set_ready(ENGINE, second, true, NOW);
    assert_eq!(order.again, Some(late()));

    assert_eq!(roster.tick(ENGINE, late()).wake, Some(second));
    assert!(!roster.take(ENGINE, first) && roster.take(ENGINE, second));
}

#[test]
fn a_turn_that_is_late_is_killed_as_soon_as_it_has_started() {
    let mut roster = roster();
    let [first, second] = ids();
    roster.set_ready(ENGINE, first, true, NOW);
    assert!(roster.take(ENGINE, first));
    roster.set_ready(ENGINE, second, true, NOW);
    assert_eq!(roster.tick(ENGINE, late()).kill, None);

    assert_eq!(
        roster.started(first_of(first), late()).kill,
        Some(first_of(first))
    );

    let order = roster.ended(ENGINE, Ending::Hung, late());
    assert_eq!(order.wake, Some(second));
}

#[test]
fn a_started_turn_that_is_late_is_killed() {
    let mut roster = roster();
    let [first, second] = ids();
    roster.set_ready(ENGINE, first, true, NOW);
    assert!(roster.take(ENGINE, first));
    roster.started(first_of(first), NOW);
    roster.set_ready(ENGINE, second, true, NOW);

    let soon = Time(late().0 - 1);
    assert_eq!(roster.tick(ENGINE, soon).kill, None);
    let kill = roster.tick(ENGINE, late()).kill;
    assert_eq!(kill, Some(first_of(first)));
}

#[test]
fn a_turn_that_was_killed_at_its_deadline_is_an_offence() {
    let mut roster = roster();
    let [first, second] = ids();
    roster.set_ready(ENGINE, first, true, NOW);
    assert!(roster.take(ENGINE, first));
    roster.started(first_of(first), NOW);
    roster.set_ready(ENGINE, second, true, NOW);
    roster.tick(ENGINE, late());

    roster.ended(ENGINE, Ending::Cancelled, late());
    roster.set_ready(ENGINE, second, false, late());

    let held = late().after(Settings::USUAL.held);
    let order = roster.tick(ENGINE, Time(held.0 - 1));
    assert_eq!((order.wake, order.again), (None, Some(held)));
    assert_eq!(roster.tick(ENGINE, held).wake, Some(first));
}

#[test]
fn who_starts_what_has_ended_leaves_the_turn_of_another_alone() {
    let mut roster = roster();
    let [first, second] = ids();
    roster.set_ready(ENGINE, first, true, NOW);
    assert!(roster.take(ENGINE, first));
    roster.set_ready(ENGINE, first, false, NOW);
    roster.set_ready(ENGINE, second, true, NOW);
    roster.ended(ENGINE, Ending::Done, NOW);

    roster.started(first_of(first), NOW);

    assert!(roster.take(ENGINE, second));
}

#[test]
fn a_turn_that_was_offered_is_withdrawn_with_the_work() {
    let mut roster = roster();
    let [first, _] = ids();
    roster.set_ready(ENGINE, first, true, NOW);
    roster.set_ready(ENGINE, first, false, NOW);

    assert!(!roster.take(ENGINE, first));
    let order = roster.set_ready(ENGINE, first, true, NOW.after(Span::from_millis(1)));
    assert_eq!(order.wake, Some(first));
}

#[test]
fn no_turn_is_offered_between_suspend_and_resume() {
    let mut roster = roster();
    let [first, second] = ids();

    assert_eq!(roster.set_asleep(ENGINE, true, NOW), Order::default());
    for id in [first, second] {
        let order = roster.set_ready(ENGINE, id, true, NOW);
        assert_eq!(order, Order::default());
    }
    assert_eq!(roster.tick(ENGINE, late()), Order::default());
    assert!(!roster.take(ENGINE, first));

    assert_eq!(roster.set_asleep(ENGINE, false, late()).wake, Some(first));
    assert!(roster.take(ENGINE, first));
}

#[test]
fn a_turn_that_was_offered_at_the_suspend_comes_again_and_is_no_offence() {
    let mut roster = roster();
    let [first, second] = ids();
    roster.set_ready(ENGINE, first, true, NOW);
    roster.set_ready(ENGINE, second, true, NOW);

    assert_eq!(roster.set_asleep(ENGINE, true, NOW), Order::default());
    assert!(!roster.take(ENGINE, first));
    roster.set_ready(ENGINE, second, false, NOW);

    let wake = roster.set_asleep(ENGINE, false, late()).wake;
    assert_eq!(wake, Some(first));
}

#[test]
fn who_gives_up_a_turn_says_nothing_of_a_suspend_before_it() {
    let mut roster = roster();
    let [first, _] = ids();
    roster.set_asleep(ENGINE, true, NOW);
    roster.set_ready(ENGINE, first, true, NOW);
    roster.set_asleep(ENGINE, false, NOW);
    assert!(roster.take(ENGINE, first));

    let (order, has_slept) = roster.gave_up(ENGINE, NOW);

    assert_eq!((order.wake, has_slept), (Some(first), false));
}

#[test]
fn a_turn_that_is_given_up_for_a_suspend_comes_again_at_the_resume() {
    let mut roster = roster();
    let [first, second] = ids();
    roster.set_ready(ENGINE, first, true, NOW);
    assert!(roster.take(ENGINE, first));
    roster.set_ready(ENGINE, second, true, NOW);
    assert_eq!(roster.set_asleep(ENGINE, true, NOW), Order::default());
    // Nobody waits for it meanwhile.
    assert_eq!(roster.tick(ENGINE, late()), Order::default());

    assert_eq!(roster.gave_up(ENGINE, late()), (Order::default(), true));
    roster.set_ready(ENGINE, second, false, late());

    let wake = roster.set_asleep(ENGINE, false, late()).wake;
    assert_eq!(wake, Some(first));
}

#[test]
fn a_turn_that_is_given_up_behind_the_resume_comes_again_at_once() {
    let mut roster = roster();
    let [first, _] = ids();
    roster.set_ready(ENGINE, first, true, NOW);
    assert!(roster.take(ENGINE, first));
    roster.set_asleep(ENGINE, true, NOW);
    roster.set_asleep(ENGINE, false, NOW);

    let (order, has_slept) = roster.gave_up(ENGINE, NOW);

    assert_eq!((order.wake, has_slept), (Some(first), true));
}

#[test]
fn a_turn_that_has_started_at_the_suspend_goes_on() {
    let mut roster = roster();
    let [first, second] = ids();
    roster.set_ready(ENGINE, first, true, NOW);
    assert!(roster.take(ENGINE, first));
    roster.started(first_of(first), NOW);
    roster.set_ready(ENGINE, second, true, NOW);

    assert_eq!(roster.set_asleep(ENGINE, true, NOW), Order::default());
    let order = roster.ended(ENGINE, Ending::Done, NOW);
    assert_eq!(order, Order::default());

    assert!(roster.set_asleep(ENGINE, false, NOW).wake.is_some());
}

#[test]
fn who_leaves_is_offered_nothing_and_can_join_again() {
    let mut roster = roster();
    let [first, second] = ids();
    roster.set_ready(ENGINE, first, true, NOW);
    roster.set_ready(ENGINE, second, true, NOW);

    roster.leave(first, NOW);

    assert_eq!(roster.tick(ENGINE, NOW).wake, Some(second));
    assert!(!roster.take(ENGINE, first));
    assert_eq!(roster.join(first, Weight::MOST), Ok(()));
}
