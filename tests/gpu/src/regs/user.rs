// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Render registers that any batch may write, and that belong to its context.
//!
//! Source: PRM Vol 7, list of registers that user batches may write; checked with IGT's
//! `gem_ctx_isolation`.

/// First and last register of each run.
pub const RENDER: &[(u32, u32)] = &[
    (0x2290, 0x2294), // GPGPU threads dispatched
    (0x2300, 0x2354), // statistics counters
    (0x2400, 0x2418), // predicate
    (0x2420, 0x2444), // end offset and indirect parameters of 3DPRIMITIVE
    (0x2500, 0x2508), // indirect GPGPU dispatch dimensions
    (0x5200, 0x5254), // stream output statistics
    (0x5280, 0x528c), // stream output offsets
    (0x7034, 0x7034), // L3 configuration
];

/// Masked registers among them; a context saves them with the pipeline's.
pub const RENDER_MODES: &[u32] = &[
    0x20c0, // INSTPM
    0x7000, // CACHE_MODE_0
    0x7004, // CACHE_MODE_1
    0x7008, // GT_MODE
];

/// The registers of [`RENDER`], one by one.
pub fn render_registers() -> impl Iterator<Item = u32> {
    RENDER
        .iter()
        .flat_map(|(first, last)| (*first..=*last).step_by(4))
}

/// Whether any render batch may write the register at `offset`.
pub fn render_writable(offset: u32) -> bool {
    RENDER
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&offset))
        || RENDER_MODES.contains(&offset)
}
