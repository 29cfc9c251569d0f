// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Images of logical contexts, as i915 makes and programs them (PRM Vol 7, Register State Context).

use super::regions::Region;
use gen9_gpu::engine::command::mi;
use gen9_gpu::regs::engine;
use gen9_gpu::EngineId;
use iface::image::{DWORD, STATUS_PAGE};

/// The ring context begins with this dword of an image.
const RING_CONTEXT: u64 = STATUS_PAGE / DWORD;
/// Dwords of the ring context that hold a register's value.
const HEAD: u64 = 0x05;
const TAIL: u64 = 0x07;
const START: u64 = 0x09;
const CONTROL: u64 = 0x0b;
/// The upper half of PDP 3; the other seven halves follow, each behind the offset of its register.
const PDP3_HIGH: u64 = 0x25;
const PDP0_HIGH: u64 = 0x31;
const PDP0_LOW: u64 = 0x33;
/// Where the list of the context time stamp and the PDPs begins.
const SECOND_LIST: u64 = 0x21;
/// Page directory pointers.
const PDPS: u32 = 4;
/// A ring's size in RING_CTL is the number of pages behind the first.
const PAGE: u64 = 4096;

/// Writes the image that a context has before it ever ran: nothing but the ring is restored.
pub(super) fn begin(image: &Region, id: EngineId) {
    let register = |offset| id.mmio_base().add(offset).0;
    let inhibit = engine::context_control::RESTORE_INHIBIT;
    let mut list = vec![
        mi::NOOP,
        mi::load_register_imm(5, true),
        register(engine::CONTEXT_CONTROL),
        inhibit << 16 | inhibit,
    ];
    for offset in [engine::HEAD, engine::TAIL, engine::START, engine::CONTROL] {
        list.extend([register(offset), 0]);
    }
    image.store(RING_CONTEXT, &list);
    let mut list = vec![
        mi::load_register_imm(9, true),
        register(engine::CTX_TIMESTAMP),
        0,
    ];
    for pointer in (0..PDPS).rev() {
        let low = register(engine::PDP0 + 8 * pointer);
        list.extend([low + 4, 0, low, 0]);
    }
    image.store(RING_CONTEXT + SECOND_LIST, &list);
}

/// Has the image execute the first `bytes` bytes of `ring`, in the address space of `root`.
pub(super) fn program(image: &Region, ring: &Region, root: u64, bytes: u32) {
    let control = (ring.size() - PAGE) as u32 | engine::control::VALID;
    let values = [
        (HEAD, 0),
        (TAIL, bytes),
        (START, ring.address() as u32),
        (CONTROL, control),
    ];
    let others = (PDP3_HIGH..PDP0_HIGH).step_by(2).map(|dword| (dword, 0));
    let root = [(PDP0_HIGH, (root >> 32) as u32), (PDP0_LOW, root as u32)];
    for (dword, value) in values.into_iter().chain(others).chain(root) {
        image.store(RING_CONTEXT + dword, &[value]);
    }
}
