// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The time that pipes run on: the GPU's clock, made patient with a slow CPU.
//!
//! A driver that programs a plane stays clear of the vertical blank by 100 µs, and complains if
//! the frame counter steps while it is at it. On hardware a register access takes a fraction of a
//! microsecond and that margin is plenty; behind an emulator one access takes 5 to 100 µs, and the
//! whole CPU may be descheduled for milliseconds: hardware that ran on would break every promise
//! the driver made. So while register accesses come in a burst, pipes see only [`ACCESS_COST`] for
//! each of them, and they wait longest for a driver that is half-way through an update. What is
//! held back is bounded and is made up for as soon as the burst is over, so that frame rates stay
//! right.

/// What one register access costs on the pipes' clock, in ns (hardware: 100 to 300).
pub const ACCESS_COST: u64 = 200;

/// What an access says about what the driver is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Nothing in particular.
    #[default]
    Other,
    /// Plane registers are being written that take effect together.
    Update,
    /// They were armed; the driver will look at the frame counter to see that it was in time.
    Arm,
    /// The frame counter is read: an update may begin. The CPU has just waited for the answer,
    /// which is when schedulers like to give it to somebody else.
    Count,
    /// The frame counter is read after planes were armed: the update has ended.
    End,
    /// The scan line is read shortly before the vertical blank: the driver may wait until it is
    /// over.
    Evade,
}

/// How patient pipes are.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// A pause of this many ns between accesses ends a burst.
    gap: u64,
    /// The most time that is held back, in ns.
    debt: u64,
}

impl Access {
    /// How long pipes wait for what comes next.
    const fn patience(self) -> Patience {
        const MS: u64 = 1_000_000;
        let (gap, debt) = match self {
            Self::Other | Self::End => (2 * MS, 8 * MS),
            // Less than a frame, or each vertical blank, at which it is read, would delay the next.
            Self::Count => (12 * MS, 60 * MS),
            // Less than the 100 ms after which drivers give up waiting for a vertical blank.
            Self::Update => (80 * MS, 90 * MS),
            Self::Arm => (60 * MS, 90 * MS),
            // The driver either goes on at once or sleeps for one or two of its clock ticks.
            Self::Evade => (MS / 2, 8 * MS),
        };
        Patience { gap, debt }
    }

    /// What is going on after this access, given what was before.
    const fn after(self, before: Self) -> Self {
        match (before, self) {
            // Other registers are accessed in the course of an update, too.
            (Self::Count | Self::Update | Self::Arm | Self::End, Self::Other) => before,
            // Drivers write most of a plane ahead, then look at the counter, then arm.
            (Self::Update | Self::Evade, Self::Count) => Self::Update,
            (Self::Arm | Self::End, Self::Count) => Self::End,
            _ => self,
        }
    }
}

/// Maps the GPU's clock to the pipes' clock; both count ns and never run backwards.
#[derive(Clone, Debug, Default)]
pub struct PipeClock {
    /// GPU time of the last access.
    last_access: u64,
    /// GPU time when somebody last asked.
    last_seen: u64,
    /// Pipe time at that access.
    now: u64,
    /// What the driver is doing.
    activity: Access,
    /// Whether any access was seen; before that both clocks agree.
    started: bool,
}

impl PipeClock {
    /// Pipe time at the GPU time `gpu`, without an access.
    pub fn at(&self, gpu: u64) -> u64 {
        if !self.started {
            return gpu;
        }
        let patience = self.activity.patience();
        if gpu.saturating_sub(self.last_access) < patience.gap {
            self.now.max(gpu.saturating_sub(patience.debt))
        } else {
            self.now.max(gpu)
        }
    }

    /// Notes a register access at the GPU time `gpu` and returns pipe time.
    pub fn access(&mut self, gpu: u64, access: Access) -> u64 {
        // Pipes never run ahead of the GPU's clock, only behind it.
        let before = self.at(gpu);
        self.now = before.saturating_add(ACCESS_COST).min(gpu.max(before));
        self.last_access = gpu.max(self.last_access);
        self.last_seen = self.last_access;
        self.activity = access.after(self.activity);
        self.started = true;
        self.now
    }

    /// Pipe time at the GPU time `gpu`; notes that somebody has asked.
    pub fn tick(&mut self, gpu: u64) -> u64 {
        self.last_seen = self.last_seen.max(gpu);
        self.at(gpu)
    }

    /// When to look again for pipe time `pipe`, in GPU time.
    ///
    /// It may be too early but never too late: accesses change how long pipes are held back, and
    /// whoever sleeps is not told.
    pub fn gpu_time_of(&self, pipe: u64) -> u64 {
        /// How often to look while pipes are held back, in ns.
        const LOOK_AGAIN: u64 = 1_000_000;
        if !self.started || pipe <= self.now {
            return pipe;
        }
        pipe.max(
            self.last_seen
                .saturating_add(LOOK_AGAIN)
                .min(self.held_until(pipe)),
        )
    }

    /// GPU time at which pipe time is `pipe`, if no access intervenes.
    fn held_until(&self, pipe: u64) -> u64 {
        let patience = self.activity.patience();
        let burst_over = self.last_access.saturating_add(patience.gap);
        burst_over.min(pipe.saturating_add(patience.debt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const DEBT: u64 = Access::Other.patience().debt;

    #[test]
    fn time_when_idle_follows_the_gpu_clock() {
        let mut clock = PipeClock::default();
        clock.access(5 * MS, Access::Other);

        assert_eq!(clock.at(40 * MS), 40 * MS);
    }

    #[test]
    fn time_when_accesses_burst_is_what_hardware_would_take() {
        let mut clock = PipeClock::default();
        let start = clock.access(10 * MS, Access::Count);

        let end = (1..=50).fold(start, |_, n| {
            clock.access(10 * MS + n * 60_000, Access::Other)
        });

        assert_eq!(end - start, 50 * ACCESS_COST);
        assert_eq!(clock.at(30 * MS), 30 * MS, "the time is made up for");
    }

    #[test]
    fn time_when_a_burst_does_not_end_runs_on() {
        let mut clock = PipeClock::default();
        clock.access(0, Access::Other);

        let end = (1..=1000).fold(0, |_, n| clock.access(n * 100_000, Access::Other));

        assert!(end >= 100 * MS - DEBT, "{end}");
    }

    #[test]
    fn time_when_a_driver_stalls_in_an_update_waits_for_it() {
        let mut clock = PipeClock::default();
        clock.access(10 * MS, Access::Update);
        let begun = clock.access(10 * MS + 1000, Access::Count);

        let armed = clock.access(40 * MS, Access::Arm);
        let ended = clock.access(48 * MS, Access::Count);

        assert_eq!(ended, begun + 2 * ACCESS_COST);
        assert_eq!(armed, begun + ACCESS_COST);
        assert_eq!(clock.at(51 * MS), 51 * MS, "the update is over");
    }

    #[test]
    fn time_when_a_flip_follows_a_vblank_interrupt_waits_for_it() {
        use Access::{Arm, Count, Other, Update};
        let mut clock = PipeClock::default();
        // As logged: interrupt handler, registers of the plane, evasion, a stall of 15 ms, arming.
        let log = [
            (546_276, Count),
            (546_339, Other),
            (546_476, Count),
            (547_488, Update),
            (547_511, Update),
            (547_524, Other),
            (551_685, Count),
            (567_193, Other),
            (567_284, Update),
            (567_287, Arm),
            (567_297, Other),
            (567_356, Count),
        ];

        let times: Vec<u64> = log
            .iter()
            .map(|(time, access)| clock.access(time * 1000, *access))
            .collect();

        assert_eq!(times[11] - times[6], 5 * ACCESS_COST);
    }

    #[test]
    fn time_when_an_update_is_never_finished_runs_on() {
        let mut clock = PipeClock::default();
        clock.access(10 * MS, Access::Update);

        assert_eq!(clock.at(90 * MS), 90 * MS);
    }

    #[test]
    fn time_when_a_driver_sleeps_over_the_vblank_is_not_held_back() {
        let mut clock = PipeClock::default();
        clock.access(10 * MS, Access::Update);
        clock.access(15 * MS, Access::Evade);

        assert_eq!(clock.at(16 * MS), 16 * MS);
    }

    #[test]
    fn sleeper_when_told_when_to_look_again_is_never_late_and_never_spins() {
        for access in [Access::Other, Access::Update, Access::Arm, Access::End] {
            let mut clock = PipeClock::default();
            clock.access(10 * MS, access);
            let due = 11 * MS;

            let mut looks = 0;
            let mut time = 10 * MS;
            while clock.tick(time) < due {
                time = clock.gpu_time_of(due).max(time + 1);
                looks += 1;
            }

            assert!(looks <= 90, "{access:?}: {looks}");
            assert!(
                time <= 10 * MS + access.patience().gap.max(MS),
                "{access:?}: {time}"
            );
        }
    }
}
