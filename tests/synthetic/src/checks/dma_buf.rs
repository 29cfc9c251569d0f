// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Planes as dma-bufs: what is in them, how long they live, and what they hold.

use std::fs;
use std::io::Write;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure, Context, Result};
use vfio_bindings::bindings::vfio::VFIO_GFX_PLANE_TYPE_DMABUF;

use super::equal;
use super::picture::{ARGB, CURSOR_PLANE, PRIMARY, XRGB};
use crate::card::Card;
use crate::guest::{Family, Guest};
use crate::registers::display::plane;
use crate::registers::*;
use crate::screen::{self, Mode, Part, Plane, Surface, Tiling, CURSOR};
use crate::transport::{PlaneInfo, PlaneQuery, Transport};

/// `I915_FORMAT_MOD_X_TILED` and `…_Y_TILED`.
const X_TILED: u64 = 1 << 56 | 1;
const Y_TILED: u64 = 1 << 56 | 2;

/// The mode, which is the primary plane's size: of few pixels, as the host's GPU gives them to us through
/// its aperture, and of short frames.
pub(super) const MODE: Mode = Mode {
    size: (128, 64),
    rate: 240,
};
/// A mode of more pixels.
const LARGE: Mode = Mode {
    size: (640, 480),
    rate: 240,
};
/// Where surfaces begin in memory and in the aperture, in pages.
pub(super) const PAGES: [u64; 3] = [0x200, 0x600, 0xb00];
pub(super) const PLACES: [u64; 3] = [0x10, 0x500, 0x900];

fn pixel(x: u32, y: u32) -> u32 {
    x.wrapping_mul(0x0201_0305) ^ y.wrapping_mul(0x010d_0b07)
}

fn query(transport: &mut dyn Transport, plane: u32) -> Result<PlaneInfo> {
    let query = PlaneQuery {
        flags: VFIO_GFX_PLANE_TYPE_DMABUF,
        plane,
    };
    transport.plane(query).context("cannot ask for a plane")
}

/// Asks for a plane, and exports it.
fn export(guest: &mut Guest<'_>, plane: u32) -> Result<(PlaneInfo, OwnedFd)> {
    let shown = query(guest.transport(), plane)?;
    ensure!(shown.size > 0, "there is no plane {plane}");
    let buffer = guest.transport().export(shown.place);
    Ok((shown, buffer.context("cannot export a plane")?))
}

/// Two surfaces for the primary plane, of which the first is shown.
pub(super) fn show(guest: &mut Guest<'_>, tiling: Tiling) -> Result<[Surface; 2]> {
    let start = guest.aperture()?.start;
    let mut surface = |number: usize| {
        let gma = start + (PLACES[number] << PAGE_SHIFT);
        Surface::new(guest, gma, PAGES[number], tiling, MODE.size)
    };
    let surfaces = [surface(0)?, surface(1)?];
    surfaces[0].draw(guest, pixel)?;
    surfaces[1].draw(guest, |x, y| !pixel(x, y))?;
    MODE.turn_on(guest)?;
    to(guest, &surfaces[0], MODE)?;
    Ok(surfaces)
}

/// Shows a surface that fills the screen.
fn to(guest: &mut Guest<'_>, surface: &Surface, mode: Mode) -> Result<()> {
    let part = Part {
        from: (0, 0),
        size: mode.size,
        at: (0, 0),
    };
    Plane::Primary.show(guest, surface, part)?;
    // It is shown from the vertical blank on.
    let begun = Instant::now();
    while guest.read32(plane::LIVE)? != surface.gma as u32 {
        ensure!(
            begun.elapsed() < Duration::from_secs(20),
            "a surface is never shown"
        );
    }
    Ok(())
}

/// Compares what the host's GPU reads of a dma-buf: some bytes of each page, in each at another place. It
/// reads through its aperture, of which each access is a message to the software GPU.
fn compare(card: &Card, buffer: &OwnedFd, wanted: &[u8]) -> Result<()> {
    const BYTES: usize = 64;
    const PLACES: usize = PAGE as usize / BYTES;
    let parts = (0..wanted.len()).step_by(PAGE as usize).enumerate();
    let parts = parts.map(|(number, page)| {
        let from = page + number % PLACES * BYTES;
        from.min(wanted.len())..(from + BYTES).min(wanted.len())
    });
    compare_parts(card, buffer, wanted, parts)
}

/// Compares all of it.
fn compare_whole(card: &Card, buffer: &OwnedFd, wanted: &[u8]) -> Result<()> {
    compare_parts(card, buffer, wanted, std::iter::once(0..wanted.len()))
}

fn compare_parts(
    card: &Card,
    buffer: &OwnedFd,
    wanted: &[u8],
    parts: impl Iterator<Item = Range<usize>>,
) -> Result<()> {
    let imported = card.import(buffer.as_fd()).context("cannot import")?;
    for part in parts {
        let found = imported.read(part.start, part.len());
        let found = found.context("cannot read")?;
        let differs = found.iter().zip(&wanted[part.clone()]);
        let differs = differs.into_iter().position(|(a, b)| a != b);
        ensure!(
            differs.is_none(),
            "byte {:#x} of a dma-buf is not the guest's",
            part.start + differs.unwrap_or(0)
        );
    }
    Ok(())
}

/// Pages that the whole host has pinned for devices.
fn pinned_by_host() -> Result<i64> {
    // Counts that processors keep for themselves come in.
    fs::write("/proc/sys/vm/stat_refresh", "1").context("cannot have counts refreshed")?;
    let text = fs::read_to_string("/proc/vmstat")?;
    let count = |name: &str| -> Result<i64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let count = line.with_context(|| format!("the kernel does not count {name}"))?;
        Ok(count.trim().parse()?)
    };
    Ok(count("nr_foll_pin_acquired ")? - count("nr_foll_pin_released ")?)
}

/// Takes the guest's memory away, which lets go of all that is pinned, and gives it back.
pub(super) fn let_go(guest: &mut Guest<'_>) -> Result<()> {
    let all = 0..guest.ram.size();
    guest.transport().unmap_memory(all.clone())?;
    let (ram, transport) = guest.ram_and_transport();
    Ok(transport.map_memory(ram, all)?)
}

pub(super) fn lifetime(guest: &mut Guest<'_>) -> Result<()> {
    let card = Card::open()?;
    let_go(guest)?;
    let start = pinned_by_host()?;
    in_all_tilings(guest, &card)?;
    guest.restart()?;
    cursor(guest, &card)?;
    guest.restart()?;
    many(guest, &card)?;
    let_go(guest)?;
    equal(
        "the pages that are pinned when the memory was taken back",
        pinned_by_host()?,
        start,
    )?;
    guest.restart()?;
    memory_goes(guest, &card)?;
    guest.restart()?;
    over_budget(guest)?;
    guest.restart()?;
    // The device is closed, and another client has it, who draws something else.
    let surfaces = show(guest, Tiling::X)?;
    let (_, buffer) = export(guest, PRIMARY)?;
    guest.reopen()?;
    compare(&card, &buffer, &surfaces[0].bytes(pixel))?;
    let found = query(guest.transport(), PRIMARY)?;
    ensure!(found.size == 0, "another client sees {found:?}");
    drop(buffer);
    let_go(guest)?;
    equal(
        "the pages that are pinned in the end",
        pinned_by_host()?,
        start,
    )?;
    guest.works()
}

fn in_all_tilings(guest: &mut Guest<'_>, card: &Card) -> Result<()> {
    let mut tilings = vec![(Tiling::Linear, 0), (Tiling::X, X_TILED)];
    if guest.family()? != Family::Bdw {
        tilings.push((Tiling::Y, Y_TILED));
    }
    for (tiling, modifier) in tilings {
        let surfaces = show(guest, tiling)?;
        let (shown, buffer) = export(guest, PRIMARY)?;
        ensure!(
            (shown.width, shown.height) == MODE.size
                && shown.format == XRGB
                && shown.modifier == modifier
                && shown.stride == surfaces[0].stride()
                && shown.size >= surfaces[0].stride() * MODE.size.1,
            "with {tiling:?} the plane is {shown:?}"
        );
        match tiling {
            Tiling::Linear => compare_whole(card, &buffer, &surfaces[0].bytes(pixel))?,
            _ => compare(card, &buffer, &surfaces[0].bytes(pixel))?,
        }
        // It is the guest's memory itself.
        surfaces[0].draw(guest, |x, y| pixel(y, x))?;
        compare(card, &buffer, &surfaces[0].bytes(|x, y| pixel(y, x)))?;
        surfaces[0].draw(guest, pixel)?;
        // After a flip it is another one; the first stays what it was.
        to(guest, &surfaces[1], MODE)?;
        let (flipped, second) = export(guest, PRIMARY)?;
        ensure!(
            flipped.place != shown.place,
            "two surfaces have the same number"
        );
        compare(card, &second, &surfaces[1].bytes(|x, y| !pixel(x, y)))?;
        compare(card, &buffer, &surfaces[0].bytes(pixel))?;
        // And back: the same plane has the same number, as clients keep what they have imported.
        to(guest, &surfaces[0], MODE)?;
        let again = query(guest.transport(), PRIMARY)?;
        equal("the number of the first", again.place, shown.place)?;
    }
    Ok(())
}

fn cursor(guest: &mut Guest<'_>, card: &Card) -> Result<()> {
    show(guest, Tiling::Linear)?;
    let none = query(guest.transport(), CURSOR_PLANE)?;
    ensure!(none.size == 0, "a cursor that is off is {none:?}");
    let gma = guest.aperture()?.start + (PLACES[2] << PAGE_SHIFT);
    let surface = Surface::new(guest, gma, PAGES[2], Tiling::Linear, (CURSOR, CURSOR))?;
    surface.draw(guest, pixel)?;
    screen::show_cursor(guest, &surface, (70, 33))?;
    guest.write32(pvinfo::CURSOR_X_HOT, 5)?;
    guest.write32(pvinfo::CURSOR_Y_HOT, 9)?;
    super::vblank::wait_frames(guest, 2)?;
    let (shown, buffer) = export(guest, CURSOR_PLANE)?;
    ensure!(
        (shown.width, shown.height) == (CURSOR, CURSOR)
            && shown.format == ARGB
            && shown.position == (70, 33)
            && shown.hot == (5, 9),
        "the cursor is {shown:?}"
    );
    compare(card, &buffer, &surface.bytes(pixel))
}

/// Many exports hold no more than one.
fn many(guest: &mut Guest<'_>, card: &Card) -> Result<()> {
    const EXPORTS: usize = 1000;
    /// Of these, how many are looked at through the host's GPU.
    const LOOKED_AT: usize = 10;
    let surfaces = show(guest, Tiling::Linear)?;
    for surface in &surfaces {
        to(guest, surface, MODE)?;
        export(guest, PRIMARY)?;
    }
    let (own, host) = (pinned(guest)?, pinned_by_host()?);
    for number in 0..EXPORTS {
        let flipped = number % 2;
        Plane::Primary.show(
            guest,
            &surfaces[flipped],
            Part {
                from: (0, 0),
                size: MODE.size,
                at: (0, 0),
            },
        )?;
        let (_, buffer) = export(guest, PRIMARY)?;
        if number % (EXPORTS / LOOKED_AT) == 0 {
            card.import(buffer.as_fd())?.read(0, PAGE as usize)?;
        }
    }
    equal(
        "the pages that the vGPU has pinned after many exports",
        pinned(guest)?,
        own,
    )?;
    equal(
        "the pages that are pinned after many exports",
        pinned_by_host()?,
        host,
    )
}

/// Pages that the vGPU says it has pinned, in its folder in debugfs.
fn pinned(guest: &mut Guest<'_>) -> Result<u64> {
    let id = guest.read32(pvinfo::ID)?;
    let cards = fs::read_dir("/sys/kernel/debug/dri").context("no debugfs")?;
    for card in cards {
        let path = card?
            .path()
            .join(format!("gvt/vgpu{id}/kvmgt_nr_cache_entries"));
        if let Ok(text) = fs::read_to_string(path) {
            let text = text.trim();
            let number = match text.strip_prefix("0x") {
                Some(digits) => u64::from_str_radix(digits, 16),
                None => text.parse(),
            };
            return number.with_context(|| format!("`{text}` is no number of pages"));
        }
    }
    Err(anyhow!("debugfs has no vGPU {id}"))
}

/// The memory is taken back while a dma-buf of it is out.
fn memory_goes(guest: &mut Guest<'_>, card: &Card) -> Result<()> {
    let surfaces = show(guest, Tiling::Linear)?;
    let (shown, buffer) = export(guest, PRIMARY)?;
    let_go(guest)?;
    equal("the pages that the vGPU has pinned", pinned(guest)?, 0)?;
    compare(card, &buffer, &surfaces[0].bytes(pixel))?;
    let forgotten = guest.transport().export(shown.place);
    ensure!(
        forgotten.is_err(),
        "a plane in memory that is gone is exported"
    );
    guest.works()
}

/// Exports come to an end before the host's memory does, and go on when some are closed.
fn over_budget(guest: &mut Guest<'_>) -> Result<()> {
    /// More than a vGPU may have out, of a plane of that many pages.
    const MOST: u64 = 1024 << 20;
    LARGE.turn_on(guest)?;
    let first = guest.aperture()?.start;
    // Each of these planes is one page on from the one before.
    let pages = u64::from(Surface::plain(first, LARGE.size).size()).div_ceil(PAGE);
    let count = MOST / (pages * PAGE);
    for place in 0..pages + count {
        guest.map(first + place * PAGE, place)?;
    }
    let mut out = Vec::new();
    for place in 0..count {
        let surface = Surface::plain(first + place * PAGE, LARGE.size);
        to(guest, &surface, LARGE)?;
        match query(guest.transport(), PRIMARY) {
            Ok(shown) if shown.size > 0 => match guest.transport().export(shown.place) {
                Ok(buffer) => out.push(buffer),
                Err(_) => break,
            },
            _ => break,
        }
    }
    let held = out.len() as u64;
    ensure!(held < count, "{held} dma-bufs hold as much as they like");
    ensure!(held >= 16, "{held} dma-bufs are all that there can be");
    drop(out);
    export(guest, PRIMARY)?;
    Ok(())
}

/// Exports a plane, closes the device, and compares the dma-buf when stdin has ended, by when the
/// vGPU may be gone.
///
/// # Errors
/// It is not what the guest has drawn; or what the device said.
pub fn outlives(mut guest: Guest<'_>) -> Result<()> {
    guest.restart()?;
    let card = Card::open()?;
    let surfaces = show(&mut guest, Tiling::X)?;
    let (_, buffer) = export(&mut guest, PRIMARY)?;
    drop(guest);
    println!("closed");
    std::io::stdout().flush()?;
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    compare(&card, &buffer, &surfaces[0].bytes(pixel))?;
    println!("compared");
    Ok(())
}
