// SPDX-License-Identifier: GPL-2.0 OR MIT
//! How changes of the guest's tables reach the shadows, and what their entries mean.

use super::bed::dma;
use super::*;

const TABLES: [u64; 4] = [10, 11, 12, 13];

/// Address spaces in both ways to learn of changes.
fn both_ways(test: impl Fn(&mut Bed, Root, DmaAddress)) {
    for mut bed in [Bed::new(), Bed::untracked()] {
        let root = bed.four_levels(TABLES);
        let host = bed.submit(root);
        test(&mut bed, root, host);
        bed.end();
    }
}

#[test]
fn change_at_each_level_is_there_after_the_next_preparation() {
    both_ways(|bed, root, host| {
        bed.write(13, 9, 101 << 12 | PAGE);
        bed.write(12, 1, 14 << 12 | TABLE);
        bed.write(14, 0, 102 << 12 | PAGE);
        bed.write(10, 511, 11 << 12 | TABLE);
        bed.prepare(root);

        assert_eq!(bed.gpu(host, 9 << 12), Some(dma(101)));
        assert_eq!(bed.gpu(host, 1 << 21), Some(dma(102)));
        assert_eq!(bed.gpu(host, 511 << 39), Some(dma(100)));

        bed.write(10, 511, 0);
        bed.write(12, 1, 13 << 12 | TABLE);
        bed.prepare(root);
        assert_eq!(bed.gpu(host, 511 << 39), None);
        assert_eq!(bed.gpu(host, 1 << 21), Some(dma(100)));
    });
}

#[test]
fn change_between_preparations_does_not_reach_the_gpu() {
    both_ways(|bed, root, host| {
        let writes = bed.state.borrow().writes;
        bed.write(13, 0, 101 << 12 | PAGE);
        assert_eq!(
            (bed.gpu(host, 0), bed.state.borrow().writes),
            (Some(dma(100)), writes)
        );
        bed.prepare(root);
        assert_eq!(bed.gpu(host, 0), Some(dma(101)));
    });
}

#[test]
fn prepare_when_nothing_changed_writes_nothing_and_needs_no_flush() {
    both_ways(|bed, root, _| {
        bed.flush();
        let writes = bed.state.borrow().writes;
        bed.prepare(root);
        assert!(bed.state.borrow().writes == writes && !bed.ppgtt.is_flush_due());
    });
}

#[test]
fn prepare_when_tracked_reads_no_more_than_what_was_written() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    bed.submit(root);
    let before = bed.ppgtt.counters().read;

    bed.prepare(root);
    assert_eq!(bed.ppgtt.counters().read, before);
    bed.write(13, 7, 101 << 12 | PAGE);
    bed.write(13, 9, 102 << 12 | PAGE);
    bed.prepare(root);

    assert_eq!(bed.ppgtt.counters().read, before + 3);
    bed.end();
}

#[test]
fn table_that_is_written_often_is_compared_until_it_calms_down() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    let host = bed.submit(root);
    let told = |bed: &Bed| bed.ppgtt.counters().notified;
    let before = told(&bed);

    for index in 1..100 {
        bed.write(13, index, 101 << 12 | PAGE);
    }

    assert_eq!(
        told(&bed) - before,
        u64::from(HOT_WRITES),
        "the rest costs nothing"
    );
    assert_eq!(bed.ppgtt.counters().heated, 1);
    assert!(!bed.state.borrow().tracked.contains(&13));
    bed.prepare(root);
    assert_eq!(bed.gpu(host, 99 << 12), Some(dma(101)));
    // It is compared now, and stays so as long as it changes.
    for round in 0..2 * u64::from(COOL_SYNCS) {
        bed.write(13, 1, (101 + round % 2) << 12 | PAGE);
        bed.prepare(root);
        assert_eq!(bed.gpu(host, 1 << 12), Some(dma(101 + round % 2)));
    }
    assert!(!bed.state.borrow().tracked.contains(&13));
    for _ in 0..=COOL_SYNCS {
        bed.prepare(root);
    }
    assert!(bed.state.borrow().tracked.contains(&13));
    bed.write(13, 1, 0);
    bed.prepare(root);
    assert_eq!(bed.gpu(host, 1 << 12), None);
    bed.end();
}

#[test]
fn prepare_of_one_address_space_reads_no_table_of_another() {
    let mut bed = Bed::untracked();
    let one = bed.four_levels(TABLES);
    let two = bed.four_levels([20, 21, 22, 23]);
    bed.submit(one);
    bed.submit(two);
    let before = bed.ppgtt.counters().read;

    bed.prepare(one);

    assert_eq!(bed.ppgtt.counters().read - before, 4 * 512);
    bed.end();
}

#[test]
fn prepare_reads_a_table_that_many_entries_lead_to_once() {
    let mut bed = Bed::untracked();
    let root = bed.four_levels(TABLES);
    for table in [10, 11, 12] {
        for index in 0..8 {
            bed.write(table, index, (table + 1) << 12 | TABLE);
        }
    }

    bed.submit(root);
    bed.prepare(root);

    assert_eq!(bed.ppgtt.counters().read, 2 * 4 * 512);
    bed.end();
}

#[test]
fn entry_that_failed_gets_its_turn_behind_others_that_always_fail() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    let turns = 3;
    for index in 0..(turns * REFUSALS_MAX) as usize {
        bed.write(13, 1 + index, (5000 + index as u64) << 12 | PAGE);
    }
    bed.write(13, 511, 101 << 12 | PAGE);
    bed.state.borrow_mut().gone.insert(101);
    let host = bed.submit(root);
    bed.state.borrow_mut().gone.clear();

    for _ in 0..=turns {
        bed.prepare(root);
    }

    assert_eq!(bed.gpu(host, 511 << 12), Some(dma(101)));
    bed.end();
}

#[test]
fn page_of_64_kib_when_enabled_is_split_into_sixteen() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    bed.write(12, 0, 13 << 12 | PAGES_64K);
    bed.write(13, 0, 0x100 << 12 | PAGE);
    bed.write(13, 1, 0x300 << 12 | PAGE);
    bed.write(13, 16, 0x2ff << 12 | PAGE);
    let host = bed.submit(root);
    assert_eq!(
        bed.gpu(host, 1 << 12),
        Some(dma(0x300)),
        "the bit does not count yet"
    );

    bed.with(|ppgtt, backing| ppgtt.set_pages_64k(backing, true));
    bed.prepare(root);

    for page in 0..16 {
        assert_eq!(bed.gpu(host, page << 12), Some(dma(0x100 + page)));
        assert_eq!(bed.gpu(host, (16 + page) << 12), Some(dma(0x2f0 + page)));
    }
    bed.write(13, 16, 0);
    bed.prepare(root);
    bed.flush();
    assert_eq!(bed.pinned(), (0x100..0x110).collect::<std::vec::Vec<_>>());
    bed.with(|ppgtt, backing| ppgtt.set_pages_64k(backing, false));
    bed.prepare(root);
    assert_eq!(bed.gpu(host, 1 << 12), Some(dma(0x300)));
    bed.end();
}

#[test]
fn page_of_2_mib_that_lies_in_one_piece_is_mapped_whole() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    bed.write(12, 1, 1024 << 12 | LARGE);

    let host = bed.submit(root);

    assert_eq!(
        bed.gpu(host, (1 << 21) + 0x12_3456),
        Some(dma(1024) + 0x12_3456)
    );
    assert_eq!((bed.pinned().len(), bed.ppgtt.counts().tables), (513, 4));
    bed.write(12, 1, 0);
    bed.prepare(root);
    bed.flush();
    assert_eq!(bed.pinned(), [100]);
    bed.end();
}

#[test]
fn page_of_2_mib_that_is_scattered_is_split_into_a_table_of_ours() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    bed.write(12, 1, 512 << 12 | LARGE);
    // The same once more: one table does for both.
    bed.write(12, 2, 512 << 12 | LARGE);

    let host = bed.submit(root);

    for page in [0, 1, 511] {
        let at = (1 << 21) + (page << 12);
        assert_eq!(bed.gpu(host, at), Some(dma(512 + page)));
        assert_eq!(bed.gpu(host, at + (1 << 21)), Some(dma(512 + page)));
    }
    assert_eq!((bed.pinned().len(), bed.ppgtt.counts().tables), (513, 5));
    bed.write(12, 1, 0);
    bed.write(12, 2, 0);
    bed.prepare(root);
    bed.flush();
    assert_eq!((bed.pinned().len(), bed.ppgtt.counts().tables), (1, 4));
    bed.end();
}

#[test]
fn page_of_2_mib_when_the_gpu_has_none_is_split() {
    let mut bed = Bed::new();
    bed.ppgtt.modes.pages_2m = false;
    let root = bed.four_levels(TABLES);
    bed.write(12, 1, 1024 << 12 | LARGE);

    let host = bed.submit(root);

    assert_eq!(bed.gpu(host, 1 << 21), Some(dma(1024)));
    assert_eq!(bed.ppgtt.counts().tables, 5);
    bed.end();
}

#[test]
fn page_of_1_gib_and_pages_out_of_reach_lead_to_scratch_with_a_complaint() {
    let far = 1 << 50 | PAGE;
    let cases = [
        (11, LARGE, Refusal::Gigabyte),
        (10, far, Refusal::Reach),
        (13, far, Refusal::Reach),
    ];
    for (table, entry, why) in cases {
        let mut bed = Bed::new();
        let root = bed.four_levels(TABLES);
        bed.write(table, 1, entry);

        let host = bed.submit(root);

        assert_eq!(bed.refusals(), [why]);
        for address in [1 << 12, 1 << 30, 1 << 39] {
            assert_eq!(bed.gpu(host, address), None);
        }
        bed.end();
    }
}

#[test]
fn entry_whose_bits_change_keeps_its_page() {
    both_ways(|bed, root, host| {
        let entry = |bed: &Bed| {
            let state = bed.state.borrow();
            let mut pages = state.pages.values();
            pages.find_map(|page| (page.entries[0] & !0xfff == dma(100)).then_some(page.entries[0]))
        };
        // Writable, PWT, PCD, PAT, and bits that are not for the GPU.
        bed.write(13, 0, 100 << 12 | 1 << 63 | 0xe75 | 0x98 | PAGE);
        bed.prepare(root);
        assert_eq!(entry(bed), Some(dma(100) | 0x9b));
        bed.write(13, 0, 100 << 12 | 1);
        bed.prepare(root);
        assert_eq!(entry(bed), Some(dma(100) | 0x01));
        bed.flush();
        assert_eq!(
            (bed.gpu(host, 0), bed.pinned()),
            (Some(dma(100)), std::vec![100])
        );
    });
}

#[test]
fn table_that_goes_away_is_scratch_and_is_read_when_it_is_back() {
    both_ways(|bed, root, host| {
        bed.state.borrow_mut().gone.insert(13);
        bed.forget(13, 1).unwrap();
        assert_eq!(bed.gpu(host, 0), None);
        bed.prepare(root);
        assert_eq!(bed.gpu(host, 0), None);

        bed.state.borrow_mut().gone.clear();
        bed.prepare(root);
        assert_eq!(bed.gpu(host, 0), Some(dma(100)));
        bed.write(13, 0, 101 << 12 | PAGE);
        bed.prepare(root);
        assert_eq!(bed.gpu(host, 0), Some(dma(101)));
    });
}

#[test]
fn root_that_goes_away_while_it_is_in_use_stays_where_it_is() {
    both_ways(|bed, root, host| {
        bed.state.borrow_mut().gone.insert(10);
        bed.forget(10, 1).unwrap();
        assert_eq!(bed.gpu(host, 0), None);

        bed.state.borrow_mut().gone.clear();
        assert_eq!(bed.prepare(root), host);
        assert_eq!(bed.gpu(host, 0), Some(dma(100)));
    });
}

#[test]
fn forget_memory_that_the_gpu_does_not_let_go_of_is_not_mapped_again() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    let host = bed.submit(root);
    bed.state.borrow_mut().gone.insert(100);
    bed.state.borrow_mut().flush_fails = true;

    assert_eq!(bed.forget(100, 1), Err(EIO));
    bed.prepare(root);

    assert_eq!((bed.gpu(host, 0), bed.pinned()), (None, std::vec![100]));
    bed.state.borrow_mut().flush_fails = false;
    bed.prepare(root);
    assert!(bed.gpu(host, 0).is_none() && bed.pinned().is_empty());
    bed.state.borrow_mut().gone.clear();
    bed.prepare(root);
    assert_eq!(bed.gpu(host, 0), Some(dma(100)));
    bed.end();
}

#[test]
fn forget_memory_that_nothing_leads_to_does_not_bother_the_gpu() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    bed.submit(root);

    bed.forget(200, 1000).unwrap();
    bed.forget(100, 0).unwrap();

    assert_eq!(
        (bed.state.borrow().flushes, bed.pinned()),
        (0, std::vec![100])
    );
    bed.end();
}

#[test]
fn translate_gives_what_the_gpu_sees_with_its_bounds() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    bed.write(13, 1, 101 << 12 | 1);
    bed.write(12, 1, 1024 << 12 | LARGE);
    bed.write(12, 2, 512 << 12 | LARGE);
    bed.write(12, 3, 14 << 12 | PAGES_64K);
    bed.write(14, 0, 0x100 << 12 | PAGE);
    bed.write(10, 511, 11 << 12 | TABLE);
    bed.with(|ppgtt, backing| ppgtt.set_pages_64k(backing, true));
    bed.submit(root);
    let at = |address| bed.ppgtt.translate(&root, PpgttAddress(address));
    let place = |gfn, offset, len, writable| {
        let gfn = Gfn(gfn);
        Some(Place {
            gfn,
            offset,
            len,
            writable,
        })
    };

    assert_eq!(at(0x123), place(100, 0x123, 0xedd, true));
    assert_eq!(at(0x1fff), place(101, 0xfff, 1, false));
    assert_eq!(at((1 << 21) + 0x5678), place(1029, 0x678, 0x1f_a988, true));
    assert_eq!(at((2 << 21) + 0x5678), place(517, 0x678, 0x988, true));
    assert_eq!(at((3 << 21) + 0xf001), place(0x10f, 1, 0xfff, true));
    assert_eq!(at((3 << 21) + 0x1_0000), None);
    assert_eq!(at(0x2000), None);
    // With the sign extended and without, and nothing else.
    assert_eq!(at(511 << 39), place(100, 0, 0x1000, true));
    assert_eq!(at(0xffff_ff80_0000_0000), place(100, 0, 0x1000, true));
    assert_eq!(at(0x1_0000_0000_0000), None);
    assert_eq!(at(0xfffe_ff80_0000_0000), None);
    assert_eq!(at(0xffff_0000_0000_0123), None);
    assert_eq!(
        bed.ppgtt
            .translate(&Root::FourLevel(Gfn(11)), PpgttAddress(0)),
        None
    );
    bed.end();
}

#[test]
fn translate_with_three_levels_ends_at_4_gib() {
    let mut bed = Bed::new();
    bed.write(12, 511, 13 << 12 | TABLE);
    bed.write(13, 511, 7 << 12 | PAGE);
    let root = Root::ThreeLevel([20, 20, 20, 12].map(Gfn));
    bed.submit(root);
    let at = |address| bed.ppgtt.translate(&root, PpgttAddress(address));

    assert_eq!(at(0xffff_f000).map(|place| place.gfn), Some(Gfn(7)));
    assert_eq!((at(1 << 32), at(u64::MAX), at(0)), (None, None, None));
    bed.end();
}
