// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the hardening list has that is no attack of a guest: closing at any point, and two GPUs.

use gen9_gpu::gpu::DEFAULT_SLICE;
use gvt_host::events;
use isolation::arena::{self, Arena, Verdict};
use isolation::attacks;
use isolation::commands::{all, store, store_in_ppgtt, wait};
use isolation::guest::{Notice, Tables, BATCH, DATA, ENGINES, PPGTT, PRESENT, TABLES, WRITABLE};
use std::fs;
use std::path::{Path, PathBuf};

/// How far a guest's work is.
const PLACES: [fn(&mut Arena<'_>); 4] = [
    |_| {},
    // It waits on all engines.
    |arena| {
        arena.card().run_engines();
    },
    // It was executed, and nobody knows.
    |arena| {
        release(arena);
        arena.machine().gpu().run(DEFAULT_SLICE);
    },
    |arena| {
        release(arena);
        arena.execute();
    },
];

fn release(arena: &Arena<'_>) {
    let guest = &arena.guests[0];
    guest.put(BATCH, &[1]);
}

/// A guest has work on all engines, which waits in its midst.
fn submit(arena: &mut Arena<'_>) {
    let guest = arena.attacker();
    guest.put(BATCH, &[0]);
    let (flag, data) = (guest.gma(BATCH), guest.gma(DATA));
    guest.context(&all([
        store_in_ppgtt(PPGTT, 1),
        wait(flag, 1),
        store(data, 1),
    ]));
    for engine in ENGINES {
        guest.submit(engine);
    }
}

#[track_caller]
fn assert_clean(verdict: &Verdict) {
    assert_eq!(verdict.violations, Vec::<String>::new());
    assert_eq!(verdict.left, Vec::<String>::new());
}

/// Somebody closes a vGPU, and opens it again, after something was done at each place of its work.
fn close_behind(act: impl Fn(&mut Arena<'_>), then: impl Fn(&mut Arena<'_>)) {
    let verdict = arena::run(|arena| {
        for place in PLACES {
            submit(arena);
            place(arena);
            arena.judge.look(&arena.guests);
            act(arena);
            let before = arena.judge.remember(&arena.guests);
            arena.attacker().open_again();
            arena.judge.look_back(&before);
            then(arena);
            arena.execute();
            arena.check_work();
        }
    });
    assert_clean(&verdict);
}

/// GDRST: all, render, video, blitter, and the latter two (PRM Vol 2c).
const RESETS: [u32; 5] = [1 << 0, 1 << 1, 1 << 2, 1 << 3, 3 << 2];

#[test]
fn s_29_storm_of_resets_and_then_close_wait_for_no_workload() {
    let verdict = arena::run(|arena| {
        for place in PLACES {
            for reset in RESETS.into_iter().cycle().take(40) {
                submit(arena);
                place(arena);
                arena.judge.look(&arena.guests);
                let before = arena.judge.remember(&arena.guests);
                arena.attacker().set("GEN6_GDRST", reset);
                arena.attacker().start_engines();
                submit(arena);
                arena.judge.look_back(&before);
            }
            let before = arena.judge.remember(&arena.guests);
            arena.attacker().open_again();
            arena.judge.look_back(&before);
            arena.check_work();
        }
    });
    assert_clean(&verdict);
}

#[test]
fn s_70_close_while_work_is_scheduled_executed_or_done() {
    close_behind(|_| {}, |_| {});
}

#[test]
fn s_70_close_right_behind_writes_to_watched_tables() {
    close_behind(
        |arena| {
            let guest = arena.attacker();
            guest.watch();
            guest.notify(Tables::Four(TABLES), Notice::Create);
            for index in 0..64 {
                guest.write_entry(TABLES, index, PRESENT | WRITABLE);
            }
        },
        |arena| {
            // Told late: nobody watches any more.
            let entry = PRESENT | WRITABLE;
            arena.attacker().write_entry(TABLES, 0, entry);
            arena.attacker().start_again();
        },
    );
}

#[test]
fn s_70_close_in_the_midst_of_a_reset_of_the_hosts_gpu() {
    close_behind(|arena| arena.begin_reset(), |arena| arena.end_reset());
}

#[test]
fn s_70_close_between_suspend_and_resume_of_the_host() {
    close_behind(
        |arena| events::suspend(arena.card()),
        |arena| events::resume(arena.card()),
    );
}

#[test]
fn s_71_two_gpus_of_different_kinds_share_nothing() {
    let mut inner = Verdict::default();
    let outer = arena::run_on("kbl,display=off", |kbl| {
        inner = arena::run_on("bdw,display=off", |bdw| {
            kbl.check_work();
            bdw.check_work();
            // What is written on one is not seen on the other, by anybody of the same number.
            for name in [
                "s_28_registers_of_the_whole_gpu",
                "s_21_registers",
                "ggtt_entries",
            ] {
                (attacks::named(name).run)(kbl);
                bdw.check_work();
                assert_eq!(bdw.look_at_all(), Vec::<String>::new(), "{name}");
                (attacks::named(name).run)(bdw);
                kbl.check_work_of(1);
                assert_eq!(kbl.look_at_all(), Vec::<String>::new(), "{name}");
            }
            // One of them goes away while the other one works.
            bdw.sleep();
            kbl.check_work_of(1);
        });
        kbl.check_work_of(1);
    });
    assert_clean(&inner);
    assert_clean(&outer);
}

/// Source files of a crate.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it is there");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    let found = paths.flat_map(|path| match path.is_dir() {
        true => sources(&path),
        false => vec![path],
    });
    found.collect()
}

/// The mediator has no variable that all devices would share; holes that tests open are one.
#[test]
fn s_71_no_state_is_shared_by_all_devices() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folders = ["kvmgt/src", "i915-gvt-host/src", "iface/src"];
    let files = folders
        .iter()
        .flat_map(|folder| sources(&root.join(folder)));
    let mut read = 0;
    let is_shipped = |path: &PathBuf| {
        let mut parts = path.iter().filter_map(|part| part.to_str());
        let others = ["tests", "tests.rs", "testing.rs", "mutant.rs"];
        // The first ones are those of this crate.
        !parts
            .by_ref()
            .skip_while(|part| *part != "..")
            .any(|part| others.contains(&part))
    };
    for path in files.filter(is_shipped) {
        let text = fs::read_to_string(&path).expect("it can be read");
        read += 1;
        for line in text.lines().map(str::trim_start) {
            let is_static = [
                "static ",
                "pub static ",
                "pub(crate) static ",
                "pub(super) static ",
            ]
            .iter()
            .any(|start| line.starts_with(start));
            let changes = ["mut ", "Atomic", "Mutex", "Lock", "Cell", "Once"];
            let can_change = changes.iter().any(|word| line.contains(word));
            assert!(!is_static || !can_change, "{}: {line}", path.display());
        }
    }
    assert!(read > 100, "{read} files");
}
