// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Clocks and flips of a pipe, by themselves.

use super::*;
use crate::display::refresh::RefreshRate;

/// 806 lines at 60 Hz, 768 of them shown.
const XGA: Timing = Timing {
    rate: RefreshRate::USUAL,
    lines: 806,
    shown: 768,
};
/// The same, as fast as can be.
const FAST: Timing = Timing {
    rate: RefreshRate::HIGHEST,
    ..XGA
};

/// When it is switched on.
const START: Time = Time(5_000);
/// A frame of [`XGA`].
const PERIOD: Span = RefreshRate::USUAL.period();

fn started() -> Clock {
    Clock::new(XGA, START, 7)
}

#[test]
fn clock_when_it_begins_sends_the_first_line_of_what_is_shown() {
    let clock = started();

    assert_eq!(clock.frame(START), 7);
    // The register is one line behind.
    assert_eq!(clock.scan_line(START), 805);
    let line = PERIOD.part(806).0;
    assert_eq!(clock.scan_line(Time(START.0 + line + 100)), 0);
}

#[test]
fn frame_counter_steps_when_the_vertical_blank_begins_and_nowhere_else() {
    let clock = started();
    for frame in 8..1_000 {
        let blank = clock.start(frame);
        assert_eq!(clock.frame(Time(blank.0 - 1)), frame - 1);
        assert_eq!(clock.frame(blank), frame);
        assert_eq!(clock.start(frame + 1).since(blank), PERIOD);
    }
}

#[test]
fn scan_line_goes_through_all_lines_and_is_past_what_is_shown_in_the_vertical_blank() {
    let clock = started();
    let blank = clock.start(8);
    assert_eq!(clock.scan_line(Time(blank.0 - 1)), 766);
    assert_eq!(clock.scan_line(blank), 767);
    let mut seen = std::collections::BTreeSet::new();
    let mut frames = 0;
    for step in 0..PERIOD.0 / 1_000 {
        let at = blank.after(Span(step * 1_000));
        let line = clock.scan_line(at);
        let last = seen.last().copied();
        frames += u64::from(last.is_some_and(|last| line + 1 < last && line == 0));
        seen.insert(line);
        // The counter says the same frame all the time.
        assert_eq!(clock.frame_count(at), 8);
    }
    assert_eq!(seen.len(), 806);
    assert_eq!(seen.last(), Some(&805));
    assert!(frames > 0);
}

#[test]
fn s_23_clock_of_one_line_or_without_a_blank_divides_by_nothing() {
    for (lines, shown) in [(1, 1), (8192, 8192), (8192, 1)] {
        let timing = Timing {
            lines,
            shown,
            ..FAST
        };
        let clock = Clock::new(timing, START, 0);
        for now in [0, START.0, START.0 + 1, u64::MAX].map(Time) {
            assert!(clock.scan_line(now) < lines);
            assert!(clock.frame(now) < u64::MAX);
        }
        assert_eq!(clock.frame(clock.start(5)), 5);
    }
}

#[test]
fn frame_counter_goes_on_when_the_timing_changes_and_stays_when_the_pipe_is_off() {
    let mut state = State::default();
    assert_eq!(state.set_timing(Some(XGA), START, 41), None);
    let later = START.after(PERIOD.times(10));
    assert_eq!(state.clock().unwrap().frame_count(later), 51);

    assert_eq!(state.set_timing(Some(FAST), later, 0), None);
    assert_eq!(state.clock().unwrap().frame_count(later), 51);
    let end = later.after(FAST.rate.period().times(3));
    let stopped = state.set_timing(None, end, 0).unwrap();

    assert_eq!((stopped.frame_count, stopped.scan_line), (54, 805));
    assert!(state.clock().is_none());
    assert_eq!(state.set_timing(None, end, 0), None);
}

#[test]
fn frame_counter_wraps() {
    let clock = Clock::new(XGA, START, u32::MAX.into());

    assert_eq!(clock.frame_count(START), u32::MAX);
    assert_eq!(clock.frame_count(START.after(PERIOD)), 0);
}

#[test]
fn blank_is_told_once_however_many_there_were() {
    let mut state = State::default();
    state.set_timing(Some(XGA), START, 0);
    state.set_told(true, START);

    let late = START.after(PERIOD.times(5));
    assert!(!state.take_blank(START));
    assert!(state.take_blank(late));
    assert!(!state.take_blank(late));
    assert_eq!(state.next(), Some(state.clock().unwrap().start(6)));
}

#[test]
fn blank_that_was_not_told_yet_is_when_the_timing_changes() {
    let mut state = State::default();
    state.set_timing(Some(XGA), START, 0);
    state.set_told(true, START);
    let late = START.after(PERIOD.times(2));

    state.set_timing(Some(FAST), late, 0);

    assert!(state.next().unwrap() <= late);
    assert!(state.take_blank(late));
}

#[test]
fn blanks_of_before_are_not_told_to_who_asks_now() {
    let mut state = State::default();
    state.set_timing(Some(XGA), START, 0);
    assert_eq!(state.next(), None);
    let late = START.after(PERIOD.times(100));

    state.set_told(true, late);

    assert!(!state.take_blank(late));
    assert_eq!(state.next(), Some(state.clock().unwrap().start(101)));
    // To ask again changes nothing.
    state.set_told(true, late.after(PERIOD));
    assert!(state.take_blank(late.after(PERIOD)));
}

#[test]
fn flip_waits_for_the_blank_after_it_and_the_last_one_counts() {
    let mut state = State::default();
    state.set_timing(Some(XGA), START, 0);
    let blank = state.clock().unwrap().start(1);

    assert!(state.flip(Plane::Primary, 0x1000, false, START));
    assert!(state.flip(Plane::Primary, 0x2000, false, Time(blank.0 - 1)));
    assert_eq!(state.next(), Some(blank));
    assert_eq!(state.take_flip(Plane::Primary, Time(blank.0 - 1)), None);
    assert_eq!(state.take_flip(Plane::Sprite, blank), None);
    assert_eq!(state.take_flip(Plane::Primary, blank), Some(0x2000));
    assert_eq!(state.take_flip(Plane::Primary, blank), None);
    assert_eq!(state.next(), None);
}

#[test]
fn flip_at_once_drops_the_one_that_waits() {
    let mut state = State::default();
    state.set_timing(Some(XGA), START, 0);
    state.flip(Plane::Sprite, 0x1000, false, START);

    assert!(!state.flip(Plane::Sprite, 0x2000, true, START));

    assert_eq!(state.next(), None);
    let late = START.after(PERIOD.times(9));
    assert_eq!(state.take_flip(Plane::Sprite, late), None);
}

#[test]
fn flip_that_waits_is_over_when_the_pipe_stops() {
    let mut state = State::default();
    state.set_timing(Some(XGA), START, 0);
    state.flip(Plane::Primary, 0x1000, false, START);

    state.set_timing(None, START, 0);

    assert_eq!(state.take_flip(Plane::Primary, START), Some(0x1000));
}

#[test]
fn alarm_is_taken_when_it_is_due_and_the_next_is_not_too_soon() {
    let mut pipes = Pipes::default();
    assert_eq!(pipes.alarm(), None);
    assert!(!pipes.take_alarm(Time(u64::MAX)));
    let pipe = pipes.pipe(Pipe::B);
    pipe.set_timing(Some(XGA), START, 0);
    pipe.set_told(true, START);
    let due = pipes.alarm().unwrap();

    assert!(!pipes.take_alarm(Time(due.0 - 1)));
    assert!(pipes.take_alarm(due));
    // Somebody is told of another pipe's blank, which comes right then.
    let next = pipes.alarm().unwrap();
    assert_eq!(next, due.after(SPACING), "nobody was told of the first");
    pipes.pipe(Pipe::B).take_blank(due);
    assert_eq!(pipes.alarm(), Some(due.after(PERIOD)));

    pipes.reset();
    assert_eq!(pipes.alarm(), None);
    assert_eq!(pipes.last, Some(due));
}
