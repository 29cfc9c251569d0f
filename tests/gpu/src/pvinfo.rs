// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The page by which a virtual GPU of GVT-g tells a guest's driver what it is.
//!
//! Behind it here is a whole GPU: the guest's driver is given all of the GGTT, and what it notifies
//! the host of is stored and has no effect, as page tables and contexts are read where they are.
//!
//! Source: observed, i915's `i915_pvinfo.h` and its use.

use crate::address::MmioOffset;
use crate::ggtt::GGTT_SPACE;
use crate::register_file::RegisterFile;

/// First register of the page.
pub const PAGE: MmioOffset = MmioOffset(0x7_8000);

/// "vGTvGTvG".
const MAGIC: u64 = 0x4776_5447_7654_4776;
/// Version 1.0: the major one in the low half.
const VERSION: u32 = 1;
/// Id of the only virtual GPU.
const ID: u32 = 1;
/// Has page tables of four levels of its own.
const CAPS_FULL_PPGTT: u32 = 1 << 2;
/// Writes context status events to the status page.
const CAPS_HWSP_EMULATION: u32 = 1 << 3;
/// Understands page tables with large pages.
const CAPS_HUGE_GTT: u32 = 1 << 4;
/// Fences that the guest may use, as many as GVT-g gives.
const FENCES: u32 = 4;

/// Fills the page in for a guest that may use the whole GGTT, of which `aperture` bytes are mapped.
pub fn program(regs: &mut RegisterFile, aperture: u64) {
    let hidden = GGTT_SPACE - aperture;
    let fields = [
        (0x00, MAGIC as u32),
        (0x04, (MAGIC >> 32) as u32),
        (0x08, VERSION),
        (0x0c, ID),
        (0x10, CAPS_FULL_PPGTT | CAPS_HWSP_EMULATION | CAPS_HUGE_GTT),
        // The part of the GGTT behind the aperture, first byte and size; then the other one.
        (0x40, 0),
        (0x44, aperture as u32),
        (0x48, aperture as u32),
        (0x4c, hidden as u32),
        (0x50, FENCES),
    ];
    for (field, value) in fields {
        regs.set(PAGE.add(field), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::Gpu;
    use crate::interrupt::NoInterrupts;
    use crate::memory::VecMemory;
    use crate::options::Options;
    use std::sync::Arc;

    fn gpu(options: &str) -> Gpu {
        let memory = Arc::new(VecMemory::new(1 << 20));
        let options = Options::parse(options).unwrap();
        Gpu::new(options, memory, Box::new(NoInterrupts))
    }

    #[test]
    fn page_when_vgpu_is_on_then_parts_make_up_the_ggtt() {
        let mut gpu = gpu("kbl,aperture=512M,vgpu=on");

        assert_eq!(gpu.read32(PAGE), 0x7654_4776);
        assert_eq!(gpu.read32(PAGE.add(0x44)), gpu.read32(PAGE.add(0x48)));
        assert_eq!(gpu.read32(PAGE.add(0x44)), 512 << 20);
        assert_eq!(
            u64::from(gpu.read32(PAGE.add(0x4c))),
            (4 << 30) - (512 << 20)
        );
    }

    #[test]
    fn page_when_vgpu_is_off_then_zeros() {
        let mut gpu = gpu("kbl");

        assert_eq!(gpu.read32(PAGE), 0);
    }
}
