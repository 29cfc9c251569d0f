// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The time that pipes run on: the GPU's clock, made patient with a slow CPU.
//!
//! A driver that programs a pipe stays clear of the vertical blank by 100 µs. On hardware a
//! register access takes a fraction of a microsecond and that margin is plenty; behind an emulator
//! one access takes 5 to 100 µs, and hardware that ran on would break every promise the driver
//! made. So while register accesses come in a burst, pipes see only [`ACCESS_COST`] for each of
//! them. The time held back is bounded by [`MAX_DEBT`] and is made up for as soon as the burst is
//! over, so that frame rates stay right.

/// What one register access costs on the pipes' clock, in ns (hardware: 100 to 300).
pub const ACCESS_COST: u64 = 200;
/// A pause of this many ns between accesses ends a burst.
pub const BURST_GAP: u64 = 1_000_000;
/// The most time that is ever held back, in ns: half a frame at 60 Hz.
pub const MAX_DEBT: u64 = 8_000_000;

/// Maps the GPU's clock to the pipes' clock; both count ns and never run backwards.
#[derive(Clone, Debug, Default)]
pub struct PipeClock {
    /// GPU time of the last access.
    last_access: u64,
    /// Pipe time at that access.
    now: u64,
    /// Whether any access was seen; before that both clocks agree.
    started: bool,
}

impl PipeClock {
    /// Pipe time at the GPU time `gpu`, without an access.
    pub fn at(&self, gpu: u64) -> u64 {
        if !self.started {
            return gpu;
        }
        if gpu.saturating_sub(self.last_access) < BURST_GAP {
            self.now.max(gpu.saturating_sub(MAX_DEBT))
        } else {
            self.now.max(gpu)
        }
    }

    /// Notes a register access at the GPU time `gpu` and returns pipe time.
    pub fn access(&mut self, gpu: u64) -> u64 {
        // Pipes never run ahead of the GPU's clock, only behind it.
        let before = self.at(gpu);
        self.now = before.saturating_add(ACCESS_COST).min(gpu.max(before));
        self.last_access = gpu.max(self.last_access);
        self.started = true;
        self.now
    }

    /// The earliest GPU time at which pipe time is `pipe` or later, if no access intervenes.
    pub fn gpu_time_of(&self, pipe: u64) -> u64 {
        if !self.started || pipe <= self.now {
            return pipe;
        }
        let burst_over = self.last_access.saturating_add(BURST_GAP);
        pipe.max(burst_over.min(pipe.saturating_add(MAX_DEBT)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn time_when_idle_follows_the_gpu_clock() {
        let mut clock = PipeClock::default();
        clock.access(5 * MS);

        assert_eq!(clock.at(40 * MS), 40 * MS);
    }

    #[test]
    fn time_when_accesses_burst_is_what_hardware_would_take() {
        let mut clock = PipeClock::default();
        let start = clock.access(10 * MS);

        let end = (1..=50).fold(start, |_, n| clock.access(10 * MS + n * 60_000));

        assert_eq!(end - start, 50 * ACCESS_COST);
        assert_eq!(clock.at(20 * MS), 20 * MS, "the time is made up for");
    }

    #[test]
    fn time_when_a_burst_does_not_end_runs_on() {
        let mut clock = PipeClock::default();
        clock.access(0);

        let end = (1..=1000).fold(0, |_, n| clock.access(n * 100_000));

        assert!(end >= 100 * MS - MAX_DEBT, "{end}");
    }

    #[test]
    fn wake_up_time_when_held_back_is_never_too_early() {
        let mut clock = PipeClock::default();
        (0..20).for_each(|n| _ = clock.access(10 * MS + n * 100_000));

        for due in [12 * MS, 12 * MS + 500_000, 40 * MS] {
            let wake = clock.gpu_time_of(due);

            assert!(clock.at(wake) >= due, "due {due}, woken at {wake}");
        }
    }
}
