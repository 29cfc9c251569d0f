// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What went wrong elsewhere, by the numbers that the project's list gives it.

use super::bed::dma;
use super::*;

const TABLES: [u64; 4] = [10, 11, 12, 13];

#[test]
fn s_10_unmap_of_4_kib_inside_of_2_mib_unpins_them_and_splits_the_rest() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    bed.write(12, 1, 1024 << 12 | LARGE);
    let host = bed.submit(root);
    assert_eq!(bed.gpu(host, 1 << 21), Some(dma(1024)));

    bed.state.borrow_mut().gone.insert(1030);
    bed.forget(1030, 1).unwrap();

    assert_eq!(
        (bed.gpu(host, 1 << 21), bed.pinned()),
        (None, std::vec![100])
    );
    bed.prepare(root);
    assert_eq!(bed.gpu(host, 1 << 21), Some(dma(1024)));
    assert_eq!(bed.gpu(host, (1 << 21) + (6 << 12)), None);
    assert_eq!(bed.gpu(host, (1 << 21) + (7 << 12)), Some(dma(1031)));
    bed.end();
}

#[test]
fn s_10_unmap_while_the_gpu_copies_leaves_no_way_to_the_pages() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    for index in 0..64 {
        bed.write(13, index, (100 + index as u64) << 12 | PAGE);
    }
    let host = bed.submit(root);

    // The judge fails if a page is unpinned that a TLB or a table still has.
    bed.forget(110, 20).unwrap();

    assert_eq!(bed.gpu(host, 9 << 12), Some(dma(109)));
    assert_eq!(
        (bed.gpu(host, 10 << 12), bed.gpu(host, 29 << 12)),
        (None, None)
    );
    assert_eq!((bed.pinned().len(), bed.state.borrow().flushes), (44, 1));
    // Only the meaning was taken away: what is still there comes back.
    bed.prepare(root);
    assert_eq!(bed.gpu(host, 10 << 12), Some(dma(110)));
    bed.end();
}

#[test]
fn s_40_page_that_is_a_table_of_two_kinds_has_two_shadows() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    // The page table is linked as a PDP, a PD and as itself, and each page as the page below it.
    for table in [10, 11, 12] {
        bed.write(table, 1, 13 << 12 | TABLE);
    }
    bed.write(13, 1, 13 << 12 | PAGE);

    let host = bed.submit(root);

    let state = bed.state.borrow();
    walk::check_all(&state);
    walk::Judge::new(&state, false, false).compare(root, host);
    drop(state);
    // Page 13 as a page of the guest; but as a table nothing but shadows.
    assert_eq!(bed.gpu(host, 1 << 12), Some(dma(13)));
    assert_eq!(
        bed.ppgtt.counts().tables,
        4 + 2 + 2,
        "with 13 as PDP and PD, 100 as PD and PT"
    );
    bed.end();
}

#[test]
fn s_40_table_that_leads_to_itself_ends_at_the_last_level() {
    let mut bed = Bed::new();
    for index in [0, 1, 511] {
        bed.write(10, index, 10 << 12 | TABLE);
    }
    let root = Root::FourLevel(Gfn(10));

    let host = bed.submit(root);

    assert_eq!(bed.ppgtt.counts().tables, 4, "one of each level");
    assert_eq!(bed.gpu(host, 0xffff_ffff_f123), Some(dma(10) + 0x123));
    assert_eq!(bed.pinned(), [10]);
    bed.write(10, 511, 0);
    bed.prepare(root);
    assert_eq!(bed.gpu(host, 0xffff_ffff_f000), None);
    bed.end();
}

#[test]
fn s_41_page_0_is_a_page_like_others() {
    let mut bed = Bed::new();
    let root = bed.four_levels([0, 11, 12, 13]);
    bed.write(13, 1, PAGE);
    bed.with(|ppgtt, backing| ppgtt.announce(backing, root));
    let host = bed.submit(root);
    assert_eq!(bed.gpu(host, 0x1000), Some(dma(0)));
    assert!(bed.state.borrow().tracked.contains(&0));

    bed.complete(root, host);
    bed.with(|ppgtt, backing| ppgtt.withdraw(backing, root));
    bed.flush();

    assert!(bed.state.borrow().tracked.is_empty() && bed.pinned().is_empty());
    bed.end();
}

#[test]
fn s_42_tables_that_are_refused_half_way_leave_no_trace() {
    for room in 4..12 {
        let mut bed = Bed::new();
        let root = bed.four_levels(TABLES);
        bed.write(10, 1, 10 << 12 | TABLE);
        bed.state.borrow_mut().page_limit = room;
        bed.pin(root);
        if let Ok(host) = bed.try_prepare(root) {
            let state = bed.state.borrow();
            walk::check_all(&state);
            walk::Judge::new(&state, false, true).compare(root, host);
        }
        bed.state.borrow_mut().page_limit = usize::MAX;
        let host = bed.prepare(root);
        walk::Judge::new(&bed.state.borrow(), false, false).compare(root, host);
        bed.end();
    }
}

#[test]
fn s_43_withdraw_as_often_as_it_likes_takes_nothing_from_a_workload() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    for _ in 0..3 {
        bed.with(|ppgtt, backing| ppgtt.announce(backing, root));
    }
    let host = bed.submit(root);
    bed.pin(root);

    for _ in 0..5 {
        bed.with(|ppgtt, backing| ppgtt.withdraw(backing, root));
        bed.flush();
        assert_eq!(bed.prepare(root), host);
        assert_eq!(bed.gpu(host, 0), Some(dma(100)));
    }

    bed.unpin(root);
    assert_eq!(bed.prepare(root), host, "another workload has it");
    bed.complete(root, host);
    bed.flush();
    assert_eq!(bed.ppgtt.counts(), Counts::default());
    bed.unpin(root);
    bed.with(|ppgtt, backing| ppgtt.withdraw(backing, root));
    bed.end();
}

#[test]
fn s_44_reclaim_of_one_vgpu_takes_nothing_from_another() {
    let limits = Limits {
        tables: 5,
        ..Limits::DEFAULT
    };
    let mut beds = [Bed::with_limits(limits), Bed::with_limits(limits)];
    let hosts = [0, 1].map(|number| {
        let bed = &mut beds[number];
        let root = bed.four_levels(TABLES);
        let host = bed.submit(root);
        bed.unpin(root);
        host
    });
    beds[0].idle();

    let other = beds[0].four_levels([20, 21, 22, 23]);
    beds[0].submit(other);

    assert_eq!(beds[0].ppgtt.counters().reclaimed, 1);
    assert_eq!(beds[1].gpu(hosts[1], 0), Some(dma(100)));
    assert_eq!(beds[1].ppgtt.counters().reclaimed, 0);
    beds.into_iter().for_each(Bed::end);
}

#[test]
fn s_45_pages_are_let_go_after_scratch_and_flush_alone() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    bed.write(12, 1, 1024 << 12 | LARGE);
    let host = bed.submit(root);

    bed.write(12, 1, 0);
    bed.write(13, 0, 101 << 12 | PAGE);
    bed.prepare(root);

    assert_eq!(
        (bed.gpu(host, 1 << 21), bed.gpu(host, 0)),
        (None, Some(dma(101)))
    );
    assert_eq!(bed.pinned().len(), 2 + 512, "a TLB may have them");
    assert!(bed.ppgtt.is_flush_due());
    bed.flush();
    assert_eq!(bed.pinned(), [101]);
    bed.end();
}

#[test]
fn s_45_what_waits_for_a_flush_is_bounded() {
    let mut bed = Bed::untracked();
    let root = bed.four_levels(TABLES);
    for index in 0..512 {
        bed.write(13, index, (2 * index as u64) << 12 | PAGE);
    }
    bed.submit(root);
    for round in 1..9 {
        for index in 0..512 {
            bed.write(13, index, (2 * index as u64 + round % 2) << 12 | PAGE);
        }
        bed.prepare(root);
        assert!(bed.pinned().len() <= 512 + crate::gtt::pins::RUNS_MAX);
    }
    assert!(bed.state.borrow().flushes >= 2);
    bed.end();
}

#[test]
fn s_45b_page_that_is_mapped_as_4_kib_and_inside_of_2_mib_is_pinned_once() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    bed.write(13, 0, 1024 << 12 | PAGE);
    bed.write(12, 1, 1024 << 12 | LARGE);
    let host = bed.submit(root);
    assert_eq!(bed.pinned().len(), 512);

    bed.write(12, 1, 0);
    bed.prepare(root);
    bed.flush();
    assert_eq!(
        (bed.pinned(), bed.gpu(host, 0)),
        (std::vec![1024], Some(dma(1024)))
    );
    bed.write(12, 1, 1024 << 12 | LARGE);
    bed.write(13, 0, 0);
    bed.prepare(root);
    bed.flush();

    assert_eq!(
        (bed.pinned().len(), bed.gpu(host, 1 << 21)),
        (512, Some(dma(1024)))
    );
    bed.end();
}

#[test]
fn s_45c_writes_of_any_size_and_place_are_followed() {
    let pattern: std::vec::Vec<u8> = (0..64_u8).map(|byte| byte.wrapping_mul(37)).collect();
    for (offset, size) in [
        (0, 1),
        (3, 2),
        (6, 4),
        (4, 8),
        (9, 16),
        (1, 32),
        (4095, 1),
        (4088, 8),
    ] {
        let mut bed = Bed::new();
        let root = bed.four_levels(TABLES);
        let host = bed.submit(root);

        bed.write_bytes(13, offset, &pattern[..size]);
        bed.write_bytes(12, offset, &pattern[..size]);
        bed.prepare(root);

        let state = bed.state.borrow();
        walk::check_all(&state);
        walk::Judge::new(&state, false, false).compare(root, host);
        drop(state);
        bed.end();
    }
}

#[test]
fn s_45c_news_that_cannot_be_true_do_no_harm() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    let host = bed.submit(root);
    let news = [
        (13, 0, 0),
        (13, 4096, 8),
        (13, 4090, 4096),
        (12, 1 << 40, 1),
        (999, 0, 8),
    ];
    for (gfn, offset, size) in news {
        bed.told(gfn, offset, size);
    }
    bed.told(u64::MAX >> 12, u64::MAX, u64::MAX);
    bed.told(0, 0, u64::MAX);
    bed.prepare(root);
    assert_eq!(bed.gpu(host, 0), Some(dma(100)));
    bed.end();
}

#[test]
fn s_45c_half_of_an_entry_before_a_submission_and_half_behind_it() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    let host = bed.submit(root);
    bed.write_bytes(13, 8, &(101_u32 << 12 | 3).to_le_bytes());
    bed.write_bytes(13, 20, &1_u32.to_le_bytes());
    bed.prepare(root);
    assert_eq!(
        (bed.gpu(host, 1 << 12), bed.gpu(host, 2 << 12)),
        (Some(dma(101)), None)
    );

    bed.write_bytes(13, 12, &1_u32.to_le_bytes());
    bed.write_bytes(13, 16, &(102_u32 << 12 | 3).to_le_bytes());
    bed.prepare(root);

    // Both name pages behind 4 GiB now, which the guest lacks.
    assert_eq!(
        (bed.gpu(host, 1 << 12), bed.gpu(host, 2 << 12)),
        (None, None)
    );
    bed.end();
}

#[test]
fn s_45c_memory_slot_that_goes_takes_its_tables_and_their_watch_along() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    let host = bed.submit(root);
    assert_eq!(bed.state.borrow().tracked.len(), 4);

    bed.forget(11, 2).unwrap();

    assert_eq!(bed.gpu(host, 0), None);
    assert_eq!(
        bed.state
            .borrow()
            .tracked
            .iter()
            .collect::<std::vec::Vec<_>>(),
        [&10]
    );
    bed.prepare(root);
    assert_eq!(
        (bed.gpu(host, 0), bed.state.borrow().tracked.len()),
        (Some(dma(100)), 4)
    );
    bed.end();
}

#[test]
fn s_45e_translate_goes_by_the_present_bit_and_not_by_what_the_guest_has_written_since() {
    let mut bed = Bed::untracked();
    let root = bed.four_levels(TABLES);
    bed.write(13, 1, 101 << 12);
    bed.submit(root);
    let gfn = |bed: &Bed, address| {
        let place = bed.ppgtt.translate(&root, PpgttAddress(address));
        place.map(|place| place.gfn)
    };
    assert_eq!((gfn(&bed, 0), gfn(&bed, 0x1000)), (Some(Gfn(100)), None));

    bed.write(13, 0, 102 << 12 | PAGE);
    assert_eq!(gfn(&bed, 0), Some(Gfn(100)), "as the GPU");

    bed.prepare(root);
    assert_eq!(gfn(&bed, 0), Some(Gfn(102)));
    bed.end();
}
