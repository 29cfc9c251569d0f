// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Address spaces with three levels: the one root that the GPU gets for four page directories.

use super::bed::dma;
use super::*;
use kernel::testing::Ledger;

const TABLES: [u64; 4] = [10, 11, 12, 13];

/// Four page directories, of which the third maps page 100 where it begins.
fn three_levels(bed: &mut Bed) -> Root {
    bed.four_levels(TABLES);
    Root::ThreeLevel([20, 21, 12, 22].map(Gfn))
}

/// Where that page is.
const AT: u64 = 2 << 30;

fn judge(bed: &Bed, root: Root, host: DmaAddress) {
    let state = bed.state.borrow();
    walk::check_all(&state);
    walk::Judge::new(&state, false, false).compare(root, host);
}

#[test]
fn prepare_with_three_levels_gives_one_root_that_leads_nowhere_else() {
    let mut bed = Bed::new();
    let root = three_levels(&mut bed);
    let host = bed.submit(root);

    judge(&bed, root, host);
    assert_eq!(bed.gpu(host, AT), Some(dma(100)));
    // Behind the 4 GiB, by each of the tables on top.
    for behind in [4 << 30, 511 << 30, 1 << 39, 511 << 39] {
        assert_eq!(bed.gpu(host, behind + AT), None);
    }
    let counts = bed.ppgtt.counts();
    assert_eq!((counts.tables, counts.tops), (5, 2));
    bed.end();
}

#[test]
fn directory_that_is_named_four_times_is_there_four_times() {
    let mut bed = Bed::new();
    bed.four_levels(TABLES);
    let root = Root::ThreeLevel([Gfn(12); 4]);

    let host = bed.submit(root);

    judge(&bed, root, host);
    for number in 0..4 {
        assert_eq!(bed.gpu(host, number << 30), Some(dma(100)));
    }
    assert_eq!(bed.ppgtt.counts().tables, 2);
    bed.end();
}

#[test]
fn address_spaces_that_share_directories_have_each_a_top_of_their_own() {
    let mut bed = Bed::new();
    let four = bed.four_levels(TABLES);
    let roots = [four, three_levels(&mut bed), Root::ThreeLevel([Gfn(12); 4])];
    let hosts = roots.map(|root| bed.submit(root));
    assert_eq!(bed.ppgtt.counts().tops, 4);

    bed.complete(roots[1], hosts[1]);
    bed.with(|ppgtt, backing| ppgtt.withdraw(backing, roots[1]));
    assert_eq!(bed.ppgtt.counts().waiting, 2 + 3, "what only it had");
    bed.flush();

    assert_eq!(bed.ppgtt.counts().tops, 2);
    for number in [0, 2] {
        assert_eq!(bed.prepare(roots[number]), hosts[number]);
        judge(&bed, roots[number], hosts[number]);
    }
    bed.end();
}

#[test]
fn withdraw_with_three_levels_keeps_the_top_until_a_flush() {
    let mut bed = Bed::new();
    let root = three_levels(&mut bed);
    let host = bed.submit(root);
    let early = bed.ppgtt.begin_flush();
    bed.complete(root, host);
    bed.with(|ppgtt, backing| ppgtt.withdraw(backing, root));

    bed.with(|ppgtt, backing| ppgtt.flushed(backing, early));
    assert!(bed.ppgtt.is_flush_due());
    assert_eq!(bed.ppgtt.counts().waiting, 5 + 2);
    assert!(bed.state.borrow().page(host.0).is_some());
    bed.flush();

    assert_eq!(bed.ppgtt.counts(), Counts::default());
    bed.end();
}

#[test]
fn root_of_three_levels_stays_where_it_is_whatever_happens_to_its_directories() {
    let limits = Limits {
        tables: 12,
        ..Limits::DEFAULT
    };
    let mut bed = Bed::with_limits(limits);
    let root = three_levels(&mut bed);
    let host = bed.submit(root);
    let writes = |bed: &Bed| {
        let state = bed.state.borrow();
        let pml4 = state.page(host.0).unwrap();
        let pdp = state.page(pml4.entries[0] & !0xfff).unwrap();
        (pml4.entries.clone(), pdp.entries.clone())
    };
    let before = writes(&bed);

    // Each is emptied in place: its memory goes, or what it leads to has another meaning.
    bed.state.borrow_mut().gone.insert(12);
    bed.forget(0, 4096).unwrap();
    assert_eq!(bed.gpu(host, AT), None);
    assert_eq!(bed.prepare(root), host);
    bed.state.borrow_mut().gone.clear();
    bed.with(|ppgtt, backing| ppgtt.set_pages_64k(backing, true));
    assert_eq!(bed.prepare(root), host);
    // Others come and go, and take what is not pinned.
    for first in [30, 40, 50] {
        let other = bed.four_levels([first, first + 1, first + 2, first + 3]);
        let used = bed.submit(other);
        bed.complete(other, used);
    }
    assert_eq!(bed.ppgtt.counters().reclaimed, 2);

    assert_eq!(bed.prepare(root), host);
    assert_eq!(bed.gpu(host, AT), Some(dma(100)));
    assert!(writes(&bed) == before, "nothing changes on top");
    bed.end();
}

#[test]
fn prepare_when_shadows_run_out_takes_the_top_of_one_that_shares_all_else() {
    let limits = Limits {
        tables: 9,
        ..Limits::DEFAULT
    };
    let mut bed = Bed::with_limits(limits);
    let directory = bed.four_levels(TABLES);
    let shared = Root::ThreeLevel([Gfn(12); 4]);
    let hosts = [bed.submit(shared), bed.submit(directory)];
    bed.complete(shared, hosts[0]);

    let other = bed.four_levels([20, 21, 22, 13]);
    let host = bed.submit(other);
    assert_eq!(bed.ppgtt.counters().reclaimed, 0, "six and three");
    bed.write(20, 1, 23 << 12 | TABLE);
    bed.write(23, 0, 22 << 12 | TABLE);
    bed.prepare(other);

    assert_eq!(bed.gpu(host, 1 << 39), Some(dma(100)));
    let counts = bed.ppgtt.counts();
    assert_eq!((counts.tables, counts.tops), (8, 0));
    assert_eq!(bed.ppgtt.counters().reclaimed, 1);
    bed.end();
}

#[test]
fn prepare_with_three_levels_counts_the_top_against_the_limit() {
    for (tables, result) in [(4, Err(ENOSPC)), (5, Err(ENOSPC)), (6, Ok(()))] {
        let limits = Limits {
            tables,
            ..Limits::DEFAULT
        };
        let mut bed = Bed::with_limits(limits);
        let root = Root::ThreeLevel([20, 21, 22, 23].map(Gfn));
        bed.pin(root);

        assert_eq!(bed.try_prepare(root).map(drop), result);

        let counts = bed.ppgtt.counts();
        let there = if result.is_ok() { (4, 2) } else { (0, 0) };
        assert_eq!((counts.tables, counts.tops), there);
        bed.end();
    }
}

#[test]
fn prepare_with_three_levels_without_a_page_for_each_leaves_nothing() {
    const SCRATCH: usize = 4;
    for room in 0..6 {
        let mut bed = Bed::new();
        let root = three_levels(&mut bed);
        bed.state.borrow_mut().page_limit = SCRATCH + room;
        bed.pin(root);

        assert_eq!(bed.try_prepare(root), Err(ENOMEM));

        bed.flush();
        let counts = bed.ppgtt.counts();
        assert_eq!((counts.tables, counts.tops, counts.waiting), (0, 0, 0));
        assert_eq!(bed.state.borrow().pages.len(), SCRATCH);
        bed.state.borrow_mut().page_limit = usize::MAX;
        let host = bed.prepare(root);
        judge(&bed, root, host);
        bed.end();
    }
}

#[test]
fn clear_without_memory_and_flush_loses_no_page_of_a_top() {
    let ledger = Ledger::current();
    let mut bed = Bed::new();
    for number in 0..40 {
        // Tables of which most are shared: there are more pages on top than shadows.
        let root = Root::ThreeLevel([12, 12, 12, 20 + number % 3].map(Gfn));
        bed.submit(root);
        bed.submit(Root::ThreeLevel([12, 12, 20 + number, 12].map(Gfn)));
    }
    let before = bed.ppgtt.counts();
    bed.idle();
    bed.state.borrow_mut().flush_fails = true;

    ledger.fail_at(0, true);
    let cleared = bed.with(|ppgtt, backing| ppgtt.clear(backing));
    ledger.fail_none();

    assert_eq!(cleared, Err(EIO));
    assert_eq!(bed.ppgtt.counts().waiting, before.tables + before.tops);
    bed.state.borrow_mut().flush_fails = false;
    bed.end();
}
