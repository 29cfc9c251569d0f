// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Whatever a guest writes into its tables, and its client does to its memory: the GPU's view is
//! the guest's at each submission, and every entry leads to a page that is pinned, or to scratch.

use super::history::{run, Step, ROOTS};
use super::*;
use proptest::prelude::*;

/// Pages that tables, and what they lead to, are mostly made of.
const PAGES: u64 = 10;
/// Entries that are mostly written.
const INDEXES: [usize; 6] = [0, 1, 15, 16, 17, 511];

/// Histories, if `PROPTEST_CASES` does not ask for more.
const CASES: u32 = 100_000;

fn entry() -> impl Strategy<Value = u64> {
    let gfn = prop_oneof![20 => 0..PAGES, 1 => 4094..4098_u64];
    let bits = prop_oneof![8 => Just(TABLE), 2 => Just(PAGES_64K), 1 => 0..0x80_u64, 1 => Just(0)];
    let large = prop_oneof![Just(0_u64), Just(512), Just(1024)];
    prop_oneof![
        20 => (gfn, bits).prop_map(|(gfn, bits)| gfn << 12 | bits),
        1 => (large, 0..2_u64).prop_map(|(gfn, pat)| gfn << 12 | pat << 12 | LARGE),
        2 => Just(0),
        1 => any::<u64>(),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let index = prop::sample::select(&INDEXES[..]);
    let bytes = prop::collection::vec(any::<u8>(), 1..20);
    prop_oneof![
        30 => (0..PAGES, index, entry()).prop_map(|(gfn, index, entry)| Step::Entry(gfn, index, entry)),
        2 => (0..PAGES, 0..4076_usize, bytes).prop_map(|(gfn, at, bytes)| Step::Bytes(gfn, at, bytes)),
        1 => (0..PAGES, 0..5000_u64, 0..9000_u64).prop_map(|(gfn, at, size)| Step::Lie(gfn, at, size)),
        2 => (0..ROOTS.len()).prop_map(Step::Announce),
        2 => (0..ROOTS.len()).prop_map(Step::Withdraw),
        12 => (0..ROOTS.len()).prop_map(Step::Submit),
        8 => Just(Step::Complete),
        3 => Just(Step::BeginFlush),
        3 => Just(Step::EndFlush),
        2 => (0..PAGES, 1..4_u64, any::<bool>()).prop_map(|(gfn, count, gone)| Step::Forget(gfn, count, gone)),
        1 => Just(Step::Forget(700, 1, false)),
        2 => Just(Step::Return),
        1 => (0..12_usize).prop_map(Step::PinLimit),
        1 => Just(Step::PinLimit(usize::MAX)),
        1 => (4..30_usize).prop_map(Step::PageLimit),
        1 => Just(Step::PageLimit(usize::MAX)),
        1 => any::<bool>().prop_map(Step::Pages64k),
        1 => any::<bool>().prop_map(Step::FlushFails),
        1 => Just(Step::Clear),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(CASES),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn history_of_any_kind_keeps_the_views_equal_and_every_entry_harmless(
        tracks: bool,
        tables in prop_oneof![3 => Just(8192_usize), 1 => 4..40_usize],
        // Most are short: how many there are says more than how long they are.
        steps in prop_oneof![
            3 => prop::collection::vec(step(), 1..40),
            1 => prop::collection::vec(step(), 1..80),
        ],
    ) {
        run(tracks, tables, steps);
    }
}
