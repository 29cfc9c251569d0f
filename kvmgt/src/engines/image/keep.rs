// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Registers of a context's image whose values stay the host's.

use crate::command::{register_base, ENGINE_SIZE};
use crate::golden::Model;
use crate::hardware::Engine;
use iface::registers::{self, Flags, Range};

/// Bits of a register's offset in a command (PRM Vol 2a, MI_LOAD_REGISTER_IMM, bits 22:2).
const OFFSET: u32 = 0x007f_fffc;

const fn range(offset: u32, size: u32) -> Range {
    Range { offset, size }
}

/// Of an engine's own registers, from its base on, those that say what is executed, where, in which
/// address space and with which privilege, and whom it tells (PRM Vol 2c).
///
/// A guest's context was never interrupted when its image is used: all that is submitted runs to
/// its end before. So there is nothing to go on with in these.
static OWN: [Range; 16] = [
    // RING_TAIL, HEAD, START, CTL.
    range(0x030, 0x10),
    // HWS_PGA.
    range(0x080, 4),
    // HWSTAM and MI_MODE, which stops the ring.
    range(0x098, 8),
    // IMR.
    range(0x0a8, 4),
    // EIR, EMR, ESR.
    range(0x0b0, 0xc),
    // RESET_CTL.
    range(0x0d0, 4),
    // Batches that go on, and where: BB_STATE, SBB_ADDR, SBB_STATE, the heads of a preempted ring
    // and batch, BB_ADDR, BB_START_ADDR, BB_OFFSET, their upper halves, and what is not told.
    range(0x100, 0x80),
    // BB_PER_CTX_PTR, INDIRECT_CTX, INDIRECT_CTX_OFFSET.
    range(0x1c0, 0xc),
    // Execlists, up to CTX_CONTEXT_CONTROL.
    range(0x230, 0x18),
    // PDP 0 to 3.
    range(0x270, 0x20),
    // GFX_MODE.
    range(0x29c, 4),
    // TIMESTAMP: nobody sets clocks.
    range(0x358, 8),
    // OACTXCONTROL: counters count what others do.
    range(0x360, 4),
    // Status of contexts: where it is written.
    range(0x370, 0x30),
    range(0x3a0, 4),
    // FORCE_TO_NONPRIV: the values are checked, which those of an image are not.
    range(0x4d0, 0x30),
];

/// Counters of execution units: EU_PERF_CNTL0 to 6 (PRM Vol 2c).
static COUNTERS: [u32; 7] = [0xe458, 0xe45c, 0xe558, 0xe55c, 0xe658, 0xe65c, 0xe758];

/// Whether a guest may supply the value of a register that an engine's image has.
pub(super) fn is_guests(model: Model, engine: Engine, dword: u32) -> bool {
    #[cfg(feature = "mutants")]
    if crate::mutant::is(crate::mutant::Mutant::ImageRegisters) {
        return true;
    }
    let offset = dword & OFFSET;
    let inside = |engine: Engine| {
        let inside = offset.checked_sub(register_base(engine))?;
        (inside < ENGINE_SIZE).then_some(inside)
    };
    let row = registers::find(model.platform, model.vcs1, offset);
    let holds_address = row.is_some_and(|row| row.flags.intersects(Flags::GMADR.and(Flags::TLB)));
    let listed = match inside(engine) {
        Some(inside) => OWN.iter().any(|range| range.contains(inside)),
        None => {
            let others = Engine::ALL.into_iter().any(|other| inside(other).is_some());
            others || COUNTERS.contains(&offset)
        }
    };
    !listed && !holds_address
}
