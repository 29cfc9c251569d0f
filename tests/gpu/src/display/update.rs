// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Waits with a vertical blank for a driver that is in the middle of an update of planes.
//!
//! A driver that programs planes stays clear of the vertical blank by 100 µs, and complains if the
//! frame counter steps while it is at it. On hardware a register access takes a fraction of a
//! microsecond and that margin is plenty; behind an emulator one takes 5 to 100 µs, and the whole
//! CPU may be descheduled for milliseconds. So while an update is under way the beam waits on the
//! last line before the vertical blank. Only then: at any other time it is where the clock says,
//! since drivers date frames by the scan line and compare those dates to less than a line. How
//! long it waits is bounded, and what it has waited it does not carry on into later frames.
//!
//! An update is known by what is read around it (observed, i915): the scan line and then the frame
//! counter before the first write that counts, and both again after the last. Whoever only counts
//! frames reads the counter first, then the scan line, and the counter again.

/// What an access to a pipe's registers says about what the driver is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The scan line is read.
    Line,
    /// The frame counter is read.
    Count,
    /// A register of a plane or of the cursor is written.
    Plane,
}

/// What was read last, which tells counting frames from updates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reading {
    #[default]
    Nothing,
    /// The frame counter: somebody counts frames, and will read it once more.
    Counting,
    /// The scan line: if the frame counter is next, an update begins or ends.
    Looked,
}

/// An update of planes that has begun.
#[derive(Clone, Copy, Debug)]
struct Begun {
    /// When, in ns.
    since: u64,
    /// Whether a plane was written since.
    written: bool,
}

impl Begun {
    /// How long the driver may pause, and how long the update may take, in ns.
    const fn patience(self) -> (u64, u64) {
        const MS: u64 = 1_000_000;
        if self.written {
            // Less than the 100 ms after which drivers give up waiting for a vertical blank.
            (80 * MS, 90 * MS)
        } else {
            // The CPU has just waited for an answer, which is when schedulers like to give it to
            // somebody else; but it may be no update after all.
            (25 * MS, 60 * MS)
        }
    }
}

/// Follows the updates of one pipe; times are the GPU's, in ns, and never run backwards.
#[derive(Clone, Debug, Default)]
pub struct Updates {
    reading: Reading,
    begun: Option<Begun>,
    /// Time of the last access.
    last: u64,
}

impl Updates {
    /// Notes an access at `now`.
    pub fn note(&mut self, access: Access, now: u64) {
        /// After a pause of so many ns what was read before means nothing.
        const FORGET: u64 = 25_000_000;
        if now.saturating_sub(self.last) >= FORGET {
            self.reading = Reading::Nothing;
        }
        self.begun = self.begun.filter(|_| self.held_since(now).is_some());
        self.last = self.last.max(now);
        self.reading = match (access, self.reading) {
            (Access::Plane, reading) => {
                if let Some(begun) = &mut self.begun {
                    begun.written = true;
                }
                reading
            }
            (Access::Line, Reading::Nothing) => Reading::Looked,
            (Access::Line, reading) => reading,
            (Access::Count, Reading::Nothing) => Reading::Counting,
            (Access::Count, Reading::Counting) => Reading::Nothing,
            (Access::Count, Reading::Looked) => {
                self.begun = match self.begun {
                    Some(_) => None,
                    None => Some(Begun {
                        since: now,
                        written: false,
                    }),
                };
                Reading::Nothing
            }
        };
    }

    /// When the update began for which vertical blanks wait at `now`.
    pub fn held_since(&self, now: u64) -> Option<u64> {
        self.begun
            .filter(|_| now < self.held_until())
            .map(|begun| begun.since)
    }

    /// Until when vertical blanks wait if the driver does nothing more; 0 if they do not.
    pub fn held_until(&self) -> u64 {
        self.begun.map_or(0, |begun| {
            let (pause, whole) = begun.patience();
            self.last
                .saturating_add(pause)
                .min(begun.since.saturating_add(whole))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Access::{Count, Line, Plane};
    use super::*;

    const MS: u64 = 1_000_000;

    /// What is held at the time of the last of `accesses`, which come 60 µs apart, and when that is.
    fn after(accesses: &[Access]) -> (Updates, u64) {
        let mut updates = Updates::default();
        let mut now = 10 * MS;
        for access in accesses {
            now += 60_000;
            updates.note(*access, now);
        }
        (updates, now)
    }

    #[test]
    fn vblank_when_an_update_is_under_way_waits_from_its_beginning() {
        let (updates, now) = after(&[Plane, Plane, Line, Count, Plane, Plane]);

        assert_eq!(updates.held_since(now + 50 * MS), Some(now - 120_000));
    }

    #[test]
    fn vblank_when_an_update_has_ended_does_not_wait() {
        let (updates, now) = after(&[Line, Count, Plane, Plane, Line, Count]);

        assert_eq!(updates.held_since(now), None);
    }

    #[test]
    fn vblank_when_frames_are_counted_does_not_wait() {
        let (updates, now) = after(&[Count, Line, Line, Line, Count, Count, Line, Count]);

        assert_eq!(updates.held_since(now), None);
    }

    #[test]
    fn vblank_when_frames_are_counted_within_an_update_waits() {
        let (updates, now) = after(&[Line, Count, Plane, Count, Line, Count, Plane]);

        assert!(updates.held_since(now).is_some());
    }

    #[test]
    fn vblank_when_frames_are_counted_before_an_update_waits() {
        let (updates, now) = after(&[Count, Line, Count, Line, Line, Count]);

        assert_eq!(updates.held_since(now), Some(now));
    }

    #[test]
    fn vblank_when_planes_are_written_without_an_update_does_not_wait() {
        let (updates, now) = after(&[Plane, Plane, Line]);

        assert_eq!(updates.held_since(now), None);
    }

    #[test]
    fn vblank_when_a_driver_stalls_in_an_update_waits_for_it() {
        let (mut updates, now) = after(&[Line, Count]);

        updates.note(Plane, now + 15 * MS);
        updates.note(Plane, now + 50 * MS);

        assert!(updates.held_since(now + 70 * MS).is_some());
    }

    #[test]
    fn vblank_when_an_update_is_never_finished_comes_in_the_end() {
        let (mut updates, now) = after(&[Line, Count]);
        assert_eq!(updates.held_since(now + 25 * MS), None);

        for n in 0..100 {
            updates.note(Plane, now + n * MS);
        }

        assert_eq!(updates.held_since(now + 100 * MS), None);
    }

    #[test]
    fn reading_when_it_is_long_ago_is_forgotten() {
        let (mut updates, now) = after(&[Line]);

        updates.note(Count, now + 30 * MS);

        assert_eq!(updates.held_since(now + 30 * MS), None);
    }
}
