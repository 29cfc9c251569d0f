// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Which bits of which registers may come up with any value.
//!
//! A bit is here if it is implemented and neither the model nor a driver that starts acts on it:
//! tables that drivers write before use, chicken bits, thresholds, clock gating, scratch. Where
//! the PRM does not document a register, or says that most of it is reserved, the mask is one low
//! byte (`UNDOCUMENTED`); masked registers implement at most their low half. Sources: PRM
//! Vol 2c (SKL, KBL), and what i915 writes where that is all there is.

/// Registers from `offset` on that may come up with the bits of `mask` in any state.
#[derive(Clone, Copy, Debug)]
pub struct Legal {
    /// First register.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
    /// The variable bits of each dword.
    pub mask: u32,
}

/// A register that holds plain data.
const DATA: u32 = 0xffff_ffff;
/// A masked register: the high half is write-only.
const MASKED: u32 = 0xffff;
/// A register that nobody documents.
const UNDOCUMENTED: u32 = 0xff;
/// Clock-gating disables: the middle bytes are chicken bits on all generations.
const CLOCK_GATING: u32 = 0x00ff_ff00;
/// A threshold or an interval of the power controller, 24 bits.
const INTERVAL: u32 = 0x00ff_ffff;
/// A colour table entry: 8 bits each of red, green and blue.
const PALETTE: u32 = 0x00ff_ffff;
/// A colour correction coefficient pair.
const COEFFICIENTS: u32 = 0xffff_ffff;

const fn at(offset: u32, mask: u32) -> Legal {
    Legal {
        offset,
        size: 4,
        mask,
    }
}

const fn run(offset: u32, size: u32, mask: u32) -> Legal {
    Legal { offset, size, mask }
}

/// Bases of the engines' register ranges: render, blitter, video, second video, video enhancement.
pub const ENGINE_BASES: [u32; 5] = [0x2000, 0x2_2000, 0x1_2000, 0x1_c000, 0x1_a000];

/// Registers that every engine has, by their distance from its base; sorted.
pub const ENGINE_LEGAL: &[Legal] = &[
    run(0x40, 8, DATA),     // RING_SYNC_0, 1: semaphore values of older generations.
    at(0x54, 0x000f_ffff),  // RING_MAX_IDLE.
    at(0xc0, 0x00cf),       // RING_INSTPM without the two flush requests.
    at(0xd4, 0xff00),       // CSFE_CHICKEN1 without the bits that switch preemption.
    at(0x178, 0x00ff_ffff), // Watchdog counter control.
    at(0x17c, DATA),        // Watchdog threshold.
    at(0x1d0, MASKED),      // ECOSKPD.
    at(0x220, UNDOCUMENTED),
];

/// Everything else, sorted by offset.
pub const LEGAL: &[Legal] = &[
    at(0x3c, UNDOCUMENTED),
    at(0x860, UNDOCUMENTED),
    at(0xd08, UNDOCUMENTED),
    at(0xfdc, UNDOCUMENTED),
    // Render engine: chicken bits, cache modes, indirect draw parameters.
    at(0x2088, MASKED),
    at(0x2090, MASKED),
    at(0x20a0, MASKED),
    at(0x20d8, UNDOCUMENTED),
    at(0x20dc, MASKED),
    at(0x20e0, MASKED),
    at(0x20e4, MASKED),
    at(0x20ec, MASKED),
    run(0x2120, 8, MASKED),
    at(0x215c, 0xffff),
    at(0x21f0, 0xffff),
    at(0x2248, 0xffff),
    run(0x2290, 8, DATA),
    at(0x2420, DATA),
    run(0x2430, 16, DATA),
    at(0x2470, MASKED),
    run(0x24d0, 48, 0x0ffc), // FORCE_TO_NONPRIV: below 4 KiB, where no engine has a register.
    at(0x2580, MASKED),
    at(0x2b20, UNDOCUMENTED),
    // Memory interface: arbitration, caches, page attributes, ECO bits.
    at(0x4024, 0x7fff),
    at(0x4030, MASKED),
    at(0x4068, UNDOCUMENTED),
    at(0x4090, 0xffff),
    at(0x4094, 0x7ff8), // RING_FAULT_REG: engine and source of a fault that is not valid.
    run(0x40e0, 8, DATA), // Private PAT.
    at(0x4194, 0x7ff8),
    at(0x41d0, UNDOCUMENTED),
    at(0x4294, 0x7ff8),
    at(0x4494, 0x7ff8),
    at(0x4a08, MASKED),
    at(0x4ab0, DATA),
    at(0x4ab8, DATA),
    at(0x4dd4, 0x3fff_ffff),
    at(0x4ddc, 0x3),
    at(0x4dfc, UNDOCUMENTED),
    at(0x5588, MASKED),
    run(0x6200, 12, UNDOCUMENTED),
    run(0x7000, 12, MASKED),
    run(0x7010, 12, MASKED),
    at(0x7034, DATA),
    at(0x7118, UNDOCUMENTED),
    at(0x7180, UNDOCUMENTED),
    run(0x7300, 8, MASKED),
    at(0x7408, UNDOCUMENTED),
    at(0x7c00, UNDOCUMENTED),
    at(0x83a4, MASKED),
    at(0x8430, UNDOCUMENTED),
    at(0x9008, 0x3f00_0000), // IDICR: hash mask.
    at(0x900c, 0x0060_0000), // SNPCR: eDRAM and snoop policy.
    at(0x902c, UNDOCUMENTED),
    at(0x9030, UNDOCUMENTED),
    at(0x907c, 0xf), // MBCTL without boot fetch.
    at(0x911c, UNDOCUMENTED),
    // Unit clock gating.
    run(0x9400, 8, CLOCK_GATING),
    at(0x940c, CLOCK_GATING),
    at(0x9424, 0xfe),
    at(0x9430, CLOCK_GATING),
    // Render frequency and RC6: thresholds, intervals, wake rates.
    at(0xa00c, 0xff80_0000),
    run(0xa010, 8, INTERVAL),
    run(0xa02c, 8, INTERVAL),
    run(0xa068, 12, INTERVAL),
    at(0xa094, 0x000f_0000),
    run(0xa098, 12, 0xffff),
    run(0xa0a8, 36, 0xffff),
    at(0xa248, UNDOCUMENTED),
    at(0xa250, UNDOCUMENTED),
    at(0xa25c, UNDOCUMENTED),
    // L3 and the cacheability tables.
    at(0xb004, DATA),
    at(0xb008, DATA),
    run(0xb020, 128, 0x003f_003f), // L3 control of two entries: cacheability, skip, escape.
    at(0xb100, DATA),
    at(0xb10c, DATA),
    at(0xb110, DATA),
    at(0xb118, DATA),
    at(0xb11c, DATA),
    at(0xb1c0, DATA),
    at(0xb1f0, DATA),
    run(0xc800, 0x7f8, 0x0001_ffff), // MOCS: all documented fields.
    // Execution units.
    at(0xe100, MASKED),
    at(0xe180, MASKED),
    at(0xe184, MASKED),
    at(0xe188, MASKED),
    at(0xe194, MASKED),
    at(0xe220, 0xffff),
    at(0xe230, 0xffff),
    at(0xe240, 0xffff),
    at(0xe260, 0xffff),
    at(0xe270, 0xffff),
    at(0xe280, 0xffff),
    at(0xe2a0, 0xffff),
    at(0xe2b0, 0xffff),
    at(0xe2c0, 0xffff),
    at(0xe4cc, 0xffff),
    at(0xe4f0, MASKED),
    at(0xe4f4, MASKED),
    at(0x1_11b8, UNDOCUMENTED),
    at(0x1_4090, UNDOCUMENTED),
    at(0x2_2200, 0xff00), // BCS_SWCTRL without the tiling of blits.
    at(0x2_4000, UNDOCUMENTED),
    at(0x3_20f0, UNDOCUMENTED),
    // Display: chicken bits, frame buffer compression, colour tables, drive strengths.
    at(0x4_2004, UNDOCUMENTED),
    at(0x4_2080, UNDOCUMENTED),
    run(0x4_20b0, 12, UNDOCUMENTED),
    at(0x4_3208, 0x3ff),
    at(0x4_320c, 0xffff),
    at(0x4_3218, 0xfff),
    at(0x4_3224, UNDOCUMENTED),
    at(0x4_4050, 0x00ff_ffff), // DERRMR: events that a command streamer does not wait for.
    run(0x4_9010, 24, COEFFICIENTS),
    run(0x4_9030, 12, 0x1fff),
    run(0x4_9040, 12, 0x1fff),
    run(0x4_9110, 24, COEFFICIENTS),
    run(0x4_9130, 12, 0x1fff),
    run(0x4_9140, 12, 0x1fff),
    run(0x4_9210, 24, COEFFICIENTS),
    run(0x4_9230, 12, 0x1fff),
    run(0x4_9240, 12, 0x1fff),
    run(0x4_a000, 0x400, PALETTE),
    run(0x4_a410, 12, 0x1_ffff),
    run(0x4_a800, 0x400, PALETTE),
    run(0x4_ac10, 12, 0x1_ffff),
    run(0x4_b000, 0x400, PALETTE),
    run(0x4_b410, 12, 0x1_ffff),
    run(0x6_4e00, 80, 0x001f_ffff), // DDI buffer translations, ports A to E.
    run(0x6_4e60, 80, 0x001f_ffff),
    run(0x6_4ec0, 80, 0x001f_ffff),
    run(0x6_4f20, 80, 0x001f_ffff),
    run(0x6_4f80, 80, 0x001f_ffff),
    at(0x10_1000, 0xf0), // TILECTL without the swizzling of fences.
    at(0x11_0000, UNDOCUMENTED),
];

/// The variable bits of the register at `offset` (dword aligned).
pub fn mask(offset: u32) -> u32 {
    let of = |rules: &[Legal], at: u32| {
        let behind = rules.partition_point(|rule| rule.offset <= at);
        let rule = behind.checked_sub(1).and_then(|last| rules.get(last));
        rule.filter(|rule| at - rule.offset < rule.size)
            .map_or(0, |rule| rule.mask)
    };
    let plain = of(LEGAL, offset);
    if plain != 0 {
        return plain;
    }
    ENGINE_BASES
        .iter()
        .filter_map(|base| offset.checked_sub(*base))
        .find(|distance| *distance < 0x1000)
        .map_or(0, |distance| of(ENGINE_LEGAL, distance))
}
