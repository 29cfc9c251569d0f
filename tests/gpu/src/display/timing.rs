// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Where the beam is: lines and frames of a pipe as functions of time.

use crate::register_file::RegisterFile;

use super::bits::{self, Transcoder};

/// The timing of a running pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Pixels a millisecond.
    pub clock_khz: u64,
    /// Pixels of a line with blanking.
    pub h_total: u64,
    /// Lines of a frame with blanking.
    pub v_total: u64,
    /// The first line of the vertical blank.
    pub vblank_start: u64,
    /// Lines that the scan line register is behind the beam (observed: i915 adds 2 for HDMI and
    /// DVI, 1 for anything else).
    pub scanline_lag: u64,
}

/// Nanoseconds in a millisecond, in which a pipe sends `clock_khz` pixels.
const NANOS_PER_MILLI: u128 = 1_000_000;

impl Timing {
    /// Reads a transcoder's timing registers; `None` while they make no sense.
    pub fn from_registers(
        regs: &RegisterFile,
        transcoder: Transcoder,
        clock_khz: u64,
        scanline_lag: u64,
    ) -> Option<Self> {
        let total = |offset| u64::from(regs.get(transcoder.register(offset)) >> 16 & 0x1fff) + 1;
        let h_total = total(bits::TRANS_HTOTAL);
        let v_total = total(bits::TRANS_VTOTAL);
        let vblank_start =
            u64::from(regs.get(transcoder.register(bits::TRANS_VBLANK)) & 0x1fff) + 1;
        let sane = clock_khz > 0 && h_total > 1 && vblank_start < v_total;
        sane.then_some(Self {
            clock_khz,
            h_total,
            v_total,
            vblank_start,
            scanline_lag,
        })
    }

    /// Whole lines sent `elapsed` ns after the pipe began.
    fn lines(&self, elapsed: u64) -> u64 {
        let pixels = u128::from(elapsed) * u128::from(self.clock_khz) / NANOS_PER_MILLI;
        (pixels / u128::from(self.h_total)) as u64
    }

    /// What the scan line register shows.
    pub fn scanline(&self, elapsed: u64) -> u32 {
        let lag = self.scanline_lag % self.v_total;
        ((self.lines(elapsed) + self.v_total - lag) % self.v_total) as u32
    }

    /// Vertical blanks that have begun.
    pub fn vblanks(&self, elapsed: u64) -> u64 {
        (self.lines(elapsed) + self.v_total - self.vblank_start) / self.v_total
    }

    /// When the `n`th vertical blank (from 1) begins, in ns after the pipe began.
    pub fn vblank_time(&self, n: u64) -> u64 {
        let line = u128::from(n.saturating_sub(1)) * u128::from(self.v_total)
            + u128::from(self.vblank_start);
        let pixels = line * u128::from(self.h_total);
        (pixels * NANOS_PER_MILLI).div_ceil(u128::from(self.clock_khz)) as u64
    }

    /// When the frame began that is on the wire, in ns after the pipe began.
    pub fn frame_time(&self, elapsed: u64) -> u64 {
        let line = u128::from(self.lines(elapsed) / self.v_total * self.v_total);
        let pixels = line * u128::from(self.h_total);
        (pixels * NANOS_PER_MILLI).div_ceil(u128::from(self.clock_khz)) as u64
    }

    /// Frames a second in thousandths.
    pub fn refresh_mhz(&self) -> u64 {
        self.clock_khz * 1_000_000 / (self.h_total * self.v_total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const XGA: Timing = Timing {
        clock_khz: 65_000,
        h_total: 1344,
        v_total: 806,
        vblank_start: 768,
        scanline_lag: 2,
    };

    #[test]
    fn refresh_rate_when_xga_is_sixty_hertz() {
        assert_eq!(XGA.refresh_mhz(), 60_003);
    }

    #[test]
    fn vblank_count_when_its_time_comes_steps_by_one() {
        for n in [1, 2, 59, 60, 10_000] {
            let time = XGA.vblank_time(n);

            assert_eq!(XGA.vblanks(time - 1), n - 1);
            assert_eq!(XGA.vblanks(time), n);
        }
    }

    #[test]
    fn scanline_when_vblank_begins_lags_by_the_stated_lines() {
        assert_eq!(XGA.scanline(XGA.vblank_time(1)), 766);
        assert_eq!(XGA.scanline(0), 804);
    }

    #[test]
    fn frame_period_when_counted_over_a_second_is_right() {
        let period = XGA.vblank_time(61) - XGA.vblank_time(1);

        assert!((999_000_000..1_001_000_000).contains(&period), "{period}");
    }
}
