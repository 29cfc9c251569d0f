// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the GPU of a machine is, in the contract's terms.

use crate::machine::Machine;
use gen9_gpu::EngineId;
use iface::registers::Platform;
use iface::types::{
    Engine, Info, ENGINE_COPY, ENGINE_RENDER, ENGINE_VIDEO, ENGINE_VIDEO_ENHANCE, GGTT_PAGE_SIZE,
    MAX_ENGINES, PAGE_SIZE_2M, PAGE_SIZE_4K, PAGE_SIZE_64K,
};

/// Configuration space: GGC, whose field GGMS tells the size of the GGTT (PRM Vol 2d).
const CONFIG_GGC: u8 = 0x50;
const GGMS_SHIFT: u32 = 6;
const GGMS_MASK: u32 = 3;

/// How the contract describes the GPU.
pub(super) fn info(machine: &Machine, drm_minor: u32) -> Info {
    let options = machine.options();
    let dword = |offset| machine.config_read(offset);
    let mut engines = [Engine::default(); MAX_ENGINES];
    let mut engine_count = 0;
    for (slot, id) in engines
        .iter_mut()
        .zip(machine.model().engines(options.device_id))
    {
        *slot = engine(machine, id);
        engine_count += 1;
    }
    let bdw = machine.platform() == Platform::Bdw;
    Info {
        platform: machine.platform() as u32,
        vendor: dword(0x00) as u16,
        device: (dword(0x00) >> 16) as u16,
        revision: dword(0x08) & 0xff,
        drm_minor,
        ggtt_size: ggtt_size(machine),
        aperture_size: options.aperture,
        aperture_base: machine.aperture_address(),
        gttmmadr_size: gen9_gpu::config_space::BAR0_SIZE,
        fence_count: super::FENCES,
        page_sizes: PAGE_SIZE_4K | PAGE_SIZE_2M | if bdw { 0 } else { PAGE_SIZE_64K },
        engine_count,
        reserved: 0,
        engines,
        parent: std::ptr::null_mut(),
        card: std::ptr::null_mut(),
        debugfs: std::ptr::null_mut(),
    }
}

/// Bytes that the GGTT maps, by what the configuration space says of its size.
pub(super) fn ggtt_size(machine: &Machine) -> u64 {
    match (machine.config_read(CONFIG_GGC) >> GGMS_SHIFT) & GGMS_MASK {
        0 => 0,
        // 2, 4 or 8 MiB of entries.
        size => ((1 << 20) << size) / 8 * GGTT_PAGE_SIZE,
    }
}

/// How the contract describes an engine.
fn engine(machine: &Machine, id: EngineId) -> Engine {
    let (class, instance) = match id {
        EngineId::Rcs0 => (ENGINE_RENDER, 0),
        EngineId::Bcs0 => (ENGINE_COPY, 0),
        EngineId::Vcs0 => (ENGINE_VIDEO, 0),
        EngineId::Vcs1 => (ENGINE_VIDEO, 1),
        EngineId::Vecs0 => (ENGINE_VIDEO_ENHANCE, 0),
    };
    // The per-process status page is one more.
    let pages = machine.model().context_pages(id) + 1;
    Engine {
        class,
        instance,
        mask: engine_mask(id),
        context_size: pages * GGTT_PAGE_SIZE,
    }
}

/// The bit that names an engine.
pub fn engine_mask(id: EngineId) -> u32 {
    1 << id.index()
}

/// Whether a machine's GPU has a second video engine.
pub(crate) fn has_vcs1(machine: &Machine) -> bool {
    machine
        .model()
        .engines(machine.options().device_id)
        .any(|id| id == EngineId::Vcs1)
}
