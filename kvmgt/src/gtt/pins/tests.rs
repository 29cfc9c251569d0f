// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::testing::FakeGuest;
use kernel::testing::Ledger;
use std::vec::Vec;

fn pinned(guest: &FakeGuest) -> Vec<u64> {
    guest.pinned.keys().map(|gfn| gfn.0).collect()
}

#[test]
fn parked_page_stays_pinned_until_a_later_flush_has_ended() {
    let (mut pins, mut guest) = (Pins::new(), FakeGuest::default());
    pins.take(&mut guest, Gfn(3)).unwrap();
    pins.park(Gfn(3), Stamp(5));

    pins.flushed(&mut guest, Stamp(4));
    assert_eq!(pinned(&guest), [3]);
    pins.flushed(&mut guest, Stamp(5));

    assert!(guest.pinned.is_empty() && !pins.has_parked());
}

#[test]
fn parked_page_that_is_taken_again_is_not_pinned_anew_and_survives_the_flush() {
    let (mut pins, mut guest) = (Pins::new(), FakeGuest::default());
    let before = pins.take(&mut guest, Gfn(3)).unwrap();
    pins.park(Gfn(3), Stamp(0));

    let after = pins.take(&mut guest, Gfn(3)).unwrap();
    pins.flushed(&mut guest, Stamp(0));

    assert_eq!((before, pinned(&guest)), (after, std::vec![3]));
    pins.give_back(&mut guest, Gfn(3));
    assert!(guest.pinned.is_empty());
}

#[test]
fn parked_page_that_another_user_gives_back_waits_for_the_flush() {
    let (mut pins, mut guest) = (Pins::new(), FakeGuest::default());
    pins.take(&mut guest, Gfn(3)).unwrap();
    pins.take(&mut guest, Gfn(3)).unwrap();
    pins.park(Gfn(3), Stamp(0));

    pins.give_back(&mut guest, Gfn(3));

    assert_eq!(pinned(&guest), [3]);
    pins.flushed(&mut guest, Stamp(0));
    assert!(guest.pinned.is_empty());
}

#[test]
fn park_of_neighbours_takes_one_place_in_the_list() {
    let (mut pins, mut guest) = (Pins::new(), FakeGuest::default());
    let count = 4 * RUNS_MAX as u64;
    for gfn in 0..count {
        pins.take(&mut guest, Gfn(gfn)).unwrap();
    }
    for gfn in 0..count {
        pins.park(Gfn(gfn), Stamp(0));
    }

    assert!(!pins.is_crowded());
    pins.flushed(&mut guest, Stamp(0));
    assert!(guest.pinned.is_empty());
}

#[test]
fn park_of_more_than_the_list_holds_is_crowded_and_forgets_none() {
    let (mut pins, mut guest) = (Pins::new(), FakeGuest::default());
    let gfns = (0..2 * RUNS_MAX as u64).map(|number| Gfn(2 * number));
    for gfn in gfns.clone() {
        pins.take(&mut guest, gfn).unwrap();
    }
    for (number, gfn) in gfns.enumerate() {
        assert_eq!(pins.is_crowded(), number >= RUNS_MAX);
        pins.park(gfn, Stamp(number as u64 / 3));
    }
    let last = Stamp(2 * RUNS_MAX as u64 / 3);

    pins.flushed(&mut guest, Stamp(last.0 - 1));

    assert_eq!(guest.pinned.len(), 2 * RUNS_MAX - last.0 as usize * 3);
    pins.flushed(&mut guest, last);
    assert!(guest.pinned.is_empty() && !pins.has_parked());
}

#[test]
fn park_without_memory_forgets_none() {
    let (mut pins, mut guest) = (Pins::new(), FakeGuest::default());
    pins.take(&mut guest, Gfn(1)).unwrap();
    pins.take(&mut guest, Gfn(7)).unwrap();

    Ledger::current().fail_at(0, true);
    pins.park(Gfn(1), Stamp(0));
    pins.park(Gfn(7), Stamp(0));
    Ledger::current().fail_none();

    assert!(pins.is_crowded());
    pins.flushed(&mut guest, Stamp(0));
    assert!(guest.pinned.is_empty() && !pins.is_crowded());
}
