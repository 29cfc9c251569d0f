// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Commands (PRM Vol 2a).

/// Position of the opcode in a header; below are the dwords that follow, less one.
const OPCODE_SHIFT: u32 = 23;
const STORE_DATA_IMM: u32 = 0x20 << OPCODE_SHIFT | 2;
const BATCH_BUFFER_START: u32 = 0x31 << OPCODE_SHIFT | 1;
const BATCH_BUFFER_END: u32 = 0x0a << OPCODE_SHIFT;
/// STORE_DATA_IMM: the address is one of the GGTT.
const USE_GGTT: u32 = 1 << 22;
/// BATCH_BUFFER_START: the batch is in the PPGTT, and not privileged.
const IN_PPGTT: u32 = 1 << 8;
const NOOP: u32 = 0;

/// Dwords that each round puts into the ring.
pub(super) const RING_DWORDS: usize = 8;

fn halves(address: u64) -> [u32; 2] {
    [address as u32, (address >> u32::BITS) as u32]
}

/// What the ring gets: a batch of the PPGTT, and a value for the GGTT behind it.
pub(super) fn ring(batch: u64, result: u64, value: u32) -> [u32; RING_DWORDS] {
    let [batch_low, batch_high] = halves(batch);
    let [low, high] = halves(result);
    [
        BATCH_BUFFER_START | IN_PPGTT,
        batch_low,
        batch_high,
        STORE_DATA_IMM | USE_GGTT,
        low,
        high,
        value,
        NOOP,
    ]
}

/// A batch that stores a value.
pub(super) fn batch(to: u64, value: u32) -> [u32; 6] {
    let [low, high] = halves(to);
    [STORE_DATA_IMM, low, high, value, BATCH_BUFFER_END, NOOP]
}
