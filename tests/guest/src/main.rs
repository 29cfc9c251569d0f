// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Gives a GPU work through i915 and looks at what came of it.
//!
//! It runs wherever i915 drives a GPU, real, modelled or mediated, and needs nothing but the device
//! node: built with `-C target-feature=+crt-static` it is one file. Each step is a line on stdout
//! that ends in `ok`; the first step that fails is an error on stderr and exit status 1.
#![deny(unsafe_code)]

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{bail, Context, Result};
use clap::{Parser, Subcommand, ValueEnum};

mod blit;
mod command;
mod device;
mod engines;
mod hang;
mod ioctl;
mod load;
mod rounds;

use device::{Device, Engine};

/// Gives a GPU work through i915 and looks at what came of it.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The DRM device; the first one of i915 if none is named.
    #[arg(long)]
    device: Option<PathBuf>,
    #[command(subcommand)]
    work: Work,
}

#[derive(Subcommand)]
enum Work {
    /// Let each engine store a value, and read it back.
    Engines,
    /// Fill and copy rectangles with the blitter, and compare all pixels.
    Blit,
    /// Let each engine store values for a while, and read each back.
    Load {
        /// How long, in seconds.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
    },
    /// Do one kind of work a number of times, and tell how long it takes.
    Rounds {
        /// What is done.
        #[arg(value_enum)]
        kind: rounds::Kind,
        /// How many times.
        count: u32,
    },
    /// Hang engines, wait for the reset, and prove that they work again.
    Hang {
        /// The engines, one after the other; all if none is named.
        engines: Vec<Engine>,
        /// What hangs them.
        #[arg(long, value_enum, default_value = "loop")]
        how: How,
    },
}

/// How a batch hangs.
#[derive(Clone, Copy, ValueEnum)]
enum How {
    /// It jumps to its own start, for ever, and can't be preempted.
    Loop,
    /// It holds a command that does not exist.
    Garbage,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let path = match arguments.device {
        Some(path) => path,
        None => first_device()?,
    };
    let open = || Device::open(&path);
    match arguments.work {
        Work::Engines => engines::run(&open()?),
        Work::Blit => blit::run(&open()?),
        Work::Load { seconds } => load::run(&open()?, Duration::from_secs(seconds)),
        Work::Rounds { kind, count } => rounds::run(&open()?, kind, count),
        Work::Hang { engines, how } => {
            let present = open()?.engines()?;
            let engines = match engines.is_empty() {
                true => present,
                false => engines,
            };
            engines
                .into_iter()
                .try_for_each(|engine| hang::run(&path, engine, how))
        }
    }
}

/// The first DRM device whose driver is i915.
fn first_device() -> Result<PathBuf> {
    let folder = "/dev/dri";
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("cannot look into {folder}"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().contains("/renderD"))
        .collect();
    paths.sort();
    for path in paths {
        if Device::open(&path).is_ok() {
            return Ok(path);
        }
    }
    bail!("no device in {folder} belongs to i915")
}
