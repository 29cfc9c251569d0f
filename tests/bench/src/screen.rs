// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Pictures of what a guest shows.
//!
//! To read the guest's memory costs next to nothing below.

use std::hint::black_box;

use anyhow::{ensure, Context, Result};
use iface::registers::named;
use kvmgt_core::display::picture::{Canvas, Frame};
use kvmgt_core::display::plane::Tiling;
use kvmgt_core::vgpu::kind::KINDS;

use crate::cases::plain;
use crate::replay::{Opened, Target};
use crate::trace::Access;

/// Pixels of the picture: the largest that a vGPU of any type has.
const WIDTH: u32 = 1920;
const HEIGHT: u32 = 1200;
/// All of them.
pub const PIXELS: u64 = WIDTH as u64 * HEIGHT as u64;
/// Pages of the guest's that are mapped: enough for the primary plane, in tiles too.
const PAGES: u64 = 2304;

/// What becomes of a row.
#[derive(Clone, Copy)]
enum Rows {
    /// It is another, and is copied.
    Changed,
    /// It is the same as before, which is looked for.
    Unchanged,
}

/// Memory that the picture is drawn into, as the region of a vGPU is.
struct Region {
    pixels: Vec<u32>,
    rows: Rows,
}

impl Canvas for Region {
    fn put(&mut self, y: u32, row: &[u32]) {
        let start = (y * WIDTH) as usize;
        let place = &mut self.pixels[start..start + row.len()];
        match self.rows {
            Rows::Changed => place.copy_from_slice(row),
            Rows::Unchanged => assert!(place == row),
        }
    }
}

fn write(register: &str, value: u32) -> Access {
    Access {
        offset: named(register).into(),
        size: 4,
        value: Some(value.into()),
    }
}

/// A vGPU whose guest shows its primary plane.
fn lit(tiling: Tiling, act: impl FnOnce(&mut Opened<'_>) -> Result<()>) -> Result<()> {
    let [_, kind, ..] = &KINDS;
    Opened::with_kind(kind, |opened| {
        opened.map(PAGES)?;
        let (bits, unit) = match tiling {
            Tiling::Linear => (0, 64),
            Tiling::X => (1, 512),
            Tiling::Y => (4, 128),
            Tiling::Yf => (5, 128),
        };
        for (register, value) in [
            ("TRANSCONF_TRANSCODER_A", 1 << 31),
            ("PIPESRC_TRANSCODER_A", (WIDTH - 1) << 16 | (HEIGHT - 1)),
            // On, 8 bits each, without alpha.
            ("DSPCNTR_PIPE_A", 1 << 31 | 4 << 24 | bits << 10),
            ("DSPSTRIDE_PIPE_A", WIDTH * 4 / unit),
            ("DSPSIZE_PIPE_A", (HEIGHT - 1) << 16 | (WIDTH - 1)),
            ("DSPSURF_PIPE_A", opened.surface()?),
        ] {
            opened.access(&write(register, value))?;
        }
        act(opened)
    })
}

/// The guest shows a sprite on a quarter of the picture, and the largest cursor, both with alpha.
fn add_planes(opened: &mut Opened<'_>) -> Result<()> {
    let (width, height) = (WIDTH / 2, HEIGHT / 2);
    for (register, value) in [
        ("SPRCTL_PIPE_A", 1 << 31 | 4 << 24 | 2 << 4),
        ("SPRSTRIDE_PIPE_A", width * 4 / 64),
        ("SPRPOS_PIPE_A", 100 << 16 | 100),
        ("SPRSIZE_PIPE_A", (height - 1) << 16 | (width - 1)),
        ("SPRSURF_PIPE_A", opened.surface()?),
        ("CURCNTR_PIPE_A", 0x23),
        ("CURPOS_PIPE_A", 300 << 16 | 300),
        ("CURBASE_PIPE_A", opened.surface()?),
    ] {
        opened.access(&write(register, value))?;
    }
    Ok(())
}

/// Draws the picture, and callgrind counts it.
#[inline(never)]
fn counted_draw(opened: &mut Opened<'_>, frame: &Frame, region: &mut Region) -> Result<()> {
    let drawn = opened.with_world(|vgpu, world| vgpu.draw(world, frame, 0..HEIGHT, region));
    // As in `counted_access`.
    black_box(drawn.map_err(plain))
}

fn draw(opened: &mut Opened<'_>, rounds: u32, rows: Rows) -> Result<()> {
    let frame = opened.with_world(|vgpu, world| vgpu.frame(world.device));
    let frame = frame.context("the display is off")?;
    ensure!((frame.size.width, frame.size.height) == (WIDTH, HEIGHT));
    let mut region = Region {
        pixels: vec![0; PIXELS as usize],
        rows,
    };
    (0..rounds).try_for_each(|_| counted_draw(opened, &frame, &mut region))
}

/// Pictures of a primary plane.
pub fn primary(rounds: u32, tiling: Tiling) -> Result<()> {
    lit(tiling, |opened| draw(opened, rounds, Rows::Changed))
}

/// The same with a sprite and a cursor.
pub fn blended(rounds: u32) -> Result<()> {
    lit(Tiling::X, |opened| {
        add_planes(opened)?;
        draw(opened, rounds, Rows::Changed)
    })
}

/// Pictures that are the same as before.
pub fn unchanged(rounds: u32) -> Result<()> {
    lit(Tiling::X, |opened| draw(opened, rounds, Rows::Unchanged))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benchmarks_when_run_then_each_ends() {
        for tiling in [Tiling::Linear, Tiling::X, Tiling::Y, Tiling::Yf] {
            primary(1, tiling).unwrap();
        }
        blended(1).unwrap();
        unchanged(1).unwrap();
    }

    #[test]
    fn planes_when_added_then_are_in_the_frame() {
        lit(Tiling::Y, |opened| {
            add_planes(opened)?;
            let frame = opened.with_world(|vgpu, world| vgpu.frame(world.device));
            let frame = frame.unwrap();
            assert_eq!(frame.primary.unwrap().tiling, Tiling::Y);
            assert_eq!(frame.sprite.unwrap().size.width, WIDTH / 2);
            assert_eq!(frame.cursor.unwrap().size.width, 256);
            let pages = opened.with_world(|vgpu, _| vgpu.pages(&frame.primary.unwrap()));
            assert_eq!(pages.unwrap().len(), 60 * 38);
            Ok(())
        })
        .unwrap();
    }
}
