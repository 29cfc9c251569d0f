// SPDX-License-Identifier: GPL-2.0 OR MIT
//! gvt-linux #163: a guest scales a plane, which no vGPU can; the kernel of the host warned.

use super::assert_clean;
use super::noise::Noise;
use isolation::arena;
use isolation::guest::Guest;
use std::collections::BTreeSet;

/// Scalers, by pipe and number.
const SCALERS: [&str; 5] = ["A_0", "A_1", "B_0", "B_1", "C_0"];
/// PS_CTRL: the scaler is on, and which plane it scales; none is the whole pipe (PRM Vol 2c).
const ENABLE: u32 = 1 << 31;
const PLANE_SHIFT: u32 = 25;
const PLANES: u32 = 7;
/// PS_CTRL: modes and filters of a scaler.
const MODES: [u32; 4] = [0, 1 << 28, 1 << 29, 3 << 23];
/// Width and height, each less one, as they stand in registers of sizes.
const SIZES: [u32; 6] = [
    0,
    0xffff_ffff,
    0x0437_077f,
    0x0001_0001,
    0x0fff_1fff,
    0x8000_0000,
];
/// Planes and pipes: from where registers of theirs are, and how far (PRM Vol 2c): sources and
/// timings of pipes, scalers, planes.
const REGISTERS: [(u32, u32); 6] = [
    (0x6_0000, 0x100),
    (0x6_8100, 0x200),
    (0x6_8900, 0x200),
    (0x7_0180, 0x400),
    (0x7_1180, 0x400),
    (0x7_2180, 0x400),
];
/// Writes of anything to any of those.
const WRITES: usize = 20_000;

fn register(what: &str, scaler: &str) -> String {
    format!("SKL_PS_{what}_PIPE_{scaler}")
}

/// Shows a plane of a size by a scaler: windows, sizes of source and pipe, and the scaler itself.
fn scale(guest: &mut Guest<'_>, scaler: &str, plane: u32, mode: u32, [from, to]: [u32; 2]) {
    guest.set("DSPSIZE_PIPE_A", from);
    guest.set("PIPESRC_TRANSCODER_A", to);
    guest.set(&register("WIN_POS", scaler), from);
    guest.set(
        &register("CTRL", scaler),
        ENABLE | plane << PLANE_SHIFT | mode,
    );
    // The size arms the scaler.
    guest.set(&register("WIN_SZ", scaler), to);
}

#[test]
fn gvt_linux_163_guest_that_scales_a_plane_is_ignored_and_goes_on() {
    let verdict = arena::run(|arena| {
        for scaler in SCALERS {
            for plane in 1..=PLANES {
                for (mode, from) in MODES.into_iter().zip(SIZES) {
                    for to in SIZES {
                        scale(arena.attacker(), scaler, plane, mode, [from, to]);
                        assert_eq!(arena.attacker().get(&register("CTRL", scaler)), 0);
                    }
                }
            }
            let said: BTreeSet<_> = arena.attacker().complaints().into_iter().collect();
            assert!(said.iter().all(|line| line.contains("scale")), "{said:?}");
            assert!(!said.is_empty());
            // The whole pipe may be scaled: nothing is shown anyway.
            scale(arena.attacker(), scaler, 0, 0, [SIZES[2], SIZES[3]]);
            assert_eq!(arena.attacker().get(&register("CTRL", scaler)), ENABLE);
        }
        arena.check_work();
    });
    assert_clean(&verdict, "all in all");
}

#[test]
fn gvt_linux_163_nothing_that_a_guest_writes_to_planes_and_scalers_reaches_the_gpu() {
    let verdict = arena::run(|arena| {
        let mut noise = Noise::new(163);
        for _ in 0..WRITES {
            let (first, bytes) = noise.of(&REGISTERS);
            let at = u64::from(first) + noise.below(u64::from(bytes) / 4) * 4;
            let value = match noise.below(2) {
                0 => noise.of(&SIZES),
                _ => noise.next() as u32,
            };
            let size = noise.of(&[1, 2, 4]);
            arena.attacker().write(at, &value.to_le_bytes()[..size]);
        }
        arena.attacker().complaints();
        arena.check_work();
    });
    assert_clean(&verdict, "all in all");
}
