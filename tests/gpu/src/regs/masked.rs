// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Masked registers: the high half of a write selects the bits of the low half that change.
//!
//! Source: PRM Vol 2c (access type of each register); observed: i915 writes them with a mask.
//! Those that every engine has are in [`super::engine`].

use crate::address::MmioOffset;

/// The masked registers that belong to no engine's common set.
pub const REGISTERS: &[MmioOffset] = &[
    MmioOffset(0x2088),
    MmioOffset(0x2090),
    MmioOffset(0x20d8),
    MmioOffset(0x20dc),
    MmioOffset(0x20e0),
    MmioOffset(0x20e4),
    MmioOffset(0x20ec),
    MmioOffset(0x2120),
    MmioOffset(0x2124),
    MmioOffset(0x2470),
    MmioOffset(0x2580),
    MmioOffset(0x4030),
    MmioOffset(0x5588),
    MmioOffset(0x7000),
    MmioOffset(0x7004),
    MmioOffset(0x7008),
    MmioOffset(0x7010),
    MmioOffset(0x7014),
    MmioOffset(0x7018),
    MmioOffset(0x7300),
    MmioOffset(0x7304),
    MmioOffset(0x83a4),
    MmioOffset(0xe100),
    MmioOffset(0xe180),
    MmioOffset(0xe184),
    MmioOffset(0xe188),
    MmioOffset(0xe18c),
    MmioOffset(0xe194),
    MmioOffset(0xe48c),
    MmioOffset(0xe4f0),
    MmioOffset(0xe4f4),
];
