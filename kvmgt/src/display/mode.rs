// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Timings for a resolution: when a monitor draws which pixel.
//!
//! VESA's Coordinated Video Timings (CVT 1.2, section 3.4, reduced blanking) have them for any
//! resolution. There is one difference: the pixel clock has steps of 10 kHz, which is what an EDID
//! can tell, in place of 250 kHz. So small modes have 60 Hz, too.

use super::Resolution;
use kernel::prelude::*;

/// The largest width and height that there are timings for: what later fits into 16 bits.
pub(crate) const LARGEST: u32 = 16384;

/// Frames a second.
const REFRESH: u64 = 60;
/// Pixels between two lines (CVT 1.2, table 4: horizontal blanking).
const LINE_BLANK: u32 = 160;
/// The front porch of a line: how many of them come before the pulse (the same).
const LINE_FRONT: u32 = 48;
/// How many of them the pulse has (the same).
const LINE_SYNC: u32 = 32;
/// Microseconds between two frames, at least (CVT 1.2, table 4: vertical blanking).
const FRAME_BLANK: u64 = 460;
/// The front porch of a frame: lines before the pulse (the same).
const FRAME_FRONT: u32 = 3;
/// Lines behind the pulse, at least (the same).
const FRAME_BACK: u32 = 6;
/// Lines of the pulse, which tell the shape of the picture (CVT 1.2, table 2).
const SHAPES: [(u32, u32, u32); 5] = [(4, 3, 4), (16, 9, 5), (16, 10, 6), (5, 4, 7), (15, 9, 7)];
/// Lines of the pulse of pictures of all other shapes (the same).
const OTHER_SHAPE: u32 = 10;

/// Microseconds of a second.
const SECOND: u64 = 1_000_000;
/// Microseconds of a second in which nothing is shown.
const PAUSES: u64 = FRAME_BLANK * REFRESH;
/// Hertz of what pixel clocks are counted in.
const CLOCK_STEP: u64 = 10_000;

/// Pixels of a line, or lines of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    /// Those that are shown.
    pub(crate) active: u32,
    /// Those behind them.
    pub(crate) blank: u32,
    /// Of these, those before the pulse.
    pub(crate) front: u32,
    /// Of these, those of the pulse.
    pub(crate) sync: u32,
}

impl Timing {
    /// All of them.
    pub(crate) fn total(&self) -> u32 {
        self.active.saturating_add(self.blank)
    }
}

/// The timings of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode {
    /// Pixels a second, in units of 10 kHz.
    pub(crate) clock: u32,
    /// Pixels of a line.
    pub(crate) line: Timing,
    /// Lines of a frame.
    pub(crate) frame: Timing,
}

impl Mode {
    /// The timings of a resolution, at 60 Hz.
    ///
    /// # Errors
    ///
    /// `EINVAL` it has no pixels, or more than [`LARGEST`] in a direction.
    pub(crate) fn new(resolution: Resolution) -> Result<Self> {
        let Resolution { width, height } = resolution;
        let sizes = 1..=LARGEST;
        if !sizes.contains(&width) || !sizes.contains(&height) {
            return Err(EINVAL);
        }
        let sync = pulse(resolution);
        let least = FRAME_FRONT.saturating_add(sync).saturating_add(FRAME_BACK);
        let line = Timing {
            active: width,
            blank: LINE_BLANK,
            front: LINE_FRONT,
            sync: LINE_SYNC,
        };
        let frame = Timing {
            active: height,
            blank: blank_lines(height)?.max(least),
            front: FRAME_FRONT,
            sync,
        };
        let pixels = u64::from(line.total()).saturating_mul(frame.total().into());
        let clock = pixels
            .saturating_mul(REFRESH)
            .saturating_add(CLOCK_STEP / 2)
            / CLOCK_STEP;
        Ok(Self {
            clock: u32::try_from(clock)?,
            line,
            frame,
        })
    }

    /// Lines a second, in units of 1 kHz, rounded up.
    pub(crate) fn line_rate(&self) -> u32 {
        let per_line = self.line.total().max(1);
        self.clock.saturating_mul(10).div_ceil(per_line)
    }
}

/// Lines that pass while nothing is shown, for long enough: a frame's time is that of the lines
/// that are shown, and of the pause.
fn blank_lines(height: u32) -> Result<u32> {
    let lines = PAUSES.saturating_mul(height.into()) / (SECOND - PAUSES);
    Ok(u32::try_from(lines)?.saturating_add(1))
}

/// Lines of the pulse.
fn pulse(resolution: Resolution) -> u32 {
    let Resolution { width, height } = resolution;
    let is = |(across, down, _): &&(u32, u32, u32)| {
        width.saturating_mul(*down) == height.saturating_mul(*across)
    };
    SHAPES
        .iter()
        .find(is)
        .map_or(OTHER_SHAPE, |(_, _, lines)| *lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mode(width: u32, height: u32) -> Mode {
        Mode::new(Resolution { width, height }).unwrap()
    }

    /// Hertz, times a thousand.
    fn refresh(mode: &Mode) -> u64 {
        let pixels = u64::from(mode.line.total()) * u64::from(mode.frame.total());
        u64::from(mode.clock) * 10_000_000 / pixels
    }

    #[test]
    fn new_has_what_the_standard_says_but_for_the_steps_of_the_clock() {
        // The last column is the clock in kHz that VESA's own spreadsheet has.
        for (width, height, lines, sync, clock) in [
            (1024, 768, 790, 4, 56_000),
            (1280, 1024, 1054, 7, 91_000),
            (1680, 1050, 1080, 6, 119_000),
            (1920, 1080, 1111, 5, 138_500),
            (1920, 1200, 1235, 6, 154_000),
            (2560, 1600, 1646, 6, 268_500),
        ] {
            let mode = mode(width, height);
            assert_eq!((mode.frame.total(), mode.frame.sync), (lines, sync));
            assert_eq!(mode.line.total(), width + 160);
            let above = mode.clock * 10 - clock;
            assert!(above < 250, "{width}x{height}: {above} kHz");
        }
    }

    #[test]
    fn new_when_there_is_no_such_picture_is_refused() {
        for (width, height) in [
            (0, 768),
            (1024, 0),
            (LARGEST + 1, 1),
            (1, LARGEST + 1),
            (u32::MAX, u32::MAX),
        ] {
            assert_eq!(Mode::new(Resolution { width, height }), Err(EINVAL));
        }
    }

    #[test]
    fn line_rate_is_rounded_up() {
        // 154.13 MHz by 2080 pixels: 74.1 kHz.
        assert_eq!(mode(1920, 1200).line_rate(), 75);
    }

    proptest! {
        #[test]
        fn modes_have_60_hz_and_enough_time_between_frames(
            width in 320..=LARGEST,
            height in 200..=LARGEST,
        ) {
            let mode = mode(width, height);
            let rate = refresh(&mode);
            prop_assert!((59_900..=60_100).contains(&rate), "{} mHz", rate);
            let pause = u64::from(mode.frame.blank) * u64::from(mode.line.total()) * 100
                / u64::from(mode.clock);
            prop_assert!(pause >= 459, "{} us", pause);
        }

        #[test]
        fn timings_hold_together(width in 1..=LARGEST, height in 1..=LARGEST) {
            let mode = mode(width, height);
            for timing in [mode.line, mode.frame] {
                prop_assert!(timing.front + timing.sync < timing.blank);
                prop_assert!(timing.total() <= 0xffff);
            }
            prop_assert!(mode.clock > 0);
        }

        #[test]
        fn new_never_panics(width: u32, height: u32) {
            let _ = Mode::new(Resolution { width, height });
        }
    }
}
