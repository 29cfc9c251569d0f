// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;

/// Register reads that a probe may spend on the snapshot.
const READ_BUDGET: u32 = 1500;

fn each_gpu() -> impl Iterator<Item = (Platform, bool)> {
    Platform::ALL
        .into_iter()
        .flat_map(|platform| [(platform, false), (platform, true)])
}

#[test]
fn rows_are_whole_dwords_of_register_space_in_order() {
    let mut before = 0;
    for row in TABLE {
        assert!(row.offset >= before, "{} is out of order", row.name);
        assert_eq!(
            (row.offset % DWORD, row.size % DWORD),
            (0, 0),
            "{}",
            row.name
        );
        assert!(
            row.size > 0 && row.range().end() <= MMIO_SIZE,
            "{}",
            row.name
        );
        before = row.offset;
    }
}

#[test]
fn rows_of_a_gpu_do_not_overlap_but_in_the_mirror() {
    for (platform, vcs1) in each_gpu() {
        let mut end = 0;
        for row in rows(platform, vcs1).filter(|r| !MCHBAR_MIRROR.contains(r.offset)) {
            assert!(row.offset >= end, "{} on {platform}", row.name);
            end = row.range().end();
        }
    }
}

#[test]
fn names_of_a_gpu_are_unique() {
    for (platform, vcs1) in each_gpu() {
        let rows: [Option<&str>; 1400] = {
            let mut names = [None; 1400];
            names
                .iter_mut()
                .zip(rows(platform, vcs1))
                .for_each(|(n, r)| *n = Some(r.name));
            names.sort_unstable();
            names
        };
        for pair in rows.windows(2) {
            assert!(
                pair[0].is_none() || pair[0] != pair[1],
                "{:?} on {platform}",
                pair[0]
            );
        }
    }
}

#[test]
fn hardware_ranges_are_sorted_apart_and_within_the_read_budget() {
    for (platform, vcs1) in each_gpu() {
        let mut end = 0;
        let mut reads = 0;
        for range in hardware_ranges(platform, vcs1) {
            assert!(range.offset > end || end == 0, "{range:x?} on {platform}");
            end = range.end();
            reads += range.size / DWORD;
        }
        assert!(
            reads > 200 && reads <= READ_BUDGET,
            "{reads} reads on {platform}"
        );
    }
}

#[test]
fn hardware_ranges_leave_the_display_and_what_is_scrubbed_alone() {
    for (platform, vcs1) in each_gpu() {
        for row in rows(platform, vcs1).filter(|r| !matches!(r.source, Source::Hardware)) {
            for range in hardware_ranges(platform, vcs1) {
                let apart = range.end() <= row.offset || row.range().end() <= range.offset;
                let kept = row.range() == MCHBAR_MIRROR
                    && (mchbar_kept(platform).any(|k| k.contains(range.offset))
                        || find(platform, vcs1, range.offset)
                            .is_some_and(|r| r.range() != MCHBAR_MIRROR));
                assert!(apart || kept, "{} and {range:x?} on {platform}", row.name);
            }
        }
    }
}

#[test]
fn hardware_ranges_have_the_memory_units_of_broxton_alone() {
    /// BXT_D_CR_DRP0_DUNIT8 to 11 (i915: `intel_mchbar_regs.h`).
    const MEMORY_UNITS: [u32; 4] = [0x14_1000, 0x14_1200, 0x14_1400, 0x14_1600];
    for (platform, vcs1) in each_gpu() {
        for unit in MEMORY_UNITS {
            let read = hardware_ranges(platform, vcs1).any(|range| range.contains(unit));
            assert_eq!(read, platform == Platform::Bxt, "{unit:#x} on {platform}");
        }
    }
}

#[test]
fn find_gives_the_row_that_holds_the_offset() {
    let tail = find(Platform::Kbl, false, 0x2030).unwrap();
    let csb = find(Platform::Kbl, false, 0x2370 + 44).unwrap();
    assert_eq!(tail.name, "RCS_RING_TAIL");
    assert_eq!(csb.name, "RCS_RING_CSB");
    assert!(find(Platform::Kbl, false, 0x2000).is_none());
}

#[test]
fn find_in_the_mirror_prefers_the_smaller_row() {
    let phy = find(Platform::Bxt, false, 0x16_2000).unwrap();
    let other = find(Platform::Skl, false, 0x16_2000).unwrap();
    assert_eq!(phy.size, 4);
    assert_eq!(other.range(), MCHBAR_MIRROR);
}

#[test]
fn find_of_second_video_engine_needs_one() {
    assert!(find(Platform::Skl, false, 0x1_c030).is_none());
    assert_eq!(
        find(Platform::Skl, true, 0x1_c030).unwrap().name,
        "VCS1_RING_TAIL"
    );
}

#[test]
fn client_writable_registers_hold_no_ring_or_page_table_address() {
    for row in TABLE.iter().filter(|r| r.is_client_writable()) {
        assert!(!row.flags.contains(Flags::GMADR), "{}", row.name);
    }
}

#[test]
fn registers_that_i915_writes_first_are_not_read() {
    for name in [
        "GEN6_GDRST",
        "RING_FAULT",
        "FPGA_DBG",
        "RCS_RING_HWSTAM",
        "RCS_RING_RESET_CTL",
        "FORCEWAKE_ACK_RENDER_GEN9",
    ] {
        let row = rows(Platform::Skl, false).find(|r| r.name == name).unwrap();
        assert_eq!(row.source, Source::ProgrammedEarly, "{name}");
    }
}

#[test]
fn named_is_the_offset_of_each_row_of_that_name() {
    for row in TABLE {
        assert_eq!(named(row.name), row.offset, "{}", row.name);
    }
}

#[test]
#[should_panic(expected = "no such register")]
fn named_with_the_beginning_of_a_name_panics() {
    named("GEN8_MASTER_IR");
}
