// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fence registers: ranges of the aperture that the CPU sees detiled.

use crate::address::GgttAddress;
use crate::address::MmioOffset;
use crate::address::PAGE_SIZE;
use crate::register_file::RegisterFile;
use crate::tiling::Tiling;

/// First fence register (PRM Vol 2c, FENCE_LSB/FENCE_MSB); each is a qword.
pub const FENCE_BASE: MmioOffset = MmioOffset(0x10_0000);
/// Number of fences.
pub const FENCE_COUNT: u32 = 32;

const VALID: u64 = 1 << 0;
const TILE_Y: u64 = 1 << 1;
const ADDRESS: u64 = 0xffff_f000;
const PITCH_SHIFT: u32 = 32;
const PITCH_MASK: u64 = 0xfff;
const END_SHIFT: u32 = 32;
const PITCH_UNIT: u64 = 128;

/// A valid fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// First byte.
    pub start: GgttAddress,
    /// First byte after.
    pub end: GgttAddress,
    /// Bytes of a row.
    pub pitch: u64,
    /// Layout in memory.
    pub tiling: Tiling,
}

impl Fence {
    /// Decodes a fence register; none if it is not valid.
    pub fn decode(value: u64) -> Option<Self> {
        if value & VALID == 0 {
            return None;
        }
        let pitch = ((value >> PITCH_SHIFT & PITCH_MASK) + 1) * PITCH_UNIT;
        Some(Self {
            start: GgttAddress(value & ADDRESS),
            end: GgttAddress((value >> END_SHIFT & ADDRESS) + PAGE_SIZE),
            pitch,
            tiling: if value & TILE_Y != 0 {
                Tiling::Y
            } else {
                Tiling::X
            },
        })
    }

    /// The fence that covers `address`, the first one if several do.
    pub fn covering(regs: &RegisterFile, address: GgttAddress) -> Option<Self> {
        (0..FENCE_COUNT).find_map(|index| {
            let low = regs.get(FENCE_BASE.add(index * 8));
            if u64::from(low) & VALID == 0 {
                return None;
            }
            let high = regs.get(FENCE_BASE.add(index * 8 + 4));
            let fence = Self::decode(u64::from(high) << 32 | u64::from(low))?;
            (fence.start..fence.end).contains(&address).then_some(fence)
        })
    }

    /// Where the byte that the CPU sees at `address` is, and how many follow it directly.
    pub fn detile(&self, address: GgttAddress) -> (GgttAddress, u64) {
        let linear = address.0 - self.start.0;
        let (x, y) = (linear % self.pitch, linear / self.pitch);
        let run = self.tiling.run(x).min(self.pitch - x);
        (self.start.add(self.tiling.offset(self.pitch, x, y)), run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_when_y_tiled_then_all_fields() {
        let value = (0x0010_f000_u64 << 32) | (3 << 32) | 0x0010_0000 | TILE_Y | VALID;

        let fence = Fence::decode(value).unwrap();

        assert_eq!(fence.start, GgttAddress(0x10_0000));
        assert_eq!(fence.end, GgttAddress(0x11_0000));
        assert_eq!(fence.pitch, 512);
        assert_eq!(fence.tiling, Tiling::Y);
        assert_eq!(Fence::decode(value & !VALID), None);
    }

    #[test]
    fn detile_when_second_row_of_x_tile_then_512_further() {
        let fence = Fence {
            start: GgttAddress(0x1000),
            end: GgttAddress(0x9000),
            pitch: 1024,
            tiling: Tiling::X,
        };

        assert_eq!(
            fence.detile(GgttAddress(0x1000 + 1024)),
            (GgttAddress(0x1200), 512)
        );
        assert_eq!(
            fence.detile(GgttAddress(0x1000 + 510)),
            (GgttAddress(0x11fe), 2)
        );
    }
}
