// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Frames, scan lines, vertical blanks, and flips that wait for one.
//!
//! A pipe that is on has a clock, from which all of that is computed when somebody asks. Nothing
//! ticks unless somebody waits: the guest for the interrupt of a vertical blank, or a flip for the
//! vertical blank itself.

use super::refresh::{RefreshRate, Timing};
use crate::hardware::Pipe;
use crate::mmio::pipe::Plane;
use crate::schedule::time::{Span, Time};

/// How soon after an alarm the next one may be, whatever the pipes do.
const SPACING: Span = RefreshRate::HIGHEST.period();

/// What the pipes know that is in no register.
#[derive(Default)]
pub(crate) struct Pipes {
    pipes: [State; Pipe::ALL.len()],
    /// When the last alarm was due that was followed.
    last: Option<Time>,
}

impl Pipes {
    /// All pipes are off, as after a reset. Alarms do not come sooner for that.
    pub(crate) fn reset(&mut self) {
        *self = Self {
            last: self.last,
            ..Self::default()
        };
    }

    /// When something happens next that the guest hears of.
    pub(crate) fn alarm(&self) -> Option<Time> {
        let next = self.pipes.iter().filter_map(State::next).min()?;
        Some(match self.last {
            Some(last) => next.max(last.after(SPACING)),
            None => next,
        })
    }

    /// Whether the alarm is due; it is over then.
    pub(crate) fn take_alarm(&mut self, now: Time) -> bool {
        let due = self.alarm().filter(|due| *due <= now);
        self.last = due.or(self.last);
        due.is_some()
    }

    /// One of them.
    pub(crate) fn pipe(&mut self, pipe: Pipe) -> &mut State {
        let [a, b, c] = &mut self.pipes;
        match pipe {
            Pipe::A => a,
            Pipe::B => b,
            Pipe::C => c,
        }
    }
}

/// What a pipe knows that is in no register.
#[derive(Default)]
pub(crate) struct State {
    /// There if it is on.
    clock: Option<Clock>,
    /// The frame that the guest knows of, if it wants to be interrupted for them.
    told: Option<u64>,
    primary: Option<Flip>,
    sprite: Option<Flip>,
}

/// A flip that waits for the next vertical blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flip {
    /// What is shown from then on.
    surface: u32,
    /// The frame that it came in.
    frame: u64,
}

/// What was the case when a pipe stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopped {
    /// What its frame counter showed.
    pub(crate) frame_count: u32,
    /// What its register of the scan line showed.
    pub(crate) scan_line: u32,
}

impl State {
    /// Its clock, if it is on.
    pub(crate) fn clock(&self) -> Option<&Clock> {
        self.clock.as_ref()
    }

    /// It is on with a timing, or off. If that is new it begins, goes on, or stops; `frame_count` is what
    /// its counter begins with.
    pub(crate) fn set_timing(
        &mut self,
        timing: Option<Timing>,
        now: Time,
        frame_count: u32,
    ) -> Option<Stopped> {
        match (self.clock, timing) {
            (None, None) => {}
            (Some(clock), Some(timing)) if clock.timing == timing => {}
            (before, Some(timing)) => {
                let first = match before {
                    Some(clock) => clock.frame(now),
                    None => frame_count.into(),
                };
                self.clock = Some(Clock::new(timing, now, first));
            }
            (Some(clock), None) => {
                self.clock = None;
                self.told = None;
                return Some(Stopped {
                    frame_count: clock.frame_count(now),
                    scan_line: clock.scan_line(now),
                });
            }
        }
        None
    }

    /// The guest wants to be interrupted for vertical blanks, from the next one on, or does not.
    pub(crate) fn set_told(&mut self, wants: bool, now: Time) {
        self.told = match (&self.clock, wants) {
            (Some(clock), true) => self.told.or(Some(clock.frame(now))),
            _ => None,
        };
    }

    /// A plane is to show another surface at the next vertical blank, whatever it was to show then; or at
    /// once, which is the case if this says `false`.
    pub(crate) fn flip(&mut self, plane: Plane, surface: u32, at_once: bool, now: Time) -> bool {
        let waits = self.clock.filter(|_| !at_once).map(|clock| Flip {
            surface,
            frame: clock.frame(now),
        });
        *self.flip_of(plane) = waits;
        waits.is_some()
    }

    /// What a plane shows from now on, if a flip is over: the vertical blank has come that it has
    /// waited for, or the pipe is off.
    pub(crate) fn take_flip(&mut self, plane: Plane, now: Time) -> Option<u32> {
        let frame = self.clock.map_or(u64::MAX, |clock| clock.frame(now));
        let over = self.flip_of(plane).take_if(|flip| flip.frame < frame)?;
        Some(over.surface)
    }

    /// Whether a vertical blank has come that the guest wants to know of; it does then.
    pub(crate) fn take_blank(&mut self, now: Time) -> bool {
        let (Some(clock), Some(told)) = (&self.clock, &mut self.told) else {
            return false;
        };
        let frame = clock.frame(now);
        core::mem::replace(told, frame) < frame
    }

    fn flip_of(&mut self, plane: Plane) -> &mut Option<Flip> {
        match plane {
            Plane::Primary => &mut self.primary,
            Plane::Sprite => &mut self.sprite,
        }
    }

    /// When the vertical blank comes that somebody waits for.
    fn next(&self) -> Option<Time> {
        let flips = [self.primary, self.sprite].into_iter().flatten();
        let waits = flips.map(|flip| flip.frame).chain(self.told);
        let frame = waits.min()?;
        Some(self.clock?.start(frame.saturating_add(1)))
    }
}

/// A pipe's clock.
///
/// Frames are counted where hardware does: at the start of the vertical blank. That number never
/// goes back, however the clock is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    timing: Timing,
    /// When it began, with the first line that is shown.
    began: Time,
    /// The number of the frame then.
    first: u64,
    /// How long a frame takes.
    period: Span,
    /// How long the vertical blank takes.
    blank: Span,
}

impl Clock {
    fn new(timing: Timing, began: Time, first: u64) -> Self {
        let period = timing.rate.period();
        let shown = period.times(timing.shown.into()).part(timing.lines.into());
        Self {
            timing,
            began,
            first,
            period,
            blank: period.minus(shown),
        }
    }

    /// How long it runs, as if that had been since the start of a vertical blank.
    fn elapsed(&self, now: Time) -> Span {
        now.since(self.began).plus(self.blank)
    }

    /// The number of the frame.
    fn frame(&self, now: Time) -> u64 {
        let frames = self.elapsed(now).0.checked_div(self.period.0);
        self.first.saturating_add(frames.unwrap_or(0))
    }

    /// When a frame starts.
    fn start(&self, frame: u64) -> Time {
        let until = self.period.times(frame.saturating_sub(self.first));
        self.began.after(until.minus(self.blank))
    }

    /// What the frame counter shows.
    pub(crate) fn frame_count(&self, now: Time) -> u32 {
        // It wraps.
        self.frame(now) as u32
    }

    /// What the register of the scan line shows: the line that was sent before the present one
    /// (observed: i915 adds one for a DisplayPort link).
    pub(crate) fn scan_line(&self, now: Time) -> u32 {
        let lines = u64::from(self.timing.lines);
        let of_frame = self.elapsed(now).0.checked_rem(self.period.0).unwrap_or(0);
        let of_blank = of_frame.saturating_mul(lines).checked_div(self.period.0);
        let line = of_blank
            .unwrap_or(0)
            .saturating_add(self.timing.shown.into())
            .saturating_add(lines.saturating_sub(1));
        let line = line.checked_rem(lines).unwrap_or(0);
        // No frame has that many.
        u32::try_from(line).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
