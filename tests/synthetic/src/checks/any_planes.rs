// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Planes as no driver sets them up.

use std::collections::BTreeSet;

use anyhow::{ensure, Context, Result};
use vfio_bindings::bindings::vfio::{VFIO_GFX_PLANE_TYPE_DMABUF, VFIO_GFX_PLANE_TYPE_REGION};

use super::picture::{query, CURSOR_PLANE, PRIMARY};
use super::random::Random;
use super::unseen;
use crate::guest::Guest;
use crate::registers::display::{plane, transcoder};
use crate::registers::*;
use crate::screen::{self, Mode, Part, Plane, Surface};
use crate::transport::{PlaneQuery, Sharing};

/// A mode of few pixels, as each picture is looked at.
const MODE: Mode = Mode {
    size: (256, 192),
    rate: 60,
};
/// The byte that fills the guest's memory.
const FILL: u8 = 0x5a;

/// Random registers of planes: each picture is of the guest's memory, or black.
pub(super) fn any(guest: &mut Guest<'_>) -> Result<()> {
    const ROUNDS: u32 = 100;
    let seen = unseen(guest, VFIO_GFX_PLANE_TYPE_REGION).is_none();
    let exported = unseen(guest, VFIO_GFX_PLANE_TYPE_DMABUF).is_none();
    let aperture = guest.aperture()?;
    let mut random = Random(0x26);
    MODE.turn_on(guest)?;
    for page in 0..guest.ram.size() >> PAGE_SHIFT {
        guest.ram.fill(page, FILL)?;
    }
    for page in 0..0x1000 {
        guest.map(aperture.start + page * PAGE, page)?;
    }
    for round in 0..ROUNDS {
        for at in plane::ALL.step_by(4) {
            if random.next() % 4 == 0 {
                guest.write32(at, random.edge())?;
            }
        }
        // Now and then something that is valid, so that there is a picture.
        if round % 2 == 0 {
            let gma = aperture.start + u64::from(random.next() % 0x1000) * PAGE;
            let surface = Surface::plain(gma, MODE.size);
            let part = Part {
                from: (random.next() % 5000, random.next() % 5000),
                size: (1 + random.next() % 5000, 1 + random.next() % 5000),
                at: (random.next() % 300, random.next() % 200),
            };
            Plane::Primary.show(guest, &surface, part)?;
            guest.write32(plane::STRIDE, random.edge())?;
        }
        for at in [plane::SURFACE, Plane::Sprite.at(plane::SURFACE)] {
            let inside = aperture.start as u32 + (random.next() & 0x0fff_f000);
            let surface = if random.next() % 2 == 0 {
                inside
            } else {
                random.edge()
            };
            guest.write32(at, surface)?;
        }
        if seen {
            own_colours(guest).with_context(|| format!("in round {round}"))?;
        }
        if exported {
            for plane in [PRIMARY, CURSOR_PLANE] {
                let query = PlaneQuery {
                    flags: VFIO_GFX_PLANE_TYPE_DMABUF,
                    plane,
                };
                if let Ok(shown) = guest.transport().plane(query) {
                    let _ = guest.transport().export(shown.place);
                }
            }
        }
        // The times of the pipe stay ours, all else of it does not.
        if round % 64 == 63 {
            guest.write32(transcoder::SOURCE, random.edge())?;
            if seen {
                own_colours(guest)?;
            }
            MODE.turn_on(guest)?;
        }
    }
    guest.restart()?;
    guest.works()
}

/// A picture has no colours but those that come of [`FILL`]: some, one for each format, and a cursor
/// over them.
fn own_colours(guest: &mut Guest<'_>) -> Result<()> {
    const MOST: usize = 64;
    let shown = query(guest, PRIMARY)?;
    if shown.size == 0 {
        return Ok(());
    }
    let mapped = guest.transport().map_region(
        shown.place,
        0,
        (shown.size as usize).next_multiple_of(PAGE as usize),
        Sharing::ReadOnly,
    )?;
    let mut colours = BTreeSet::new();
    for at in (0..(shown.stride * shown.height) as usize).step_by(screen::PIXEL as usize) {
        colours.insert(mapped.read32(at) & 0xff_ffff);
        ensure!(
            colours.len() <= MOST,
            "the picture has colours that the memory has not: {colours:x?}"
        );
    }
    Ok(())
}
