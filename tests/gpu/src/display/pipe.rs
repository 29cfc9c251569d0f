// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A pipe: when it runs, what it shows, and what happens at each vertical blank.

use crate::address::MmioOffset;
use crate::platform::PlatformId;
use crate::register_file::RegisterFile;

use super::bits::{self, Transcoder};
use super::plane::{Latched, PlaneId, PLANES};
use super::pll;
use super::timing::Timing;

/// Pipes of all supported GPUs.
pub const PIPES: usize = 3;

/// Transcoder function: sends through a port (31), whose number is in 30:28.
const FUNCTION_ENABLE: u32 = bits::ENABLE;
/// Transcoder function: modes (26:24).
const MODE_HDMI: u32 = 0;
const MODE_DVI: u32 = 1;
/// Bits of a link M or N value.
const LINK_VALUE: u32 = 0xff_ffff;

/// State of one pipe that is not in registers.
#[derive(Clone, Debug, Default)]
pub struct Pipe {
    /// Timing, and pipe time at which it began.
    running: Option<(Timing, u64)>,
    /// Vertical blanks before the present run.
    frames: u32,
    /// Vertical blanks of the present run that were handled.
    handled: u64,
    /// Universal planes and, last, the cursor.
    planes: [Latched; PLANES as usize + 1],
    /// Which of them wait for the next vertical blank; one bit each.
    armed: u32,
}

/// Position of a plane in [`Pipe::planes`].
fn index(plane: PlaneId) -> usize {
    match plane {
        PlaneId::Universal(plane) => plane as usize,
        PlaneId::Cursor => PLANES as usize,
    }
}

/// The plane at a position in [`Pipe::planes`].
fn plane_at(index: u32) -> PlaneId {
    if index < PLANES {
        PlaneId::Universal(index)
    } else {
        PlaneId::Cursor
    }
}

impl Pipe {
    /// Whether frames are being sent.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Timing of the present run.
    pub fn timing(&self) -> Option<Timing> {
        self.running.map(|(timing, _)| timing)
    }

    /// What the planes and (last) the cursor show.
    pub fn latched(&self) -> &[Latched] {
        &self.planes
    }

    /// Starts, stops or goes on, after registers have changed.
    pub fn retime(&mut self, timing: Option<Timing>, now: u64) {
        if timing == self.timing() {
            return;
        }
        if let Some((old, began)) = self.running {
            let sent = old.vblanks(now.saturating_sub(began));
            self.frames = self.frames.wrapping_add(sent as u32);
        }
        self.handled = 0;
        self.running = timing.map(|timing| (timing, now));
    }

    /// What the frame counter shows.
    pub fn frame_count(&self, now: u64) -> u32 {
        let sent = self
            .running
            .map_or(0, |(timing, began)| timing.vblanks(now - began.min(now)));
        self.frames.wrapping_add(sent as u32)
    }

    /// What the scan line register shows.
    pub fn scanline(&self, now: u64) -> u32 {
        self.running
            .map_or(0, |(timing, began)| timing.scanline(now - began.min(now)))
    }

    /// Whether the vertical blank is so near that drivers wait for it to pass before an update.
    pub fn is_vblank_near(&self, now: u64) -> bool {
        /// i915 keeps 100 µs away, 250 µs if it is built for debugging.
        const EVASION: u64 = 300_000;
        self.running.is_some_and(|(timing, began)| {
            (1..EVASION).contains(&timing.until_vblank(now - began.min(now)))
        })
    }

    /// Pipe time at which the present frame began.
    pub fn frame_time(&self, now: u64) -> u64 {
        self.running.map_or(0, |(timing, began)| {
            began + timing.frame_time(now - began.min(now))
        })
    }

    /// Pipe time of the next vertical blank.
    pub fn next_vblank(&self) -> Option<u64> {
        self.running
            .map(|(timing, began)| began + timing.vblank_time(self.handled + 1))
    }

    /// A plane's surface register was written. Returns interrupt bits that are due at once.
    pub fn arm(
        &mut self,
        regs: &mut RegisterFile,
        platform: PlatformId,
        pipe: u32,
        plane: PlaneId,
    ) -> u32 {
        let bit = 1 << index(plane);
        if self.is_running() && !plane.is_async(regs, pipe) {
            self.armed |= bit;
            return 0;
        }
        self.armed &= !bit;
        self.planes[index(plane)] = plane.latch(regs, pipe);
        if self.is_running() {
            plane.flip_done(platform)
        } else {
            0
        }
    }

    /// Handles the vertical blanks up to `now`. Returns the interrupt bits that are due.
    pub fn advance(
        &mut self,
        regs: &mut RegisterFile,
        platform: PlatformId,
        pipe: u32,
        now: u64,
    ) -> u32 {
        let Some((timing, began)) = self.running else {
            return 0;
        };
        let begun = timing.vblanks(now.saturating_sub(began));
        if begun == self.handled {
            return 0;
        }
        self.handled = begun;
        let armed = std::mem::take(&mut self.armed);
        let mut due = bits::PIPE_VBLANK | bits::PIPE_VSYNC;
        for position in (0..=PLANES).filter(|position| armed >> position & 1 == 1) {
            let plane = plane_at(position);
            self.planes[index(plane)] = plane.latch(regs, pipe);
            due |= plane.flip_done(platform);
        }
        due
    }
}

/// The timing that the registers give a pipe; `None` if no transcoder feeds from it.
pub fn timing(regs: &RegisterFile, platform: PlatformId, pipe: u32) -> Option<Timing> {
    Transcoder::ALL.into_iter().find_map(|transcoder| {
        let function = regs.get(transcoder.register(bits::TRANS_DDI_FUNC_CTL));
        let enabled = regs.get(transcoder.register(bits::TRANSCONF)) & bits::ENABLE != 0;
        if !enabled || input_of(transcoder, function) != pipe {
            return None;
        }
        let (clock, lag) = pixel_clock(regs, platform, transcoder, function)?;
        Timing::from_registers(regs, transcoder, clock, lag)
    })
}

/// The pipe that feeds a transcoder.
fn input_of(transcoder: Transcoder, function: u32) -> u32 {
    match (transcoder, function >> 12 & 7) {
        (Transcoder::A, _) => 0,
        (Transcoder::B, _) => 1,
        (Transcoder::C, _) => 2,
        (Transcoder::Edp, 5) => 1,
        (Transcoder::Edp, 6) => 2,
        (Transcoder::Edp, _) => 0,
    }
}

/// Pixel clock in kHz of a transcoder, and by how much its scan line register lags.
fn pixel_clock(
    regs: &RegisterFile,
    platform: PlatformId,
    transcoder: Transcoder,
    function: u32,
) -> Option<(u64, u64)> {
    if function & FUNCTION_ENABLE == 0 {
        return None;
    }
    let port = if transcoder == Transcoder::Edp {
        0
    } else {
        function >> 28 & 7
    };
    let clock = pll::port_clock(regs, platform, port)?;
    match function >> 24 & 7 {
        MODE_HDMI | MODE_DVI => {
            // Deep colour sends 10 or 12 bits with the clock of 8.
            let clock = match function >> 20 & 7 {
                1 => clock * 4 / 5,
                3 => clock * 2 / 3,
                _ => clock,
            };
            Some((clock, 2))
        }
        _ => {
            let value = |offset| u64::from(regs.get(transcoder.register(offset)) & LINK_VALUE);
            let pixel = (clock * value(bits::LINK_M1)).checked_div(value(bits::LINK_N1))?;
            Some((pixel, 1))
        }
    }
}

/// Size of a pipe's source image.
pub fn source_size(regs: &RegisterFile, pipe: u32) -> (u32, u32) {
    let size = regs.get(MmioOffset(bits::PIPESRC + pipe * bits::PIPE_STRIDE));
    ((size >> 16 & 0x1fff) + 1, (size & 0x1fff) + 1)
}
