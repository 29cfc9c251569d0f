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
/// DISPLAY_FLIP, of one surface.
const DISPLAY_FLIP: u32 = 0x14 << OPCODE_SHIFT | 1;
/// DISPLAY_FLIP since Skylake: the primary plane and the sprite of pipe A.
const FLIP_PLANES: [u32; 2] = [0, 4 << 8];
/// The same on Broadwell.
const FLIP_PLANES_BDW: [u32; 2] = [0, 2 << 19];
/// DISPLAY_FLIP: the stride is in units of this, in bits from 6 on, as if it were bytes.
const FLIP_STRIDE: u32 = 0xffc0;
/// DISPLAY_FLIP: at once.
const FLIP_AT_ONCE: u32 = 1;

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

/// What a flip is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flip {
    /// The GPU is a Broadwell.
    pub bdw: bool,
    /// 0 is the primary plane of pipe A, 1 the sprite.
    pub plane: usize,
    /// The surface, which has no tiles, in the GGTT.
    pub surface: u32,
    /// Bytes from one row to the next.
    pub stride: u32,
    /// It does not wait for the vertical blank.
    pub at_once: bool,
}

impl Flip {
    /// What the ring gets.
    pub(super) fn ring(self) -> [u32; RING_DWORDS] {
        let planes = if self.bdw {
            FLIP_PLANES_BDW
        } else {
            FLIP_PLANES
        };
        let kind = if self.at_once { FLIP_AT_ONCE } else { 0 };
        let mut ring = [NOOP; RING_DWORDS];
        ring[..3].copy_from_slice(&[
            DISPLAY_FLIP | planes[self.plane],
            self.stride & FLIP_STRIDE,
            self.surface | kind,
        ]);
        ring
    }
}
