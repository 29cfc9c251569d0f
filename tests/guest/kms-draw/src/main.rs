// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Shows known pictures on a screen, through the kernel's mode setting.
//!
//! It runs wherever there is a DRM device with a monitor, and needs nothing but the device node: built
//! with `-C target-feature=+crt-static` it is one file. What it has done is a line on stdout; what fails
//! first is an error on stderr and exit status 1.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

mod card;
mod pattern;
mod surface;
mod switch;

use card::{Card, Role};
use pattern::Pattern;
use surface::{Format, Surface, Tiling};

/// Shows known pictures on a screen.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The DRM device.
    #[arg(long, default_value = "/dev/dri/card0")]
    device: PathBuf,
    #[command(subcommand)]
    work: Work,
}

#[derive(Subcommand)]
enum Work {
    /// Show a pattern on all of the screen, say `shown WxH`, and stay until killed.
    Show {
        /// In the smallest mode, instead of the preferred one.
        #[arg(long)]
        smallest: bool,
        /// How the pixels lie in memory.
        #[arg(long, value_enum, default_value = "linear")]
        tiling: Tiling,
        /// A pattern on a plane above it, with its left upper corner there.
        #[arg(long, value_name = "X,Y", value_parser = place, allow_hyphen_values = true)]
        sprite: Option<(i32, i32)>,
        /// Places of a cursor, which goes from each to the next.
        #[arg(long, value_name = "X,Y", value_parser = place, allow_hyphen_values = true)]
        cursor: Vec<(i32, i32)>,
    },
    /// Go from mode to mode, with flips in each, and off in between.
    Switch {
        /// How many times.
        #[arg(long, default_value_t = 50)]
        times: u32,
    },
}

/// Reads two numbers with a comma between.
fn place(text: &str) -> Result<(i32, i32)> {
    let (x, y) = text.split_once(',').context("expected X,Y")?;
    Ok((x.parse()?, y.parse()?))
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let card = Card::open(&arguments.device)?;
    match arguments.work {
        Work::Show {
            smallest,
            tiling,
            sprite,
            cursor,
        } => {
            let mode = match smallest {
                true => card.smallest_mode(),
                false => card.preferred_mode(),
            };
            let mode = mode.context("the monitor has no such mode")?;
            let (width, height) = mode.size();
            let size = (width.into(), height.into());
            let screen = Surface::new(&card, size, Format::Xrgb, tiling, Pattern::Screen)?;
            card.set(mode, &screen)?;
            if let Some(place) = sprite {
                let size = pattern::SPRITE;
                let sprite = Surface::new(&card, size, Format::Xrgb, tiling, Pattern::Sprite)?;
                card.place(Role::Overlay, &sprite, place)?;
            }
            if !cursor.is_empty() {
                let size = pattern::CURSOR;
                let shape =
                    Surface::new(&card, size, Format::Argb, Tiling::Linear, Pattern::Cursor)?;
                for place in cursor {
                    card.place(Role::Cursor, &shape, place)?;
                }
            }
            println!("shown {width}x{height}");
            loop {
                std::thread::park();
            }
        }
        Work::Switch { times } => switch::run(&card, times),
    }
}
