// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Pipes, transcoders, planes and scalers, as far as no time passes in them: without a vertical
//! blank, a plane shows its new surface at once, and is done with it only if it need not wait.

use super::context::Context;
use super::registers::named;
use super::written::Written;
use crate::address::MmioOffset;
use crate::command;
use crate::hardware::Pipe;
use crate::interrupt::{self, Event};

/// TRANSCONF: the transcoder is on (PRM Vol 2c, TRANS_CONF, bit 31).
const ENABLE: u32 = 1 << 31;
/// TRANSCONF: it really is (bit 30).
const STATE: u32 = 1 << 30;
/// PLANE_CTL: flips do not wait for the vertical blank (PRM Vol 2c, PLANE_CTL, bit 9).
const ASYNC_FLIP: u32 = 1 << 9;
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
                flips: Some(named(concat!("PIPE_FLIPCOUNT_G4X_PIPE_", $letter))),
            },
            PlaneRegisters {
                surface: named(concat!("SPRSURF_PIPE_", $letter)),
                live: named(concat!("SPRSURFLIVE_PIPE_", $letter)),
                control: named(concat!("SPRCTL_PIPE_", $letter)),
                flips: None,
            },
        )),*]
    };
}

/// The primary and the sprite plane of each pipe.
static PLANES: [(PlaneRegisters, PlaneRegisters); 3] = planes!("A", "B", "C");

impl Plane {
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

    /// Writes it.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        let value = context.merged(at, written);
        match self {
            Self::Transconf | Self::PchTransconf => {
                context.registers.set(at, value);
                context.registers.set_if(value & ENABLE != 0, at, STATE);
            }
            Self::Surface(plane, pipe) => {
                context.registers.set(at, value);
                let control = context.registers.get(plane.registers(pipe).control);
                flip(context, plane, pipe, value, control & ASYNC_FLIP != 0);
            }
            Self::Flip(plane, pipe) => {
                context.registers.set(at, value);
                let at_once = value & FLIP_TYPE == FLIP_ASYNC;
                flip(context, plane, pipe, value, at_once);
            }
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

/// A command of an engine flips: the surface is in the register that shows it, too.
pub(super) fn flip_by_command(context: &mut Context<'_>, command: &command::Flip) {
    let plane = match command.plane {
        0 => Plane::Primary,
        _ => Plane::Sprite,
    };
    // The GGTT has 4 GiB, so addresses in it fit.
    let surface = command.surface.0 as u32;
    let registers = plane.registers(command.pipe);
    context.registers.set(registers.surface, surface);
    let control = context.registers.get(registers.control);
    let at_once = command.asynchronous || control & ASYNC_FLIP != 0;
    flip(context, plane, command.pipe, surface, at_once);
}

/// A plane shows another surface.
fn flip(context: &mut Context<'_>, plane: Plane, pipe: Pipe, surface: u32, at_once: bool) {
    let registers = plane.registers(pipe);
    context.registers.set(registers.live, surface);
    if let Some(flips) = registers.flips {
        let count = context.registers.get(flips).wrapping_add(1);
        context.registers.set(flips, count);
    }
    if at_once {
        interrupt::raise(context, plane.flip_done(pipe));
    }
}
