// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A pipe: when it runs, what it shows, and what happens at each vertical blank.

use crate::address::MmioOffset;
use crate::platform::PlatformId;
use crate::register_file::RegisterFile;

use super::bits::{self, Transcoder};
use super::plane::{Latched, PlaneId, PLANES};
use super::pll;
use super::timing::Timing;
use super::update::{Access, Updates};

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
    /// Timing, and when it began.
    running: Option<(Timing, u64)>,
    /// Updates of planes, for which vertical blanks wait.
    updates: Updates,
    /// When it was last looked whether a vertical blank is due.
    looked: u64,
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
        self.frames = self.frame_count(now);
        self.handled = 0;
        self.updates = Updates::default();
        self.running = timing.map(|timing| (timing, now));
    }

    /// Notes that the driver accesses the pipe's registers.
    pub fn note(&mut self, access: Access, now: u64) {
        self.updates.note(access, now);
    }

    /// The timing, and where the beam is in it: ns since the pipe began, but not beyond the
    /// vertical blank that an update makes wait.
    fn beam(&self, now: u64) -> Option<(Timing, u64)> {
        let (timing, began) = self.running?;
        let elapsed = now.saturating_sub(began);
        let Some(since) = self.updates.held_since(now) else {
            return Some((timing, elapsed));
        };
        let seen = timing.vblanks(since.saturating_sub(began));
        let last_before = timing.vblank_time(seen + 1).saturating_sub(1);
        Some((timing, elapsed.min(last_before)))
    }

    /// What the frame counter shows.
    pub fn frame_count(&self, now: u64) -> u32 {
        let sent = self
            .beam(now)
            .map_or(0, |(timing, elapsed)| timing.vblanks(elapsed));
        self.frames.wrapping_add(sent as u32)
    }

    /// What the scan line register shows.
    pub fn scanline(&self, now: u64) -> u32 {
        self.beam(now)
            .map_or(0, |(timing, elapsed)| timing.scanline(elapsed))
    }

    /// When the present frame began.
    pub fn frame_time(&self, now: u64) -> u64 {
        let began = self.running.map_or(0, |(_, began)| began);
        self.beam(now)
            .map_or(0, |(timing, elapsed)| began + timing.frame_time(elapsed))
    }

    /// When to look whether a vertical blank is due.
    ///
    /// It may be too early but never too late: an update that ends lets go of the vertical blank
    /// that waits for it, and whoever sleeps is not told.
    pub fn next_vblank(&self) -> Option<u64> {
        /// How often to look while a vertical blank waits, in ns.
        const LOOK_AGAIN: u64 = 1_000_000;
        let (timing, began) = self.running?;
        let due = began + timing.vblank_time(self.handled + 1);
        let look_again = (self.looked + LOOK_AGAIN).min(self.updates.held_until());
        Some(if due <= self.looked { look_again } else { due })
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
        self.looked = self.looked.max(now);
        let Some((timing, elapsed)) = self.beam(now) else {
            return 0;
        };
        let begun = timing.vblanks(elapsed);
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
