// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Flips, in all ways in which a guest can ask for one.

use std::time::{Duration, Instant};

use anyhow::{ensure, Result};

use super::vblank::wait_frames;
use super::{equal, interrupts};
use crate::event::Event;
use crate::guest::{Family, Guest};
use crate::registers::display::{pipe, plane};
use crate::registers::*;
use crate::screen::{self, frames, Mode, Part, Plane, Surface, Tiling};
use crate::work::{self, Flipper};

/// A mode whose frames are long: a flip can be seen to wait.
const SLOW: Mode = Mode {
    size: (64, 64),
    rate: 5,
};
/// Where surfaces begin in memory, in pages, and how far they are apart.
const FIRST: u64 = 0x400;
const APART: u64 = 0x10;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a flip is asked for: of a plane, to a surface, at once or not.
type Flip<'a> = &'a mut dyn FnMut(&mut Guest<'_>, Plane, &Surface, bool) -> Result<()>;

pub(super) fn by_register(guest: &mut Guest<'_>) -> Result<()> {
    flips(guest, &mut |guest, which, to, at_once| {
        let control = which.at(plane::CONTROL);
        let value = guest.read32(control)? & !plane::AT_ONCE;
        let bit = if at_once { plane::AT_ONCE } else { 0 };
        guest.write32(control, value | bit)?;
        guest.write32(which.at(plane::SURFACE), to.gma as u32)
    })
}

pub(super) fn by_flip_register(guest: &mut Guest<'_>) -> Result<()> {
    flips(guest, &mut |guest, which, to, at_once| {
        let bit = if at_once { pipe::FLIP_AT_ONCE } else { 0 };
        guest.write32(pipe::FLIP[which as usize], to.gma as u32 | bit)
    })
}

pub(super) fn by_command(guest: &mut Guest<'_>) -> Result<()> {
    let mut flipper = Flipper::start(guest)?;
    flips(guest, &mut |guest, which, to, at_once| {
        let flip = work::Flip {
            bdw: guest.family()? == Family::Bdw,
            plane: which as usize,
            surface: to.gma as u32,
            stride: to.stride(),
            at_once,
        };
        flipper.flip(guest, flip)
    })
}

/// Flips planes between two surfaces, waiting for the blank and not.
fn flips(guest: &mut Guest<'_>, flip: Flip<'_>) -> Result<()> {
    let base = guest.aperture()?.start + (work::GGTT_PAGES << PAGE_SHIFT);
    let mut surfaces = Vec::new();
    for place in 0..3 {
        let gma = base + place * APART * PAGE;
        let page = FIRST + place * APART;
        surfaces.push(Surface::new(guest, gma, page, Tiling::Linear, SLOW.size)?);
    }
    let event = Event::new()?;
    guest.connect_msi(&event)?;
    guest.enable_msi()?;
    SLOW.turn_on(guest)?;
    for which in [Plane::Primary, Plane::Sprite] {
        let part = Part {
            from: (0, 0),
            size: SLOW.size,
            at: (0, 0),
        };
        which.show(guest, &surfaces[0], part)?;
        wait_frames(guest, 2)?;
        let bit = which.flipped(guest.family()?);
        interrupts::enable(guest, pipe::GROUP, bit)?;
        for to in [&surfaces[1], &surfaces[2]] {
            waits(guest, which, to, &event, bit, flip)?;
        }
        for to in [&surfaces[1], &surfaces[2]] {
            at_once(guest, which, to, &event, bit, flip)?;
        }
    }
    screen::turn_off(guest)?;
    guest.works()
}

/// A flip is done at the vertical blank, and not before.
fn waits(
    guest: &mut Guest<'_>,
    which: Plane,
    to: &Surface,
    event: &Event,
    bit: u32,
    flip: Flip<'_>,
) -> Result<()> {
    let counted = guest.read32(pipe::FLIPS)?;
    let _ = event.count()?;
    let begun = Instant::now();
    loop {
        ensure!(begun.elapsed() < PATIENCE, "every flip meets a blank");
        let before = frames(guest)?;
        flip(guest, which, to, false)?;
        let live = guest.read32(which.at(plane::LIVE))?;
        let identity = guest.read32(pipe::GROUP + IIR)? & bit;
        if frames(guest)? == before {
            ensure!(live != to.gma as u32, "a flip did not wait for the blank");
            equal("that it has flipped already", identity, 0)?;
            break;
        }
        // The blank came in between. Back again.
        wait_frames(guest, 2)?;
        interrupts::enable(guest, pipe::GROUP, bit)?;
        let other = guest.aperture()?.end - PAGE;
        guest.write32(which.at(plane::SURFACE), other as u32)?;
        wait_frames(guest, 2)?;
        interrupts::enable(guest, pipe::GROUP, bit)?;
        let _ = event.count()?;
    }
    let flipping = frames(guest)?;
    done(guest, which, to, event, bit)?;
    ensure!(
        frames(guest)? != flipping,
        "a flip did not wait for the blank"
    );
    if which == Plane::Primary {
        let now = guest.read32(pipe::FLIPS)?;
        ensure!(now != counted, "the flip is not counted");
    }
    Ok(())
}

/// A flip is done before the next frame begins.
fn at_once(
    guest: &mut Guest<'_>,
    which: Plane,
    to: &Surface,
    event: &Event,
    bit: u32,
    flip: Flip<'_>,
) -> Result<()> {
    let begun = Instant::now();
    loop {
        ensure!(begun.elapsed() < PATIENCE, "every flip meets a blank");
        let _ = event.count()?;
        let before = frames(guest)?;
        flip(guest, which, to, true)?;
        done(guest, which, to, event, bit)?;
        if frames(guest)? == before {
            return Ok(());
        }
    }
}

/// The message of a flip comes, and what was asked for is shown.
fn done(guest: &mut Guest<'_>, which: Plane, to: &Surface, event: &Event, bit: u32) -> Result<()> {
    interrupts::arrives(guest, event, pipe::GROUP, bit, pipe::MASTER)?;
    let live = guest.read32(which.at(plane::LIVE))?;
    equal("the surface that is shown", live, to.gma as u32)
}
