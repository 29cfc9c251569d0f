// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use iface::registers::{rows, Flags};
use std::vec::Vec;

fn gate(engine: Engine) -> Gate {
    Gate {
        platform: Platform::Skl,
        engine,
    }
}

/// All registers below the end of register space that may be accessed so.
fn list(gate: Gate, access: Access) -> Vec<u32> {
    (0..2 << 20)
        .step_by(4)
        .filter(|offset| gate.check(*offset, access).is_ok())
        .collect()
}

#[test]
fn lists_when_searched_then_they_are_sorted_and_overlap_nowhere() {
    for table in [&ENGINE[..], &SHARED[..]] {
        for pair in table.windows(2) {
            assert!(pair[0].first + pair[0].bytes <= pair[1].first, "{pair:x?}");
        }
    }
    assert!(ENGINE.iter().all(|e| e.first + e.bytes <= ENGINE_SIZE));
}

#[test]
fn entries_when_their_values_are_checked_then_no_unknown_value_is_loaded() {
    for entry in ENGINE.iter().chain(&SHARED) {
        if entry.values != Values::Any || entry.class == Class::Caching {
            assert!(!entry.access.contains(Access::LOAD_UNKNOWN), "{entry:x?}");
        }
    }
}

#[test]
fn registers_when_of_an_engines_own_block_then_no_other_engine_reaches_them() {
    for engine in Engine::ALL {
        for other in Engine::ALL.into_iter().filter(|other| *other != engine) {
            let first = base(other);
            for offset in (first..first + ENGINE_SIZE).step_by(4) {
                for access in [Access::LOAD, Access::LOAD_UNKNOWN, Access::READ] {
                    let listed = gate(engine).check(offset, access);
                    let nonpriv = engine == Engine::Rcs && nonpriv::is_allowed(offset);
                    assert_eq!(listed.is_ok(), nonpriv, "{engine:?} {offset:#x}");
                }
            }
        }
    }
}

#[test]
fn registers_when_loaded_then_none_is_a_display_a_power_or_a_ring_register() {
    for engine in Engine::ALL {
        for offset in list(gate(engine), Access::LOAD) {
            // The one above is on the list of registers for unprivileged batches.
            assert!(offset < 0x4_0000 || offset == 0x6_4844, "{offset:#x}");
            assert!(!(0xa000..0xb000).contains(&offset), "{offset:#x}");
            let inside = offset.wrapping_sub(base(engine));
            assert!(!(0x28..0x88).contains(&inside), "{offset:#x}");
        }
    }
}

/// Registers that the C GVT-g lets commands load and that are not on the list, by their names
/// without that of an engine.
const NOT_LISTED: [(&str, &[&str]); 8] = [
    (
        "what protects and switches contexts",
        &["RING_MODE", "RING_0D4", "RING_CONTEXT_CONTROL", "RING_PDP"],
    ),
    (
        "the ring itself: its head, its stop, what it waits for",
        &[
            "RING_UHPTR",
            "RING_MI_MODE",
            "RING_028",
            "RING_SYNC_0",
            "RING_SYNC_1",
        ],
    ),
    (
        "not saved with the context of that engine",
        &["RING_INSTPM"],
    ),
    (
        "of the whole GPU",
        &[
            "ARB_MODE",
            "GAM_ECOCHK",
            "RING_FAULT",
            "GEN9_GAMT_ECO_REG_RW_IA",
            "GAMT_CHKN_BIT_REG",
            "MMCD_MISC_CTRL",
            "REG_09030",
            "GEN7_UCGCTL4",
            "GEN8_UCGCTL6",
            "GEN8_GARBCNTL",
            "BDW_SCRATCH1",
            "GTFIFODBG",
            "GTFIFOCTL",
            "GEN8_L3SQCREG1",
            "REG_08430",
        ],
    ),
    (
        "workarounds that are not saved with a context and that i915 loads by MMIO alone",
        &[
            "REG_02088",
            "3D_CHICKEN3",
            "REG_020A0",
            "REG_020D8",
            "REG_020DC",
            "GEN7_FF_SLICE_CS_CHICKEN1",
            "FF_SLICE_CS_CHICKEN2",
            "CACHE_MODE_0",
            "REG_02124",
            "REG_07018",
            "REG_0E4CC",
            "GEN7_ROW_CHICKEN2",
            "HALF_SLICE_CHICKEN2",
            "REG_0E188",
            "REG_0E194",
            "REG_083A4",
        ],
    ),
    (
        "tables of tiled resources, which may be physical",
        &["TRVATTL3PTRDW_2", "TRVATTL3PTRDW_3", "TRVADR", "TRTTE"],
    ),
    (
        "nobody says what they are, and no driver that is known needs them",
        &[
            "REG_0215C",
            "REG_02178",
            "REG_0217C",
            "REG_021F0",
            "REG_02220",
            "REG_02470",
            "REG_12178",
            "REG_1217C",
            "REG_12220",
            "REG_1A178",
            "REG_1A17C",
            "REG_1C178",
            "REG_1C17C",
            "REG_22178",
            "REG_2217C",
            "REG_22220",
            "REG_0B100",
            "REG_0B10C",
            "REG_0B1C0",
            "REG_0B1F0",
        ],
    ),
    (
        "debug state of the execution units",
        &[
            "REG_0E220",
            "REG_0E230",
            "REG_0E240",
            "REG_0E260",
            "REG_0E270",
            "REG_0E280",
            "REG_0E2A0",
            "REG_0E2B0",
            "REG_0E2C0",
        ],
    ),
];

#[test]
fn registers_when_the_c_gvt_g_lets_commands_load_them_then_they_are_listed_or_said_why_not() {
    let mut unused: Vec<_> = NOT_LISTED.iter().flat_map(|(_, names)| *names).collect();
    let mut unexplained = Vec::new();
    for platform in Platform::ALL {
        for row in rows(platform, true).filter(|row| row.flags.contains(Flags::COMMAND)) {
            let listed = Engine::ALL
                .into_iter()
                .any(|engine| Gate { platform, engine }.find(row.offset).is_some());
            let name = Engine::split(row.name).map_or(row.name, |(_, rest)| rest);
            let known = NOT_LISTED.iter().any(|(_, names)| names.contains(&name));
            let address = row.flags.contains(Flags::GMADR);
            unused.retain(|other| **other != name || listed);
            if !listed && !known && !address {
                unexplained.push((row.name, platform));
            }
            assert!(!(listed && address), "{} on {platform}", row.name);
        }
    }
    assert!(unexplained.is_empty(), "{unexplained:?}");
    assert!(unused.is_empty(), "{unused:?}");
}
