// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Time in a guest's display: vertical blanks, flips, and a look at where the beam is.

use std::hint::black_box;

use anyhow::Result;
use iface::registers::named;
use kvmgt_core::vgpu::Vgpu;

use crate::replay::{counted_access, Opened, Target};
use crate::trace::Access;

/// How many of them there are in a round.
pub const COUNT: u64 = 64;

/// What i915 has in the registers of a pipe that shows 1920x1200 over four lanes of 2.7 Gbit/s, and lets
/// through of its interrupts: vertical blanks and flips.
const MODESET: [(&str, u32); 10] = [
    ("DPLL_CTRL2", 1 << 9 | 1 << 10),
    ("DPLL_CTRL1", 1 << 6 | 1 << 7),
    ("REG_60400", 1 << 31 | 3 << 28 | 2 << 24),
    ("TRANS_HTOTAL_TRANSCODER_A", 2079 << 16 | 1919),
    ("TRANS_VTOTAL_TRANSCODER_A", 1234 << 16 | 1199),
    ("PIPE_LINK_M1_TRANSCODER_A", 0x4_9036),
    ("PIPE_LINK_N1_TRANSCODER_A", 0x8_0000),
    ("TRANSCONF_TRANSCODER_A", 1 << 31),
    ("GEN8_DE_PIPE_IER_PIPE_A", 1 << 3 | 1 << 0),
    ("GEN8_DE_PIPE_IMR_PIPE_A", !(1 << 3 | 1 << 0)),
];

fn write(register: &str, value: u32) -> Access {
    Access {
        offset: named(register).into(),
        size: 4,
        value: Some(value.into()),
    }
}

fn read(register: &str) -> Access {
    Access {
        value: None,
        ..write(register, 0)
    }
}

/// A vGPU whose guest shows something, and waits for vertical blanks.
fn lit(act: impl FnOnce(&mut Opened<'_>) -> Result<()>) -> Result<()> {
    Opened::with(|opened| {
        for (register, value) in MODESET {
            opened.access(&write(register, value))?;
        }
        opened.access(&write("GEN8_MASTER_IRQ", 1 << 31))?;
        act(opened)
    })
}

/// The guest acknowledges what is pending.
fn acknowledge(opened: &mut Opened<'_>) -> Result<()> {
    opened.access(&write("GEN8_DE_PIPE_IIR_PIPE_A", u32::MAX))
}

/// Tells a vGPU of the time, and callgrind counts it.
#[inline(never)]
fn counted_tick(opened: &mut Opened<'_>) {
    // As in `counted_access`.
    opened.with_world(Vgpu::tick);
    black_box(());
}

/// Vertical blanks: from the alarm to the guest's interrupt.
pub fn blanks(rounds: u32) -> Result<()> {
    lit(|opened| {
        for _ in 0..u64::from(rounds) * COUNT {
            opened.wait_for_alarm()?;
            counted_tick(opened);
            acknowledge(opened)?;
        }
        Ok(())
    })
}

/// Vertical blanks that flips wait for, besides.
pub fn blanks_with_flips(rounds: u32) -> Result<()> {
    lit(|opened| {
        for number in 0..u64::from(rounds) * COUNT {
            opened.access(&flip(number))?;
            opened.wait_for_alarm()?;
            counted_tick(opened);
            acknowledge(opened)?;
        }
        Ok(())
    })
}

/// A flip of the primary plane: one of two surfaces.
fn flip(number: u64) -> Access {
    write("DSPSURF_PIPE_A", (number as u32 & 1) << 22)
}

/// Flips: the guest's write, which traps.
pub fn flips(rounds: u32) -> Result<()> {
    lit(|opened| {
        for number in 0..u64::from(rounds) * COUNT {
            counted_access(opened, &flip(number))?;
            opened.wait_for_alarm()?;
            opened.with_world(Vgpu::tick);
            acknowledge(opened)?;
        }
        Ok(())
    })
}

/// Reads of the scan line.
pub fn scan_lines(rounds: u32) -> Result<()> {
    lit(|opened| {
        for _ in 0..u64::from(rounds) * COUNT {
            counted_access(opened, &read("PIPEDSL_PIPE_A"))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvmgt_core::address::MmioOffset;

    #[test]
    fn vertical_blank_when_it_comes_then_is_pending_and_the_flip_is_done() {
        lit(|opened| {
            opened.access(&flip(1))?;
            opened.wait_for_alarm()?;
            counted_tick(opened);
            let peek = |vgpu: &mut Vgpu, register| vgpu.peek(MmioOffset(named(register)));
            let pending = opened.with_world(|vgpu, _| peek(vgpu, "GEN8_DE_PIPE_IIR_PIPE_A"));
            let live = opened.with_world(|vgpu, _| peek(vgpu, "DSPSURFLIVE_PIPE_A"));
            assert_eq!((pending, live), (1 << 3 | 1 << 0, 1 << 22));
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn benchmarks_when_run_then_each_ends() {
        for run in [blanks, blanks_with_flips, flips, scan_lines] {
            run(2).unwrap();
        }
    }
}
