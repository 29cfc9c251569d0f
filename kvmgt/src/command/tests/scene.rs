// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Where commands are submitted: a vGPU's parts of the GGTT, and memory to put commands in.
//!
//! Shared by the tests of the audit and the fuzz target `commands`.

use iface::registers::Platform;
use kernel::prelude::*;
use kvmgt_core::address::Gma;
use kvmgt_core::command::{Limits, Memory, Setting, Work};
use kvmgt_core::gtt::ranges::Ranges;
use kvmgt_core::hardware::Engine;
use std::collections::BTreeMap;

/// The first byte of the vGPU's part of the aperture, and the first one behind it.
pub const APERTURE: (u64, u64) = (0x0100_0000, 0x0200_0000);
/// The same of its part behind the aperture.
pub const HIGH: (u64, u64) = (0x4000_0000, 0x4100_0000);
/// Its status page.
pub const STATUS_PAGE: u64 = 0x0101_0000;
/// The first page of the context's image.
pub const CONTEXT_PAGE: u64 = 0x0102_0000;
/// The ring.
pub const RING: u32 = 0x0103_0000;
/// Pages of the ring.
pub const RING_PAGES: u32 = 16;
/// Where batches are.
pub const BATCH: u32 = 0x4000_1000;
/// An address of the vGPU's own.
pub const OWN: u32 = 0x0110_0000;
/// An address of somebody else.
pub const FOREIGN: u32 = 0x0300_0000;

/// MI_NOOP.
pub const NOOP: u32 = 0;
/// MI_BATCH_BUFFER_END.
pub const BATCH_END: u32 = 0x0500_0000;

/// The guest's memory: dwords by their GGTT address. It remembers how often each was read.
#[derive(Default)]
pub struct Ram {
    pub dwords: BTreeMap<u64, u32>,
    pub reads: BTreeMap<u64, u32>,
    /// Pages that can't be read, and why.
    pub missing: BTreeMap<u64, Error>,
}

impl Ram {
    pub fn put(&mut self, at: u32, dwords: &[u32]) {
        for (dword, at) in dwords.iter().zip((u64::from(at)..).step_by(4)) {
            self.dwords.insert(at, *dword);
        }
    }
}

impl Memory for Ram {
    fn copy(&mut self, from: Gma, into: &mut [u32]) -> Result {
        let reach = reach();
        assert!(reach.has(from, into.len() as u64 * 4), "{from}");
        for (dword, at) in into.iter_mut().zip((from.0..).step_by(4)) {
            if let Some(error) = self.missing.get(&(at & !0xfff)) {
                return Err(*error);
            }
            *dword = self.dwords.get(&at).copied().unwrap_or(0xffff_ffff);
            *self.reads.entry(at).or_default() += 1;
        }
        Ok(())
    }
}

pub fn reach() -> Ranges {
    Ranges {
        aperture: APERTURE.0..APERTURE.1,
        high: HIGH.0..HIGH.1,
    }
}

pub fn setting(engine: Engine) -> Setting {
    Setting {
        platform: Platform::Kbl,
        engine,
        reach: reach(),
        status_page: Some(Gma(STATUS_PAGE)),
        context_page: Gma(CONTEXT_PAGE),
        limits: Limits::default(),
    }
}

/// Memory whose ring holds these commands, and what submits them. Rings end with a qword.
pub fn ring(commands: &[u32]) -> (Ram, Work) {
    let mut commands = commands.to_vec();
    if commands.len() % 2 == 1 {
        commands.push(NOOP);
    }
    let mut ram = Ram::default();
    ram.put(RING, &commands);
    let work = Work {
        ring_start: RING,
        ring_control: (RING_PAGES - 1) << 12 | 1,
        ring_tail: commands.len() as u32 * 4,
        ..Work::default()
    };
    (ram, work)
}
