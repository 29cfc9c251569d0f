// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The CPU's way to memory, through BAR 2: what entries of the GGTT lead to, and fences detile.

use super::tables::forbidden;
use crate::arena::Arena;
use crate::guest::{FIRST, PRESENT, UNMAPPED};
use crate::judge::Judge;
use kvmgt_core::address::{Gfn, PAGE_SHIFT, PAGE_SIZE};

/// Entries of the GGTT: where they begin in BAR 0, and bytes of one.
const TABLE: u64 = 8 << 20;
const ENTRY: u64 = 8;
/// A page of the guest's that it maps by turns, beside those that it has.
const OWN: Gfn = Gfn(FIRST.0 + 0x20);

/// A page of its part of the aperture is read and written, from end to end, and at its edges.
fn reach(arena: &mut Arena<'_>, page: u64, what: &str) {
    let planted: Vec<u32> = forbidden(arena)
        .into_iter()
        .map(|at| Judge::pattern(at & !(PAGE_SIZE - 1)))
        .collect();
    for at in (page..page + PAGE_SIZE).step_by(4) {
        let found = arena.exchange(at, 0xbad);
        if planted.contains(&found) {
            arena
                .judge
                .object(format!("{at:#x} shows a secret: {what}"));
        }
    }
    arena.judge.look(&arena.guests);
}

/// At the first, the last, and a middle page of the own part: entries that lead to what is not the
/// guest's, halves of entries, entries that are gone, and memory that is gone.
pub(super) fn aperture(arena: &mut Arena<'_>) {
    let own = arena.attacker().aperture();
    let pages = [own.start, own.end / 2 + own.start / 2, own.end - PAGE_SIZE];
    for page in pages.map(|page| page & !(PAGE_SIZE - 1)) {
        let mapped = OWN.0 << PAGE_SHIFT | PRESENT;
        let entry = TABLE + (page >> PAGE_SHIFT) * ENTRY;
        for target in forbidden(arena) {
            let target = target & !(PAGE_SIZE - 1);
            arena.attacker().map_address(page, target | PRESENT);
            reach(arena, page, "an address that is not its own");
            // From one to the other by halves and bytes, so that both are mixed.
            arena.attacker().map_address(page, mapped);
            let bytes = (target | PRESENT).to_le_bytes();
            for size in [1, 2, 4] {
                for (number, part) in bytes.chunks(size).enumerate() {
                    let at = entry + (number * size) as u64;
                    arena.attacker().write(at, part);
                    reach(arena, page, "a part of an entry");
                }
            }
        }
        arena.attacker().map_address(page, mapped);
        arena.attacker().map_address(page, UNMAPPED.0 << PAGE_SHIFT);
        reach(arena, page, "an entry that is not present");
        arena.attacker().map_address(page, mapped);
        arena.attacker().forget(OWN, 1);
        let before = arena.attacker().load(OWN, 7);
        reach(arena, page, "memory that is gone");
        if arena.attacker().load(OWN, 7) != before {
            arena.judge.object("memory that is gone was written".into());
        }
        arena.attacker().regain(OWN, 1);
    }
    arena.attacker().start_again();
}
