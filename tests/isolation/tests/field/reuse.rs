// SPDX-License-Identifier: GPL-2.0 OR MIT
//! gvt-linux #153: a guest uses the pages of its page tables for other data before it says DESTROY,
//! and writes them with any size and pattern. It was never fixed; products dropped GVT-g for it.

use super::assert_clean;
use super::noise::Noise;
use isolation::arena::{self, Arena};
use isolation::commands::{all, batch_in_ppgtt, copy_in_ppgtt, store, store_in_ppgtt};
use isolation::guest::{
    Notice, Spot, Tables, CONTEXT, DATA, ENGINES, FIRST, MAPPED, PPGTT, PRESENT, RING, SECRET,
    TABLES, UNMAPPED, WRITABLE,
};
use kvmgt_core::address::{Gfn, PAGE_SHIFT, PAGE_SIZE};
use std::time::{Duration, Instant};

/// Pages that are tables by turns, and something else.
const REUSED: Gfn = Gfn(0x3_0000);
/// How many: of four levels, or of three with four directories.
const REUSED_PAGES: u64 = 5;
/// Pages of its memory that it does not care about.
const SPARE: Gfn = Gfn(0x3_1000);
const SPARE_PAGES: u64 = 1 << 12;
/// The number of a page that it maps elsewhere at times.
const LAST: u64 = 7;
/// Writes between CREATE and DESTROY.
const WRITES: u64 = 250;
/// How often tables come and go in CI.
const LIVES: u64 = 4;
/// Garbage makes the mediator pin more than that.
const PINNED: usize = 100;
/// How long it goes on in `--full`, for each way to watch tables.
const LONG: Duration = Duration::from_secs(120);

/// Bits of an entry that mean something at one level at least: a large page, 64 KiB pages, caching.
const BITS: [u64; 6] = [0, 1 << 7, 1 << 11, 1 << 3, 1 << 4, 0xfff];
/// A context that everything runs in, one after the other.
const SPOT: Spot = Spot {
    image: CONTEXT,
    ring: RING,
    id: 153,
};

/// What a guest does, and in what order.
struct Reuse {
    noise: Noise,
    /// What it expects in its data.
    last: u32,
    /// Addresses that are not its own.
    forbidden: Vec<u64>,
    /// The most pages that were pinned at a time.
    most: usize,
}

impl Reuse {
    fn new(arena: &Arena<'_>, seed: u64) -> Self {
        let victim = &arena.guests[1];
        Self {
            noise: Noise::new(seed),
            last: 0,
            forbidden: vec![
                arena.hosts.1,
                victim.address(Gfn(FIRST.0 + SECRET)),
                victim.address(UNMAPPED),
                arena.guests[0].address(UNMAPPED),
            ],
            most: 0,
        }
    }

    /// Tables come, are used, become something else, and go.
    fn life(&mut self, arena: &mut Arena<'_>) {
        let guest = arena.attacker();
        let tables = match self.noise.below(4) {
            0 => guest.lay_out_three(REUSED, SPARE),
            _ => guest.lay_out(REUSED, SPARE),
        };
        guest.notify(tables, Notice::Create);
        self.use_tables(arena, tables, SPARE);
        for _ in 0..WRITES {
            let (gfn, offset, data) = self.write();
            arena.attacker().write_memory(gfn, offset, &data);
            match self.noise.below(16) {
                0 => self.use_tables(arena, TABLES_OF_OWN, MAPPED),
                1 => self.try_garbage(arena, tables),
                2 => self.write_by_engine(arena),
                _ => {}
            }
        }
        let guest = arena.attacker();
        guest.notify(tables, Notice::Destroy);
        self.use_tables(arena, TABLES_OF_OWN, MAPPED);
        arena.attacker().complaints();
    }

    /// A page of those, a place in it, and what is written there.
    fn write(&mut self) -> (Gfn, u64, Vec<u8>) {
        let noise = &mut self.noise;
        let gfn = Gfn(REUSED.0 + noise.below(REUSED_PAGES));
        let size = match noise.below(8) {
            7 => 1 + noise.below(PAGE_SIZE),
            6 => 1 + noise.below(64),
            _ => noise.of(&[1, 2, 4, 8, 16]),
        };
        let offset = noise.below(PAGE_SIZE - size + 1);
        let kind = noise.below(4);
        let step = if kind == 3 { 8 } else { 1 };
        let offset = offset / step * step;
        let mut data: Vec<u8> = match kind {
            // What pages are mostly full of: one byte, small numbers, anything.
            0 => vec![noise.next() as u8; size as usize],
            1 => (0..size).map(|byte| u8::from(byte % 8 == 0)).collect(),
            2 => (0..size).map(|_| noise.next() as u8).collect(),
            // And the worst: what looks like entries.
            _ => (0..size.div_ceil(8))
                .flat_map(|_| self.entry().to_le_bytes())
                .collect(),
        };
        data.truncate(size as usize);
        (gfn, offset, data)
    }

    /// An engine writes such a page, as data of another address space. Nobody is told of that.
    fn write_by_engine(&mut self, arena: &mut Arena<'_>) {
        let (gfn, offset, _) = self.write();
        let at = PPGTT + LAST * PAGE_SIZE + (offset & !7);
        let entry = self.entry();
        let guest = arena.attacker();
        guest.map_in_ppgtt(LAST, gfn.0 << PAGE_SHIFT | PRESENT | WRITABLE);
        let commands = all([
            store_in_ppgtt(at, entry as u32),
            store_in_ppgtt(at + 4, (entry >> 32) as u32),
        ]);
        guest.put_context(SPOT, TABLES_OF_OWN, false, &commands);
        let descriptor = guest.descriptor_of(SPOT, TABLES_OF_OWN);
        guest.submit_as(self.noise.of(&ENGINES), descriptor);
        arena.execute();
        let guest = arena.attacker();
        let found = [0, 1].map(|dword| guest.load(gfn, (offset & !7) / 4 + dword));
        assert_eq!(found, [entry as u32, (entry >> 32) as u32]);
        guest.lay_out(TABLES, MAPPED);
    }

    /// What a table could hold: of the other guest, of the host, of its own, and the tables again.
    fn entry(&mut self) -> u64 {
        let noise = &mut self.noise;
        let target = match noise.below(4) {
            0 => noise.of(&self.forbidden),
            1 => (REUSED.0 + noise.below(REUSED_PAGES)) << PAGE_SHIFT,
            _ => (SPARE.0 + noise.below(SPARE_PAGES)) << PAGE_SHIFT,
        };
        target | PRESENT | WRITABLE | noise.of(&BITS)
    }

    /// It submits with tables that are right, and finds what it expects.
    fn use_tables(&mut self, arena: &mut Arena<'_>, tables: Tables, mapped: Gfn) {
        self.last += 1;
        let value = self.last;
        let engine = self.noise.of(&ENGINES);
        let guest = arena.attacker();
        let data = guest.gma(DATA);
        let commands = all([
            store(data, value),
            store_in_ppgtt(PPGTT, value),
            copy_in_ppgtt(PPGTT + PAGE_SIZE, PPGTT),
        ]);
        guest.put_context(SPOT, tables, false, &commands);
        let descriptor = guest.descriptor_of(SPOT, tables);
        guest.submit_as(engine, descriptor);
        arena.execute();
        let guest = arena.attacker();
        let found = [
            guest.load(Gfn(FIRST.0 + DATA), 0),
            guest.load(mapped, 0),
            guest.load(Gfn(mapped.0 + 1), 0),
        ];
        let said = guest.complaints();
        assert_eq!(found, [value; 3], "{engine:?}: {said:?}");
    }

    /// It submits with what its tables have become, all over the address space; and its engine may
    /// hang by that.
    fn try_garbage(&mut self, arena: &mut Arena<'_>, tables: Tables) {
        let reach = |noise: &mut Noise| match noise.below(3) {
            0 => PPGTT + noise.below(8) * PAGE_SIZE,
            1 => noise.below(1 << 32) & !7,
            _ => noise.below(1 << 48) & !7,
        };
        let mut commands = Vec::new();
        for _ in 0..32 {
            let [to, from] = [(); 2].map(|()| reach(&mut self.noise));
            commands.extend(store_in_ppgtt(to, 0xbad));
            commands.extend(copy_in_ppgtt(to + 8, from));
        }
        if self.noise.below(4) == 0 {
            // Even as commands, which are not privileged.
            commands.extend(batch_in_ppgtt(reach(&mut self.noise)));
        }
        let engine = self.noise.of(&ENGINES);
        let guest = arena.attacker();
        guest.put_context(SPOT, tables, false, &commands);
        let descriptor = guest.descriptor_of(SPOT, tables);
        guest.submit_as(engine, descriptor);
        if self.noise.below(2) == 0 {
            // While it runs.
            let (gfn, offset, data) = self.write();
            arena.attacker().write_memory(gfn, offset, &data);
        }
        arena.execute();
        let guest = arena.attacker();
        self.most = self.most.max(guest.pinned().len());
        guest.reset_engines();
        // It may have hit its own tables.
        guest.lay_out(TABLES, MAPPED);
    }
}

/// Tables that it goes on using meanwhile.
const TABLES_OF_OWN: Tables = Tables::Four(TABLES);

/// What a guest does that has its writes watched, or not, until there is enough.
fn reuse(watched: bool, seed: u64, mut is_enough: impl FnMut(u64) -> bool) {
    let mut lives = 0;
    let verdict = arena::run(|arena| {
        if watched {
            arena.attacker().watch();
        }
        arena.attacker().notify(TABLES_OF_OWN, Notice::Create);
        let mut reuse = Reuse::new(arena, seed);
        while !is_enough(lives) {
            reuse.life(arena);
            let seen = arena.look();
            assert_eq!(seen, Vec::<String>::new(), "seed {seed}, life {lives}");
            arena.check_work_of(1);
            lives += 1;
        }
        println!("{lives} lives, {} pages pinned at most", reuse.most);
        // Garbage did lead somewhere.
        assert!(reuse.most > PINNED, "{}", reuse.most);
    });
    assert_clean(&verdict, "all in all");
}

#[test]
fn gvt_linux_153_tables_that_become_other_data_while_all_writes_are_told() {
    reuse(true, 1, |lives| lives == LIVES);
}

#[test]
fn gvt_linux_153_tables_that_become_other_data_while_no_write_is_told() {
    reuse(false, 2, |lives| lives == LIVES);
}

#[test]
#[ignore = "takes minutes"]
fn gvt_linux_153_for_minutes() {
    for watched in [true, false] {
        let began = Instant::now();
        reuse(watched, 3, |lives| lives != 0 && began.elapsed() > LONG);
    }
}
