// SPDX-License-Identifier: GPL-2.0 OR MIT
//! FORCE_TO_NONPRIV: registers that batches may write although they are not privileged.
//!
//! Twelve slots of the render engine name one register each. Whatever is named there, every
//! program of the guest may write on real hardware, so only registers of a reviewed list are.

use super::context::Context;
use super::written::Written;
use crate::address::MmioOffset;

/// FORCE_TO_NONPRIV: the address of the register (PRM Vol 2c, FORCE_TO_NONPRIV, bits 25:2).
const ADDRESS: u32 = 0x03ff_fffc;
/// RING_NOPID of the render engine, which an empty slot names (PRM Vol 2c, NOPID).
const NOPID: u32 = 0x2094;

/// The registers that may be named, ascending: workarounds and user-mode drivers need them, and
/// they reach nothing but the engine's own context (the list of the C GVT-g).
static ALLOWED: [u32; 31] = [
    0x00d80, 0x020ec, 0x02248, 0x02340, 0x02348, 0x02350, 0x02580, 0x02690, 0x02694, 0x02698,
    0x02754, 0x028a0, 0x04de0, 0x04de4, 0x04dfc, 0x07010, 0x07014, 0x07300, 0x07304, 0x07700,
    0x07704, 0x07708, 0x0770c, 0x083a8, 0x0b110, 0x0b118, 0x0e100, 0x0e18c, 0x0e48c, 0x0e5f4,
    0x64844,
];

/// Whether a register is made of such slots.
pub(crate) fn is_slot(name: &str) -> bool {
    name == "FORCE_TO_NONPRIV"
}

/// Whether a slot may name the register in `value`.
pub(crate) fn is_allowed(value: u32) -> bool {
    #[cfg(feature = "mutants")]
    if crate::mutant::is(crate::mutant::Mutant::Slot) {
        return true;
    }
    let address = value & ADDRESS;
    address == NOPID || ALLOWED.binary_search(&address).is_ok()
}

/// What a slot of the GPU gets for one that holds `value`: nothing but what it may name.
pub(crate) fn confined(value: u32) -> u32 {
    match is_allowed(value) {
        true => value & ADDRESS,
        false => NOPID,
    }
}

/// Writes a slot.
pub(super) fn write(context: &mut Context<'_>, at: MmioOffset, written: Written) {
    let value = context.merged(at, written);
    if is_allowed(value) {
        context.registers.set(at, value);
    } else {
        context.refuse(at, value, "ignored, no batch may write that register");
    }
}
