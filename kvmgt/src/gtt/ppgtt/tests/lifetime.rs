// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Address spaces: who holds them, and how shadows come and go.

use super::bed::dma;
use super::*;
use kernel::testing::Ledger;

const TABLES: [u64; 4] = [10, 11, 12, 13];

#[test]
fn prepare_when_announced_shadows_four_levels_and_pins_the_page() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    bed.with(|ppgtt, backing| ppgtt.announce(backing, root));
    assert_eq!(bed.ppgtt.counts().tables, 0, "nothing before it is needed");

    let host = bed.submit(root);

    assert_eq!(bed.gpu(host, 0x123), Some(dma(100) + 0x123));
    assert_eq!(bed.gpu(host, 0x1000), None);
    assert_eq!(bed.gpu(host, 1 << 47), None);
    assert_eq!(bed.pinned(), [100]);
    assert_eq!(
        (bed.ppgtt.counts().tables, bed.ppgtt.counts().links),
        (4, 3)
    );
    bed.end();
}

#[test]
fn prepare_when_never_announced_finds_the_address_space() {
    let mut bed = Bed::new();
    bed.write(12, 3, 13 << 12 | TABLE);
    bed.write(13, 4, 7 << 12 | PAGE);
    let root = Root::three_level([20 << 12, 12 << 12 | 0xfff, 21 << 12, 20 << 12]).unwrap();

    let host = bed.submit(root);

    let address = (1 << 30) + (3 << 21) + (4 << 12);
    assert_eq!(bed.gpu(host, address), Some(dma(7)));
    assert_eq!(bed.ppgtt.counts().tables, 4, "two of the four are one");
    bed.end();
}

#[test]
fn prepare_of_what_is_not_pinned_returns_einval() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    assert_eq!(bed.try_prepare(root), Err(EINVAL));
    bed.with(|ppgtt, backing| ppgtt.announce(backing, root));
    assert_eq!(bed.try_prepare(root), Err(EINVAL));
    bed.end();
}

#[test]
fn root_beyond_the_reach_of_the_gpu_is_none() {
    assert_eq!(Root::four_level(1 << 46), None);
    assert_eq!(Root::three_level([0, 0, 0, u64::MAX]), None);
    assert_eq!(Root::four_level(0x1fff), Some(Root::FourLevel(Gfn(1))));
}

#[test]
fn shadows_of_tables_that_two_address_spaces_share_are_shared() {
    let mut bed = Bed::new();
    let one = bed.four_levels(TABLES);
    let two = bed.four_levels([20, 11, 12, 13]);
    let host_one = bed.submit(one);
    let host_two = bed.submit(two);
    assert_eq!(
        (bed.ppgtt.counts().tables, bed.pinned()),
        (5, std::vec![100])
    );

    // Written once, seen by both, though only one of them went first.
    bed.write(13, 1, 101 << 12 | PAGE);
    bed.prepare(one);
    bed.prepare(two);

    for host in [host_one, host_two] {
        assert_eq!(bed.gpu(host, 0x1000), Some(dma(101)));
    }
    bed.complete(one, host_one);
    bed.with(|ppgtt, backing| ppgtt.withdraw(backing, one));
    bed.flush();
    assert_eq!(bed.gpu(host_two, 0), Some(dma(100)));
    assert_eq!(bed.ppgtt.counts().tables, 4);
    bed.end();
}

#[test]
fn page_of_many_entries_is_pinned_once_until_the_last_is_gone() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    bed.write(13, 5, 100 << 12 | PAGE);
    let host = bed.submit(root);

    bed.write(13, 0, 0);
    bed.prepare(root);
    bed.flush();
    assert_eq!((bed.pinned(), bed.gpu(host, 0)), (std::vec![100], None));
    bed.write(13, 5, 0);
    bed.prepare(root);
    bed.flush();

    assert!(bed.pinned().is_empty());
    bed.end();
}

#[test]
fn withdraw_of_an_address_space_that_is_idle_drops_it_after_a_flush() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    bed.with(|ppgtt, backing| ppgtt.announce(backing, root));
    let host = bed.submit(root);
    bed.complete(root, host);
    assert_eq!(bed.pinned(), [100], "it may be submitted again");

    bed.with(|ppgtt, backing| ppgtt.withdraw(backing, root));
    assert_eq!(
        (bed.pinned(), bed.ppgtt.counts().waiting),
        (std::vec![100], 4)
    );
    bed.flush();

    assert!(bed.pinned().is_empty() && bed.ppgtt.counts() == Counts::default());
    bed.end();
}

#[test]
fn flush_that_began_before_a_change_does_not_let_go_of_it() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    bed.submit(root);
    let early = bed.ppgtt.begin_flush();

    bed.write(13, 0, 0);
    bed.prepare(root);
    bed.with(|ppgtt, backing| ppgtt.flushed(backing, early));

    assert!(bed.ppgtt.is_flush_due() && bed.pinned() == [100]);
    bed.flush();
    assert!(!bed.ppgtt.is_flush_due() && bed.pinned().is_empty());
    bed.end();
}

#[test]
fn announce_beyond_the_limit_drops_the_one_that_was_not_used_for_longest() {
    let limits = Limits {
        spaces: 2,
        ..Limits::DEFAULT
    };
    let mut bed = Bed::with_limits(limits);
    let roots = [[10, 11, 12, 13], [20, 21, 22, 23]].map(|tables| bed.four_levels(tables));
    for root in roots {
        bed.with(|ppgtt, backing| ppgtt.announce(backing, root));
    }
    let first = bed.submit(roots[0]);
    let second = bed.submit(roots[1]);
    bed.complete(roots[1], second);

    // The other one is pinned, though it was used before.
    bed.with(|ppgtt, backing| ppgtt.announce(backing, Root::FourLevel(Gfn(30))));
    assert_eq!(bed.ppgtt.counts().spaces, 2);
    assert_eq!(bed.prepare(roots[0]), first);
    // All are pinned.
    bed.pin(Root::FourLevel(Gfn(30)));
    let refused = bed.with(|ppgtt, backing| ppgtt.pin(backing, roots[1]));
    assert_eq!(refused, Err(ENOSPC));
    bed.with(|ppgtt, backing| ppgtt.announce(backing, roots[1]));

    let complaint = Complaint::PpgttSpace { error: ENOSPC };
    let told = bed
        .state
        .borrow()
        .events
        .contains(&Event::Complaint(complaint));
    assert!(told);
    bed.end();
}

#[test]
fn prepare_when_shadows_run_out_takes_those_of_the_idlest_address_space() {
    let limits = Limits {
        tables: 9,
        ..Limits::DEFAULT
    };
    let mut bed = Bed::with_limits(limits);
    let sets = [[10, 11, 12, 13], [20, 21, 22, 23], [30, 31, 32, 33]];
    let roots = sets.map(|tables| bed.four_levels(tables));
    let hosts = [bed.submit(roots[0]), bed.submit(roots[1])];
    bed.complete(roots[0], hosts[0]);
    bed.complete(roots[1], hosts[1]);

    let third = bed.submit(roots[2]);

    assert_eq!(bed.gpu(third, 0), Some(dma(100)));
    assert_eq!(bed.ppgtt.counters().reclaimed, 1);
    assert_eq!(
        (bed.ppgtt.counts().tables, bed.ppgtt.counts().spaces),
        (8, 3)
    );
    // It comes back when it is needed, at the cost of the next.
    let first = bed.submit(roots[0]);
    assert_eq!(bed.gpu(first, 0), Some(dma(100)));
    bed.end();
}

#[test]
fn prepare_when_shadows_run_out_and_all_is_pinned_leaves_scratch_until_there_is_room() {
    let limits = Limits {
        tables: 6,
        ..Limits::DEFAULT
    };
    let mut bed = Bed::with_limits(limits);
    let roots = [[10, 11, 12, 13], [20, 21, 22, 23]].map(|tables| bed.four_levels(tables));
    let first = bed.submit(roots[0]);

    let second = bed.submit(roots[1]);

    assert_eq!(
        (bed.gpu(first, 0), bed.gpu(second, 0)),
        (Some(dma(100)), None)
    );
    assert_eq!(bed.refusals(), [Refusal::Table(ENOSPC)]);
    bed.complete(roots[0], first);
    bed.prepare(roots[1]);
    assert_eq!(bed.gpu(second, 0), Some(dma(100)));
    bed.end();
}

#[test]
fn prepare_when_not_even_the_root_finds_room_fails_and_leaves_nothing() {
    let limits = Limits {
        tables: 3,
        ..Limits::DEFAULT
    };
    let mut bed = Bed::with_limits(limits);
    let root = Root::three_level([10 << 12, 11 << 12, 12 << 12, 13 << 12]).unwrap();
    bed.pin(root);

    assert_eq!(bed.try_prepare(root), Err(ENOSPC));

    assert_eq!(bed.ppgtt.counts().tables, 0);
    bed.end();
}

#[test]
fn prepare_when_links_run_out_takes_those_of_the_idlest_address_space() {
    let limits = Limits {
        links: 3,
        ..Limits::DEFAULT
    };
    let mut bed = Bed::with_limits(limits);
    let roots = [[10, 11, 12, 13], [20, 21, 22, 23]].map(|tables| bed.four_levels(tables));
    let first = bed.submit(roots[0]);
    bed.complete(roots[0], first);

    let second = bed.submit(roots[1]);

    assert_eq!(bed.gpu(second, 0), Some(dma(100)));
    assert_eq!(bed.ppgtt.counters().reclaimed, 1);
    assert_eq!(bed.ppgtt.counts().links, 3);
    assert!(bed.refusals().is_empty());
    bed.end();
}

#[test]
fn links_beyond_the_limit_lead_to_scratch() {
    let limits = Limits {
        links: 3,
        ..Limits::DEFAULT
    };
    let mut bed = Bed::with_limits(limits);
    let root = bed.four_levels(TABLES);
    bed.write(12, 1, 13 << 12 | TABLE);

    let host = bed.submit(root);

    assert_eq!(bed.gpu(host, 0), Some(dma(100)));
    assert_eq!(bed.gpu(host, 1 << 21), None);
    assert_eq!(bed.refusals(), [Refusal::Table(ENOSPC)]);
    bed.end();
}

#[test]
fn flush_that_fails_lets_go_of_nothing_until_one_succeeds() {
    let mut bed = Bed::new();
    let root = bed.four_levels(TABLES);
    let host = bed.submit(root);
    bed.state.borrow_mut().flush_fails = true;

    assert_eq!(bed.forget(100, 1), Err(EIO));
    bed.complete(root, host);
    let cleared = bed.with(|ppgtt, backing| ppgtt.clear(backing));

    assert_eq!(cleared, Err(EIO));
    assert_eq!(
        (bed.pinned(), bed.ppgtt.counts().waiting),
        (std::vec![100], 4)
    );
    bed.state.borrow_mut().flush_fails = false;
    bed.end();
}

/// Makes an address space while an allocation fails, each in turn, and completes it then.
fn complete_after_each_failure(make: impl Fn(&mut Bed) -> Root) {
    let ledger = Ledger::current();
    let live = ledger.live_objects();
    for site in 0.. {
        let mut bed = Bed::new();
        let root = make(&mut bed);

        ledger.fail_at(site, false);
        let result = bed.with(|ppgtt, backing| {
            ppgtt.pin(backing, root)?;
            ppgtt.prepare(backing, root).map(drop)
        });
        let tried = ledger.tried();
        ledger.fail_none();

        assert!(matches!(result, Ok(()) | Err(ENOMEM)), "{result:?}");
        let counts = bed.ppgtt.counts();
        assert!(result.is_ok() || (counts.tables, counts.tops) == (0, 0));
        let host = bed.submit(root);
        assert_eq!(bed.gpu(host, 0), Some(dma(100)));
        assert_eq!(bed.gpu(host, 2 << 21), Some(dma(512)));
        bed.end();
        assert_eq!(ledger.live_objects(), live, "allocation {site}");
        if tried <= site {
            assert!(site > 500, "each page of the 2 MiB is one");
            return;
        }
    }
}

#[test]
fn prepare_without_memory_anywhere_leaves_what_a_later_one_completes() {
    let make = |bed: &mut Bed| {
        let root = bed.four_levels(TABLES);
        bed.write(12, 2, 512 << 12 | LARGE);
        root
    };
    complete_after_each_failure(make);
    complete_after_each_failure(|bed| {
        make(bed);
        Root::ThreeLevel([12, 20, 12, 21].map(Gfn))
    });
}
