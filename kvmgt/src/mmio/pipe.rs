// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Pipes, transcoders, planes and scalers.
//!
//! A plane of a pipe that is on shows its new surface from the next vertical blank on, unless the guest
//! says at once; the others show it at once, and nobody is told. Of gen9's universal planes the
//! first is the primary one here and the second the sprite. The third only remembers.

use super::context::Context;
use super::registers::named;
use super::written::Written;
use crate::address::MmioOffset;
use crate::command;
use crate::display::pipes::Clock;
use crate::display::refresh::Timing;
use crate::hardware::Pipe;
use crate::interrupt::{self, Event};
use iface::registers::Platform;

/// TRANSCONF: the transcoder is on (PRM Vol 2c, TRANS_CONF, bit 31).
const ENABLE: u32 = 1 << 31;
/// TRANSCONF: it really is (bit 30).
const STATE: u32 = 1 << 30;
/// PLANE_CTL: flips do not wait for the vertical blank (PRM Vol 2c, PLANE_CTL, bit 9).
const ASYNC_FLIP: u32 = 1 << 9;
/// PLANE_CTL: the tiling (PRM Vol 2c, PLANE_CTL, bits 12:10).
const TILING: u32 = 0x7 << TILING_SHIFT;
/// PRI_CTL and SPR_CTL of Broadwell: whether it is tiled (PRM Vol 2c, PRI_CTL, bit 10).
const TILING_BDW: u32 = 0x1 << TILING_SHIFT;
const TILING_SHIFT: u32 = 10;
/// PLANE_STRIDE: the stride, in the unit of the command (PRM Vol 2c, PLANE_STRIDE, bits 9:0).
const STRIDE: u32 = 0x3ff;
/// PRI_STRIDE and SPR_STRIDE of Broadwell: the stride in bytes, of which a command has bits 15:6 (PRM
/// Vol 2c, PRI_STRIDE).
const STRIDE_BDW: u32 = 0x3ff << STRIDE_SHIFT_BDW;
const STRIDE_SHIFT_BDW: u32 = 6;
/// PLANE_SURF: the address (PRM Vol 2c, PLANE_SURF, bits 31:12).
const SURFACE: u32 = !0xfff;
/// Flip registers: how it is done (observed; bits 1:0).
const FLIP_TYPE: u32 = 0x3;
/// Flip registers: without waiting for the vertical blank (bits 1:0).
const FLIP_ASYNC: u32 = 0x1;
/// PS_CTRL: what is scaled; zero is the whole pipe (PRM Vol 2c, PS_CTRL, bits 27:25).
const BINDING: u32 = 0x7 << 25;

/// A kind of planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plane {
    /// The first.
    Primary,
    /// The second.
    Sprite,
}

/// The registers of a plane.
struct PlaneRegisters {
    /// Address of the surface that it is to show.
    surface: MmioOffset,
    /// Address of the surface that it shows.
    live: MmioOffset,
    control: MmioOffset,
    stride: MmioOffset,
    /// Number of its flips, where that is counted.
    flips: Option<MmioOffset>,
}

macro_rules! planes {
    ($($letter:literal),*) => {
        [$((
            PlaneRegisters {
                surface: named(concat!("DSPSURF_PIPE_", $letter)),
                live: named(concat!("DSPSURFLIVE_PIPE_", $letter)),
                control: named(concat!("DSPCNTR_PIPE_", $letter)),
                stride: named(concat!("DSPSTRIDE_PIPE_", $letter)),
                flips: Some(named(concat!("PIPE_FLIPCOUNT_G4X_PIPE_", $letter))),
            },
            PlaneRegisters {
                surface: named(concat!("SPRSURF_PIPE_", $letter)),
                live: named(concat!("SPRSURFLIVE_PIPE_", $letter)),
                control: named(concat!("SPRCTL_PIPE_", $letter)),
                stride: named(concat!("SPRSTRIDE_PIPE_", $letter)),
                flips: None,
            },
        )),*]
    };
}

/// The primary and the sprite plane of each pipe.
static PLANES: [(PlaneRegisters, PlaneRegisters); 3] = planes!("A", "B", "C");

/// The counters of a pipe.
struct Counters {
    frames: MmioOffset,
    line: MmioOffset,
}

macro_rules! counters {
    ($($letter:literal),*) => {
        [$(Counters {
            frames: named(concat!("PIPE_FRMCOUNT_G4X_PIPE_", $letter)),
            line: named(concat!("PIPEDSL_PIPE_", $letter)),
        }),*]
    };
}

/// The counters of each pipe.
static COUNTERS: [Counters; 3] = counters!("A", "B", "C");

impl Counters {
    fn of(pipe: Pipe) -> &'static Self {
        let [a, b, c] = &COUNTERS;
        match pipe {
            Pipe::A => a,
            Pipe::B => b,
            Pipe::C => c,
        }
    }
}

impl Plane {
    /// Both.
    const ALL: [Self; 2] = [Self::Primary, Self::Sprite];

    fn registers(self, pipe: Pipe) -> &'static PlaneRegisters {
        let [a, b, c] = &PLANES;
        let (primary, sprite) = match pipe {
            Pipe::A => a,
            Pipe::B => b,
            Pipe::C => c,
        };
        match self {
            Self::Primary => primary,
            Self::Sprite => sprite,
        }
    }

    fn flip_done(self, pipe: Pipe) -> Event {
        match self {
            Self::Primary => Event::PrimaryFlip(pipe),
            Self::Sprite => Event::SpriteFlip(pipe),
        }
    }
}

/// A register of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// Control of a transcoder.
    Transconf,
    /// Control of a transcoder of the PCH.
    PchTransconf,
    /// Address of a plane's surface.
    Surface(Plane, Pipe),
    /// The same, in the register that flips it.
    Flip(Plane, Pipe),
    /// How many frames a pipe has sent.
    FrameCount(Pipe),
    /// Which line of a frame it sends.
    ScanLine(Pipe),
    /// Control of a scaler, which may scale the pipe, but no plane.
    Scaler,
    /// Window of a scaler.
    ScalerWindow,
}

impl Register {
    /// The register of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let of = |letter, register: fn(Plane, Pipe) -> Self, plane| {
            Pipe::from_letter(letter).map(|pipe| register(plane, pipe))
        };
        if let Some(letter) = name.strip_prefix("DSPSURF_PIPE_") {
            return of(letter, Self::Surface, Plane::Primary);
        }
        if let Some(letter) = name.strip_prefix("SPRSURF_PIPE_") {
            return of(letter, Self::Surface, Plane::Sprite);
        }
        if let Some(rest) = name.strip_prefix("REG_50080_PIPE_") {
            return match rest.split_once('_')? {
                (letter, "PLANE_PRIMARY") => of(letter, Self::Flip, Plane::Primary),
                (letter, "PLANE_SPRITE0") => of(letter, Self::Flip, Plane::Sprite),
                _ => None,
            };
        }
        if let Some(letter) = name.strip_prefix("PIPE_FRMCOUNT_G4X_PIPE_") {
            return Pipe::from_letter(letter).map(Self::FrameCount);
        }
        if let Some(letter) = name.strip_prefix("PIPEDSL_PIPE_") {
            return Pipe::from_letter(letter).map(Self::ScanLine);
        }
        if name.starts_with("SKL_PS_CTRL_PIPE_") {
            return Some(Self::Scaler);
        }
        if name.starts_with("SKL_PS_WIN_") {
            return Some(Self::ScalerWindow);
        }
        match name {
            // Without a known name: PCH_TRANSACONF and PCH_TRANSBCONF.
            "REG_F0008" | "REG_F1008" => Some(Self::PchTransconf),
            _ => name.starts_with("TRANSCONF_").then_some(Self::Transconf),
        }
    }

    /// Reads it.
    pub(super) fn read(self, context: &mut Context<'_>, at: MmioOffset) -> u32 {
        let now = context.now;
        let shown = match self {
            Self::FrameCount(pipe) => clock(context, pipe).map(|clock| clock.frame_count(now)),
            Self::ScanLine(pipe) => clock(context, pipe).map(|clock| clock.scan_line(now)),
            Self::Transconf
            | Self::PchTransconf
            | Self::Surface(..)
            | Self::Flip(..)
            | Self::Scaler
            | Self::ScalerWindow => None,
        };
        if let Some(value) = shown {
            context.registers.set(at, value);
        }
        context.registers.get(at)
    }

    /// Writes it.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        let value = context.merged(at, written);
        match self {
            Self::Transconf => {
                set_transconf(context, at, value);
                Pipe::ALL.into_iter().for_each(|pipe| follow(context, pipe));
            }
            Self::PchTransconf => set_transconf(context, at, value),
            Self::Surface(plane, pipe) => {
                context.registers.set(at, value);
                let control = context.registers.get(plane.registers(pipe).control);
                flip(context, plane, pipe, value, control & ASYNC_FLIP != 0);
            }
            Self::Flip(plane, pipe) => {
                context.registers.set(at, value);
                let surface = value & SURFACE;
                context
                    .registers
                    .set(plane.registers(pipe).surface, surface);
                let at_once = value & FLIP_TYPE == FLIP_ASYNC;
                flip(context, plane, pipe, surface, at_once);
            }
            // They can only be read.
            Self::FrameCount(_) | Self::ScanLine(_) => {}
            Self::Scaler => {
                if value & BINDING == 0 {
                    context.registers.set(at, value);
                } else {
                    context.refuse(at, value, "ignored, a vGPU's scalers scale no planes");
                }
            }
            Self::ScalerWindow => context.registers.set(at, value),
        }
    }
}

fn set_transconf(context: &mut Context<'_>, at: MmioOffset, value: u32) {
    context.registers.set(at, value);
    context.registers.set_if(value & ENABLE != 0, at, STATE);
}

/// A pipe's clock, if it is on.
fn clock<'a>(context: &'a mut Context<'_>, pipe: Pipe) -> Option<&'a Clock> {
    follow(context, pipe);
    context.display.pipes.pipe(pipe).clock()
}

/// A command of an engine flips: what it says is in the plane's registers, too.
pub(super) fn flip_by_command(context: &mut Context<'_>, command: &command::Flip) {
    if context.state.failsafe {
        return;
    }
    let plane = match command.plane {
        0 => Plane::Primary,
        _ => Plane::Sprite,
    };
    // The GGTT has 4 GiB, so addresses in it fit.
    let surface = command.surface.0 as u32;
    let registers = plane.registers(command.pipe);
    let file = &mut *context.registers;
    file.set(registers.surface, surface);
    // A flip that does not wait changes nothing else.
    if !command.asynchronous {
        let tiling = command.tiling << TILING_SHIFT;
        if context.device.model().platform == Platform::Bdw {
            let stride = command.stride << STRIDE_SHIFT_BDW;
            file.update(registers.stride, STRIDE_BDW, stride & STRIDE_BDW);
            file.update(registers.control, TILING_BDW, tiling & TILING_BDW);
        } else {
            file.update(registers.stride, STRIDE, command.stride & STRIDE);
            file.update(registers.control, TILING, tiling & TILING);
        }
    }
    let at_once = command.asynchronous || file.get(registers.control) & ASYNC_FLIP != 0;
    flip(context, plane, command.pipe, surface, at_once);
}

/// A plane is to show another surface. Whatever it was to show before, it does not.
fn flip(context: &mut Context<'_>, plane: Plane, pipe: Pipe, surface: u32, at_once: bool) {
    follow(context, pipe);
    let state = context.display.pipes.pipe(pipe);
    if state.flip(plane, surface, at_once, context.now) {
        return;
    }
    show(context, plane, pipe, surface);
    if at_once {
        interrupt::raise(context, plane.flip_done(pipe));
    }
}

/// A plane shows another surface.
fn show(context: &mut Context<'_>, plane: Plane, pipe: Pipe, surface: u32) {
    let registers = plane.registers(pipe);
    context.registers.set(registers.live, surface & SURFACE);
    if let Some(flips) = registers.flips {
        let count = context.registers.get(flips).wrapping_add(1);
        context.registers.set(flips, count);
    }
}

/// Flips are over that have waited for a vertical blank which has come, or for a pipe that is off.
fn finish_flips(context: &mut Context<'_>, pipe: Pipe) {
    for plane in Plane::ALL {
        let state = context.display.pipes.pipe(pipe);
        if let Some(surface) = state.take_flip(plane, context.now) {
            show(context, plane, pipe, surface);
            interrupt::raise(context, plane.flip_done(pipe));
        }
    }
}

/// Takes over what the registers say of a pipe: whether it is on, with which timing, and whether the
/// guest wants to be interrupted for its vertical blanks.
///
/// That is asked when it matters, and not when one of the dozens of registers changes that the
/// timing is in.
pub(crate) fn follow(context: &mut Context<'_>, pipe: Pipe) {
    let platform = context.device.model().platform;
    let timing = Timing::of_pipe(pipe, platform, context.registers);
    let counters = Counters::of(pipe);
    let frames = context.registers.get(counters.frames);
    let wants = interrupt::is_wanted(context, Event::Vblank(pipe));
    let state = context.display.pipes.pipe(pipe);
    let stopped = state.set_timing(timing, context.now, frames);
    state.set_told(wants, context.now);
    if let Some(stopped) = stopped {
        context.registers.set(counters.frames, stopped.frame_count);
        context.registers.set(counters.line, stopped.scan_line);
        finish_flips(context, pipe);
    }
}

/// Time has passed. If the alarm is due, planes show what they were to show at vertical blanks that
/// have come, and the guest hears of both; of each pipe's last vertical blank, however many
/// there were.
pub(crate) fn tick(context: &mut Context<'_>) {
    let now = context.now;
    if context.state.failsafe || !context.display.pipes.take_alarm(now) {
        return;
    }
    for pipe in Pipe::ALL {
        finish_flips(context, pipe);
        if context.display.pipes.pipe(pipe).take_blank(now) {
            interrupt::raise(context, Event::Vblank(pipe));
        }
        follow(context, pipe);
    }
}
