// SPDX-License-Identifier: GPL-2.0 OR MIT
//! From mode to mode.

use anyhow::{ensure, Result};
use drm::control::Mode;

use crate::card::Card;
use crate::pattern::Pattern;
use crate::surface::{Format, Surface, Tiling};

/// How many resolutions there are at least.
const FEWEST: usize = 5;

/// Sets modes of all resolutions one after the other, so many times, flips in each, and switches off.
pub fn run(card: &Card, times: u32) -> Result<()> {
    let mut modes: Vec<Mode> = Vec::new();
    for mode in card.modes() {
        if modes.iter().all(|other| other.size() != mode.size()) {
            modes.push(*mode);
        }
    }
    let count = modes.len();
    ensure!(count >= FEWEST, "the monitor has {count} resolutions only");
    let surfaces = |mode: &Mode| {
        let (width, height) = mode.size();
        let size = (width.into(), height.into());
        let of = |tiling| Surface::new(card, size, Format::Xrgb, tiling, Pattern::Screen);
        anyhow::Ok((of(Tiling::Linear)?, of(Tiling::X)?))
    };
    let all = modes.iter().map(surfaces).collect::<Result<Vec<_>>>()?;
    for (mode, (first, second)) in modes.iter().zip(&all).cycle().take(times as usize) {
        card.set(*mode, first)?;
        card.flip(second)?;
        card.flip(first)?;
        card.off()?;
    }
    println!("switched {times} times among {count} resolutions: ok");
    Ok(())
}
