// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Render registers that any batch may write, and that belong to its context.
//!
//! Source: PRM Vol 7, list of registers that user batches may write; checked with IGT's
//! `gem_ctx_isolation`.

/// First and last register of each run.
pub const RENDER: &[(u32, u32)] = &[
    (0x2290, 0x2294), // GPGPU threads dispatched
    (0x22c8, 0x22fc), // pixel statistics of slices 0 and 1
    (0x2300, 0x2354), // statistics counters
    (0x2360, 0x2364), // OA_CTX_CONTROL, OACTXID
    (0x23bc, 0x23bc), // MI_PREDICATE_RESULT_2
    (0x2400, 0x241c), // predicate
    (0x2420, 0x2454), // parameters of 3DPRIMITIVE, pixel statistics of slice 2
    (0x2500, 0x2508), // indirect GPGPU dispatch dimensions
    (0x5200, 0x525c), // stream output statistics
    (0x5280, 0x528c), // stream output offsets
    (0x7034, 0x7034), // L3 configuration
    (0xe400, 0xe404), // TD_CTL, TD_CTL2
];

/// More of them, which a context saves with the engine's or the pipeline's registers.
pub const RENDER_SAVED_ELSEWHERE: &[u32] = &[
    0x2158, // BB_OFFSET
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
        || RENDER_SAVED_ELSEWHERE.contains(&offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Registers that one MI_LOAD_REGISTER_IMM can load.
    const MOST: usize = 126;

    #[test]
    fn registers_when_saved_then_one_command_loads_them() {
        assert!(render_registers().count() <= MOST);
    }
}
