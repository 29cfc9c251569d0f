// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The blitter fills and copies, and every pixel is looked at.

use anyhow::{bail, Result};

use crate::command::{self, Rectangle, Surface};
use crate::device::{bytes, Buffer, Device, Engine, PATIENCE};

/// Pixels a row; not a power of two, so that a wrong pitch shows.
const WIDTH: u32 = 240;
/// Rows.
const HEIGHT: u32 = 100;
/// Bytes of a row.
const PITCH: u32 = WIDTH * 4;
/// Where the batch lies.
const BATCH: u64 = 1 << 20;
/// Where the surfaces lie.
const SOURCE: u64 = 2 << 20;
/// See [`SOURCE`].
const DESTINATION: u64 = (1 << 32) + (2 << 20);
/// The colour of a fill.
const COLOUR: u32 = 0x80c0_ffee;
/// What is filled.
const FILLED: Rectangle = Rectangle {
    x: 17,
    y: 5,
    width: 101,
    height: 43,
};
/// Where a copy goes; it crosses what was filled.
const COPIED: Rectangle = Rectangle {
    x: 90,
    y: 31,
    width: 77,
    height: 60,
};
/// Where a copy comes from.
const FROM: (u32, u32) = (33, 11);

/// Fills and copies on one surface, and compares it whole after each.
pub fn run(device: &Device) -> Result<()> {
    let size = u64::from(PITCH * HEIGHT);
    let batch = device.buffer(size, BATCH)?;
    let source = device.buffer(size, SOURCE)?;
    let destination = device.buffer(size, DESTINATION)?;
    source.write(&bytes(&picture(source_pixel)))?;
    destination.write(&bytes(&picture(background)))?;
    let context = device.context()?;
    let blit = |commands: &[u32]| {
        device.start(
            Engine::Bcs,
            context,
            &batch,
            commands,
            &[&source, &destination],
        )?;
        destination.wait(PATIENCE)
    };

    let filled = |x, y| match FILLED.contains(x, y) {
        true => COLOUR,
        false => background(x, y),
    };
    blit(&command::fill(surface(DESTINATION), FILLED, COLOUR))?;
    compare(&destination, filled)?;
    println!("bcs: filled a rectangle: ok");

    let copied = |x, y| match COPIED.contains(x, y) {
        true => source_pixel(x - COPIED.x + FROM.0, y - COPIED.y + FROM.1),
        false => filled(x, y),
    };
    blit(&command::copy(
        surface(SOURCE),
        FROM,
        surface(DESTINATION),
        COPIED,
    ))?;
    compare(&destination, copied)?;
    compare(&source, source_pixel)?;
    println!("bcs: copied a rectangle: ok");
    Ok(())
}

fn surface(address: u64) -> Surface {
    Surface {
        address,
        pitch: PITCH,
    }
}

/// A pixel that no other place of the surface has.
fn source_pixel(x: u32, y: u32) -> u32 {
    1 << 31 | y << 16 | x
}

fn background(x: u32, y: u32) -> u32 {
    y << 16 | x
}

fn picture(pixel: impl Fn(u32, u32) -> u32) -> Vec<u32> {
    let pixel = &pixel;
    (0..HEIGHT)
        .flat_map(|y| (0..WIDTH).map(move |x| pixel(x, y)))
        .collect()
}

fn compare(buffer: &Buffer<'_>, pixel: impl Fn(u32, u32) -> u32) -> Result<()> {
    let expected = picture(pixel);
    let found = buffer.read(expected.len())?;
    let different = (0_u32..)
        .zip(expected.iter().zip(&found))
        .find(|(_, (one, two))| one != two);
    if let Some((place, (expected, found))) = different {
        let (x, y) = (place % WIDTH, place / WIDTH);
        bail!("pixel ({x}, {y}) is {found:#010x}, not {expected:#010x}");
    }
    Ok(())
}
