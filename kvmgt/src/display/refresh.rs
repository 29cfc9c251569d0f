// SPDX-License-Identifier: GPL-2.0 OR MIT
//! How often a second a transcoder sends a frame.
//!
//! The guest's own registers say it, as they would to hardware: the port's PLL gives the rate of
//! symbols on its DisplayPort link, M and N how many of them are pixels, and the timing how many
//! pixels a frame has. Whatever they hold, a frame takes no less than 1/240 second and no more than
//! one; where nothing can be computed it is 1/60.

use crate::hardware::{Pipe, Port};
use crate::mmio::registers::RegisterFile;
use crate::schedule::time::Span;
use iface::registers::Platform;

mod link;
mod transcoder;

use transcoder::Transcoder;

/// Thousandths of a nanosecond in a second: the period of a thousandth of a hertz, in nanoseconds.
const NANOS_OF_A_MILLIHERTZ: u64 = 1_000_000_000_000;
/// Thousandths of a hertz in a kilohertz.
const MILLIHERTZ_PER_KILOHERTZ: u64 = 1_000_000;

/// How often a second something happens, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RefreshRate(u32);

impl RefreshRate {
    /// The slowest: once a second.
    pub(crate) const LOWEST: Self = Self(1_000);
    /// What is assumed where nothing is known.
    pub(crate) const USUAL: Self = Self(60_000);
    /// The fastest. No monitor of a vGPU's is faster, and the host is not to be kept busy.
    pub(crate) const HIGHEST: Self = Self(240_000);

    /// That of frames of so many pixels, blanking and all, at a pixel clock.
    fn new(clock: Kilohertz, pixels: u64) -> Option<Self> {
        let rate = clock.0.saturating_mul(MILLIHERTZ_PER_KILOHERTZ);
        let rate = u32::try_from(rate.checked_div(pixels)?).unwrap_or(u32::MAX);
        Some(Self(rate).clamp(Self::LOWEST, Self::HIGHEST))
    }

    /// From one time to the next; so long that it never happens too often.
    pub(crate) const fn period(self) -> Span {
        Span(NANOS_OF_A_MILLIHERTZ.div_ceil(self.0 as u64))
    }
}

/// A clock's frequency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kilohertz(u64);

/// What a transcoder sends in which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    /// Frames.
    pub(crate) rate: RefreshRate,
    /// Lines of a frame, those of the vertical blank included: one at least.
    pub(crate) lines: u32,
    /// Those that are shown, which come first: no more than there are.
    pub(crate) shown: u32,
}

impl Timing {
    /// That of a pipe, if a transcoder sends what comes out of it.
    pub(crate) fn of_pipe(
        pipe: Pipe,
        platform: Platform,
        registers: &RegisterFile,
    ) -> Option<Self> {
        let transcoder = Transcoder::of_pipe(pipe, registers)?;
        let lines = transcoder.lines(registers);
        Some(Self {
            rate: rate(transcoder, platform, registers).unwrap_or(RefreshRate::USUAL),
            lines: lines.total,
            shown: lines.shown.min(lines.total),
        })
    }
}

fn rate(
    transcoder: Transcoder,
    platform: Platform,
    registers: &RegisterFile,
) -> Option<RefreshRate> {
    let port = transcoder.port(registers)?;
    let symbols = link::symbol_clock(port, platform, registers)?;
    let pixels = transcoder.pixel_clock(symbols, registers)?;
    let columns = transcoder.columns(registers);
    let lines = transcoder.lines(registers);
    RefreshRate::new(
        pixels,
        u64::from(columns.total).saturating_mul(lines.total.into()),
    )
}

#[cfg(test)]
mod tests;
