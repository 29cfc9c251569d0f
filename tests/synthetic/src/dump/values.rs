// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is written.

/// To registers that do something: zeros, ones, single bits as masked registers and enable bits
/// take them, and the first numbers of SplitMix64 from seed 1, cut to 32 bits.
pub(super) const MANY: &[u32] = &[
    0,
    u32::MAX,
    0,
    1,
    1 << 31,
    0x1_0001,
    0x1_0000,
    0x910a_2dec,
    0x8902_5cc1,
    0xbeeb_8da1,
    0x6658_eec6,
    0,
];

/// To masked registers whose low bits give a guest up: nothing, and bits that do no more than stay.
pub(super) const HARMLESS: &[u32] = &[0, 1, 1 << 31, 0x1_0000, 0x2_0002, 0x2_0000];

/// To registers that do nothing.
pub(super) const FEW: &[u32] = &[u32::MAX, 0, 0x910a_2dec];

/// In pieces of one and two bytes.
pub(super) const NARROW: &[u32] = &[0, u32::MAX, 0x8902_5cc1];

/// To two registers at once.
pub(super) const WIDE: &[u64] = &[0, u64::MAX, 0xbeeb_8da1_6658_eec6];
