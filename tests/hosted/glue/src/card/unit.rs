// SPDX-License-Identifier: GPL-2.0 OR MIT
//! An engine of the card, as i915 programs it for execlists.

use super::image;
use super::regions::{Region, Regions};
use crate::machine::Machine;
use gen9_gpu::engine::Descriptor;
use gen9_gpu::regs::{engine, gt};
use gen9_gpu::{EngineId, MmioOffset};
use iface::image::STATUS_PAGE;
use iface::types::GGTT_PAGE_SIZE;
use kernel::error::Result;
use std::collections::VecDeque;
use std::sync::Arc;

/// Dwords of the hardware status page: the first status event, and the write pointer (observed:
/// i915).
const STATUS_EVENTS: u64 = 0x10;
const STATUS_WRITE_POINTER: u64 = 0x1f;
/// Status events that there is room for.
const EVENTS: u32 = 6;
/// CSB pointers: both at the last event, in the masked form.
const POINTERS_RESET: u32 = 0xffff_0505;
/// Status events: another context took over; a context has executed everything (PRM Vol 7, Context
/// Status).
const PREEMPTED: u32 = 1 << 1;
const COMPLETE: u32 = 1 << 4;
/// MODE: execlists are enabled, in the masked form.
const RUN_LIST_ENABLE: u32 = 0x8000_8000;
/// MI_MODE: the engine is not asked to stop, in the masked form.
const RUN: u32 = engine::mi_mode::STOP << 16;
/// IMR: no interrupt; ends are found in the status page.
const MASKED: u32 = u32::MAX;
/// The id of the context that the default state is recorded with.
const RECORDED: u32 = u32::MAX;
/// Slices that it may take.
const SLICES: usize = 100;

/// An engine that was set up.
pub(super) struct Unit {
    id: EngineId,
    status: Region,
    /// The last status event that was looked at.
    read: u32,
    /// The context on it.
    pub(super) running: Option<u32>,
    /// Those that follow.
    pub(super) queue: VecDeque<u32>,
    /// The image of a context that has executed nothing.
    default: Vec<u8>,
}

impl Unit {
    /// Sets an engine up, and records its default state.
    pub(super) fn new(machine: &Machine, regions: &Arc<Regions>, id: EngineId) -> Result<Self> {
        let mut unit = Unit {
            id,
            status: regions.alloc(1)?,
            read: 0,
            running: None,
            queue: VecDeque::new(),
            default: Vec::new(),
        };
        unit.set_up(machine);
        unit.record(machine, regions)?;
        Ok(unit)
    }

    /// Which engine it is.
    pub(super) fn id(&self) -> EngineId {
        self.id
    }

    /// Where its status page is, in the GGTT.
    pub(super) fn status_page(&self) -> u64 {
        self.status.address()
    }

    /// The register that tells which command it is at.
    pub(super) fn command(&self) -> MmioOffset {
        self.id.mmio_base().add(engine::ACTHD)
    }

    /// Its default state, the status page included.
    pub(super) fn default(&self) -> &[u8] {
        &self.default
    }

    /// Programs the engine, at first and whenever it was reset.
    pub(super) fn set_up(&mut self, machine: &Machine) {
        let base = self.id.mmio_base();
        let page = self.status.address() as u32;
        machine.with_forcewake(|gpu| {
            gpu.write32(base.add(engine::HWS_PGA), page);
            gpu.write32(base.add(engine::MODE), RUN_LIST_ENABLE);
            gpu.write32(base.add(engine::CSB_POINTER), POINTERS_RESET);
            gpu.write32(base.add(engine::MI_MODE), RUN);
            gpu.write32(base.add(engine::IMR), MASKED);
        });
        self.read = EVENTS - 1;
        self.status.store(STATUS_WRITE_POINTER, &[EVENTS - 1]);
    }

    /// Gives the engine, which is idle, a context.
    pub(super) fn submit(&self, machine: &Machine, image: &Region, id: u32) {
        let port = self.id.mmio_base().add(engine::ELSP);
        let descriptor =
            u64::from(id) << 32 | image.address() | Descriptor::LEGACY_64B | Descriptor::VALID;
        machine.with_forcewake(|gpu| {
            for dword in [0, 0, (descriptor >> 32) as u32, descriptor as u32] {
                gpu.write32(port, dword);
            }
        });
    }

    /// Whether the context with that id has executed everything, by the status events since they
    /// were last looked at.
    pub(super) fn has_completed(&mut self, id: u32) -> bool {
        let mut completed = false;
        while let Some((status, of)) = self.next_event() {
            completed |= status & COMPLETE != 0 && of == id;
        }
        completed
    }

    /// How the context with that id has gone from the engine, if it has: `true` if it has executed
    /// everything, `false` if another one took over.
    pub(super) fn has_gone(&mut self, id: u32) -> Option<bool> {
        while let Some((status, of)) = self.next_event() {
            if of == id && status & (COMPLETE | PREEMPTED) != 0 {
                return Some(status & COMPLETE != 0);
            }
        }
        None
    }

    /// The next status event, and the context that it is about.
    fn next_event(&mut self) -> Option<(u32, u32)> {
        if self.read == self.status.load(STATUS_WRITE_POINTER) {
            return None;
        }
        self.read = (self.read + 1) % EVENTS;
        let event = STATUS_EVENTS + 2 * u64::from(self.read);
        Some((self.status.load(event), self.status.load(event + 1)))
    }

    /// Runs an empty context and keeps what the engine saved.
    fn record(&mut self, machine: &Machine, regions: &Arc<Regions>) -> Result {
        let pages = machine.model().context_pages(self.id) + STATUS_PAGE / GGTT_PAGE_SIZE;
        let (image, ring) = (regions.alloc(pages)?, regions.alloc(1)?);
        image::begin(&image, self.id);
        image::program(&image, &ring, 0, 0);
        self.submit(machine, &image, RECORDED);
        machine.gpu().run_until_settled(SLICES);
        assert!(
            self.has_completed(RECORDED),
            "{:?} does not execute an empty context",
            self.id
        );
        self.default = vec![0; usize::try_from(image.size())?];
        let saved = &mut self.default[STATUS_PAGE as usize..];
        image.read(STATUS_PAGE, saved);
        Ok(())
    }
}

/// Resets an engine.
pub(super) fn reset(machine: &Machine, id: EngineId) {
    let domain = match id {
        EngineId::Rcs0 => gt::GDRST_RENDER,
        EngineId::Bcs0 => gt::GDRST_BLIT,
        EngineId::Vcs0 => gt::GDRST_MEDIA,
        EngineId::Vcs1 => gt::GDRST_MEDIA2,
        EngineId::Vecs0 => gt::GDRST_VECS,
    };
    machine.with_forcewake(|gpu| gpu.write32(gt::GDRST, domain));
}
