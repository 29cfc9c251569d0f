// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The picture that a client sees, compared with what the guest shows, pixel by pixel.

use anyhow::{ensure, Context, Result};
use vfio_bindings::bindings::vfio::{
    VFIO_GFX_PLANE_TYPE_DMABUF, VFIO_GFX_PLANE_TYPE_PROBE, VFIO_GFX_PLANE_TYPE_REGION,
    VFIO_REGION_INFO_FLAG_MMAP, VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE,
};

use super::equal;
use crate::guest::Guest;
use crate::registers::display::{cursor, plane, transcoder};
use crate::registers::*;
use crate::screen::{self, Mode, Part, Plane, Surface, Tiling, CURSOR};
use crate::transport::{PlaneInfo, PlaneQuery, Sharing};

/// `DRM_FORMAT_XRGB8888`.
pub(super) const XRGB: u32 = u32::from_le_bytes(*b"XR24");
/// `DRM_FORMAT_ARGB8888`.
pub(super) const ARGB: u32 = u32::from_le_bytes(*b"AR24");
/// What QEMU asks for when it wants a region: it does not say which plane.
const UNNAMED: u32 = 0;
/// `DRM_PLANE_TYPE_PRIMARY`.
pub(super) const PRIMARY: u32 = 1;
/// `DRM_PLANE_TYPE_CURSOR`.
pub(super) const CURSOR_PLANE: u32 = 2;

/// A mode whose rows fill no tiles.
pub(super) const MODE: Mode = Mode {
    size: (400, 300),
    rate: 60,
};
/// The primary plane's surface is larger than the picture, which does not begin at its first pixel.
const FROM: (u32, u32) = (16, 8);
const SURFACE: (u32, u32) = (432, 316);
/// The sprite: a part of its surface, and where it is shown.
const SPRITE_SURFACE: (u32, u32) = (160, 80);
const SPRITE: Part = Part {
    from: (4, 2),
    size: (120, 70),
    at: (133, 111),
};
/// Where surfaces begin in memory, in pages.
const PAGES: [u64; 3] = [0x200, 0xa00, 0xb00];
/// Where they begin in the aperture, in pages.
const PLACES: [u64; 3] = [0x10, 0x800, 0x900];

/// All that is on a screen.
struct Scene {
    primary: Surface,
    sprite: Surface,
    cursor: Surface,
}

/// A pixel of the primary plane, which differs from all others of its row and its column.
fn primary_pixel(x: u32, y: u32) -> u32 {
    (x.wrapping_mul(0x1_0305) ^ y.wrapping_mul(0x7_0b0d)) & 0xff_ffff | 0x5a00_0000
}

fn sprite_pixel(x: u32, y: u32) -> u32 {
    (x << 16 | y << 8 | (x ^ y)) & 0xff_ffff
}

/// A pixel of the cursor: opaque, clear, or in between, in stripes.
fn cursor_pixel(x: u32, y: u32) -> u32 {
    match x / 8 % 3 {
        0 => 0xff00_0000 | (255 - x) << 16 | y << 8 | 0x40,
        1 => 0,
        // Half of it, as the colours are multiplied by that.
        _ => 0x8000_0000 | (x & 0x7f) << 16 | (y & 0x7f) << 8 | 0x10,
    }
}

impl Scene {
    fn new(guest: &mut Guest<'_>, tiling: Tiling) -> Result<Self> {
        let start = guest.aperture()?.start;
        let [first, second, third] = PLACES.map(|place| start + (place << PAGE_SHIFT));
        let primary = Surface::new(guest, first, PAGES[0], tiling, SURFACE)?;
        let sprite = Surface::new(guest, second, PAGES[1], tiling, SPRITE_SURFACE)?;
        let cursor = Surface::new(guest, third, PAGES[2], Tiling::Linear, (CURSOR, CURSOR))?;
        primary.draw(guest, primary_pixel)?;
        sprite.draw(guest, sprite_pixel)?;
        cursor.draw(guest, cursor_pixel)?;
        MODE.turn_on(guest)?;
        let part = Part {
            from: FROM,
            size: MODE.size,
            at: (0, 0),
        };
        Plane::Primary.show(guest, &primary, part)?;
        Ok(Self {
            primary,
            sprite,
            cursor,
        })
    }
}

/// A colour over another.
fn over(above: u32, below: u32) -> u32 {
    let left = 255 - (above >> 24);
    let channel = |shift: u32| {
        let (above, below) = (above >> shift & 0xff, below >> shift & 0xff);
        (above + (below * left + 127) / 255).min(255) << shift
    };
    channel(16) | channel(8) | channel(0)
}

/// What is shown at a place, with the cursor there, if it is on.
fn wanted(x: u32, y: u32, sprite: bool, cursor: Option<(i32, i32)>) -> u32 {
    let primary = primary_pixel(x + FROM.0, y + FROM.1);
    let (left, top) = SPRITE.at;
    let inside = |place: u32, start: u32, size: u32| (start..start + size).contains(&place);
    let mut pixel = primary;
    if sprite && inside(x, left, SPRITE.size.0) && inside(y, top, SPRITE.size.1) {
        pixel = sprite_pixel(x - left + SPRITE.from.0, y - top + SPRITE.from.1);
    }
    if let Some((left, top)) = cursor {
        let at = (x as i32 - left, y as i32 - top);
        let within = |place: i32| (0..CURSOR as i32).contains(&place);
        if within(at.0) && within(at.1) {
            pixel = over(cursor_pixel(at.0 as u32, at.1 as u32), pixel);
        }
    }
    pixel & 0xff_ffff
}

/// Asks for the picture in its region.
pub(super) fn query(guest: &mut Guest<'_>, plane: u32) -> Result<PlaneInfo> {
    let query = PlaneQuery {
        flags: VFIO_GFX_PLANE_TYPE_REGION,
        plane,
    };
    let shown = guest.transport().plane(query);
    shown.context("cannot ask for the picture")
}

/// Colours are the same, but for rounding.
fn alike(found: u32, wanted: u32) -> bool {
    [16, 8, 0]
        .iter()
        .all(|shift| (found >> shift & 0xff).abs_diff(wanted >> shift & 0xff) <= 1)
}

/// Asks for the picture, and compares it as it is mapped, and as it is read.
fn compare(guest: &mut Guest<'_>, sprite: bool, cursor: Option<(i32, i32)>) -> Result<()> {
    let shown = query(guest, PRIMARY)?;
    ensure!(
        query(guest, UNNAMED)? == shown,
        "the picture is another one if no plane is named"
    );
    let (width, height) = MODE.size;
    ensure!(
        (shown.width, shown.height) == MODE.size && shown.stride == width * screen::PIXEL,
        "the picture is {shown:?}"
    );
    ensure!(
        shown.format == XRGB && shown.modifier == 0 && shown.size >= shown.stride * height,
        "the picture is {shown:?}"
    );
    let size = guest.transport().region(shown.place)?.size;
    ensure!(
        size >= shown.size.into(),
        "its region has {size:#x} bytes, and the picture is {shown:?}"
    );
    let length = (shown.size as usize).next_multiple_of(PAGE as usize);
    let mapped = guest
        .transport()
        .map_region(shown.place, 0, length, Sharing::ReadOnly);
    let mapped = mapped.context("the picture can't be mapped")?;
    for y in 0..height {
        let row = u64::from(y) * u64::from(shown.stride);
        let mut read = vec![0; shown.stride as usize];
        guest.transport().read(shown.place, row, &mut read)?;
        for x in 0..width {
            let at = (x * screen::PIXEL) as usize;
            let found = mapped.read32(row as usize + at) & 0xff_ffff;
            let wanted = wanted(x, y, sprite, cursor);
            let exact = cursor.is_none();
            ensure!(
                found == wanted || !exact && alike(found, wanted),
                "the pixel at ({x}, {y}) is {found:#x}, not {wanted:#x}"
            );
            let read = u32::from_le_bytes([read[at], read[at + 1], read[at + 2], 0]);
            ensure!(
                read == found,
                "the pixel at ({x}, {y}) is mapped as {found:#x}, and read as {read:#x}"
            );
        }
    }
    Ok(())
}

/// What the planes of a tiling show, one above the other, as they change.
fn shows(guest: &mut Guest<'_>, tiling: Tiling) -> Result<()> {
    let scene = Scene::new(guest, tiling)?;
    compare(guest, false, None)?;
    Plane::Sprite.show(guest, &scene.sprite, SPRITE)?;
    compare(guest, true, None)?;
    // A cursor inside, over both planes, and over each edge.
    let (right, bottom) = (MODE.size.0 as i32, MODE.size.1 as i32);
    for at in [
        (300, 40),
        (SPRITE.at.0 as i32 - 20, SPRITE.at.1 as i32 - 20),
        (-20, 30),
        (40, -33),
        (right - 30, bottom - 7),
        (-64, -64),
    ] {
        screen::show_cursor(guest, &scene.cursor, at)?;
        compare(guest, true, Some(at)).with_context(|| format!("with a cursor at {at:?}"))?;
    }
    // What is gone is not shown any more, and what changes is.
    guest.write32(cursor::CONTROL, 0)?;
    guest.write32(cursor::BASE, 0)?;
    guest.write32(Plane::Sprite.at(plane::CONTROL), 0)?;
    guest.write32(Plane::Sprite.at(plane::SURFACE), 0)?;
    compare(guest, false, None)?;
    scene.primary.draw(guest, |_, _| 0)?;
    ensure!(
        compare(guest, false, None).is_err(),
        "the picture is of memory that has changed"
    );
    scene.primary.draw(guest, primary_pixel)?;
    compare(guest, false, None)?;
    // Pages that come and go: the rest is shown, and nothing in their place.
    guest.set_entry(scene.primary.gma, 0)?;
    query(guest, PRIMARY)?;
    guest.map(scene.primary.gma, scene.primary.pages.end - 1)?;
    compare(guest, false, None)
}

pub(super) fn linear(guest: &mut Guest<'_>) -> Result<()> {
    shows(guest, Tiling::Linear)
}

pub(super) fn x_tiles(guest: &mut Guest<'_>) -> Result<()> {
    shows(guest, Tiling::X)
}

pub(super) fn y_tiles(guest: &mut Guest<'_>) -> Result<()> {
    shows(guest, Tiling::Y)
}

/// Whether there is a picture.
fn is_there(guest: &mut Guest<'_>) -> Result<bool> {
    let shown = query(guest, PRIMARY)?;
    ensure!(
        (shown.format == 0) == (shown.size == 0),
        "a picture in part: {shown:?}"
    );
    Ok(shown.size > 0)
}

/// Without a pipe, or a plane, there is no picture, or a black one.
pub(super) fn off(guest: &mut Guest<'_>) -> Result<()> {
    screen::turn_off(guest)?;
    ensure!(!is_there(guest)?, "a picture without a pipe");
    Scene::new(guest, Tiling::Linear)?;
    compare(guest, false, None)?;
    guest.write32(transcoder::CONTROL, 0)?;
    ensure!(!is_there(guest)?, "a picture of a pipe that is off");
    guest.write32(transcoder::CONTROL, transcoder::ENABLE)?;
    compare(guest, false, None)?;
    let PlaneInfo { place, size, .. } = query(guest, PRIMARY)?;
    guest.write32(plane::CONTROL, 0)?;
    guest.write32(plane::SURFACE, 0)?;
    query(guest, PRIMARY)?;
    black(guest, place, size.into())?;
    Scene::new(guest, Tiling::Linear)?;
    compare(guest, false, None)?;
    guest.transport().reset()?;
    screen::turn_off(guest)?;
    ensure!(!is_there(guest)?, "a picture after a reset");
    // Another client sees nothing of the last one's picture.
    guest.reopen()?;
    let all = guest.transport().region(place)?.size;
    black(guest, place, all)
}

/// Nothing is in the picture's region, in so many bytes from its start on.
fn black(guest: &mut Guest<'_>, place: u32, size: u64) -> Result<()> {
    let length = usize::try_from(size)?;
    let mut read = [0; 64];
    guest.transport().read(place, 0, &mut read)?;
    ensure!(read == [0; 64], "a black picture begins with {read:x?}");
    let mapped = guest
        .transport()
        .map_region(place, 0, length, Sharing::ReadOnly)?;
    for at in (0..length).step_by(screen::PIXEL as usize) {
        let found = mapped.read32(at);
        ensure!(found == 0, "byte {at:#x} of a black picture is {found:#x}");
    }
    Ok(())
}

/// The ways in which a picture can be had, and its region.
pub(super) fn region(guest: &mut Guest<'_>) -> Result<()> {
    Scene::new(guest, Tiling::Linear)?;
    let place = query(guest, PRIMARY)?.place;
    let region = guest.transport().region(place)?;
    let access = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
    equal(
        "the access of the picture",
        region.flags & access,
        VFIO_REGION_INFO_FLAG_READ,
    )?;
    let mappable = region.flags & VFIO_REGION_INFO_FLAG_MMAP;
    ensure!(mappable != 0, "the picture can't be mapped");
    let written = guest.transport().write(place, 0, &[0; 4]);
    ensure!(written.is_err(), "the picture takes writes");
    let (page, size) = (PAGE as usize, region.size);
    for (offset, length, sharing) in [
        (0, page, Sharing::Shared),
        (0, page, Sharing::Private),
        (0, size as usize + page, Sharing::ReadOnly),
        (size - PAGE, 2 * page, Sharing::ReadOnly),
        (size, page, Sharing::ReadOnly),
        ((1 << 40) - PAGE, page, Sharing::ReadOnly),
    ] {
        let mapped = guest.transport().map_region(place, offset, length, sharing);
        ensure!(
            mapped.is_err(),
            "{length:#x} bytes at {offset:#x} of the picture can be mapped: {sharing:?}"
        );
    }
    let last = guest
        .transport()
        .map_region(place, size - PAGE, page, Sharing::ReadOnly);
    let mut last = last.context("the picture's last page can't be mapped")?;
    ensure!(last.grow(2 * page).is_err(), "a mapping grew over the end");
    for flags in [
        0,
        VFIO_GFX_PLANE_TYPE_PROBE,
        VFIO_GFX_PLANE_TYPE_DMABUF,
        VFIO_GFX_PLANE_TYPE_PROBE | VFIO_GFX_PLANE_TYPE_DMABUF,
        VFIO_GFX_PLANE_TYPE_REGION | VFIO_GFX_PLANE_TYPE_DMABUF,
        VFIO_GFX_PLANE_TYPE_PROBE | VFIO_GFX_PLANE_TYPE_DMABUF | VFIO_GFX_PLANE_TYPE_REGION,
        u32::MAX,
    ] {
        let asked = guest.transport().plane(PlaneQuery {
            flags,
            plane: PRIMARY,
        });
        ensure!(asked.is_err(), "the flags {flags:#x} are no error");
    }
    for plane in [3, u32::MAX] {
        let asked = guest.transport().plane(PlaneQuery {
            flags: VFIO_GFX_PLANE_TYPE_REGION,
            plane,
        });
        ensure!(asked.is_err(), "there is a plane {plane}");
    }
    for number in [0, 1, u32::MAX] {
        let exported = guest.transport().export(number);
        ensure!(exported.is_err(), "picture {number} can be exported");
    }
    guest.works()
}
