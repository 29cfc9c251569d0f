// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The golden snapshot: what a GPU holds before i915 programs it, whenever kvmgt asks for it.

use gen9_gpu::log::{Direction, Space};
use gen9_gpu::seed::{self, fixed};
use gen9_gpu::{EngineId, MmioOffset, Options};
use hosted_glue::bed::Bed;
use hosted_glue::client::Attachment;
use hosted_glue::machine::Machine;
use iface::registers::{self, Platform, Register, Source, DWORD};
use iface::snapshot::Blob;
use kernel::testing::Ledger;
use kvmgt_core::golden::FILE_SIZE;

/// The most register reads that a snapshot may take.
const MOST_READS: usize = 1500;
/// The most that the host half may have allocated.
const MOST_BYTES: isize = 32 << 10;
/// Seeds whose reset values are compared.
const SEEDS: [u64; 3] = [1, 2, 0xfeed_5eed];

/// All GPUs that GVT-g knows, by their names.
const PLATFORMS: [&str; 6] = ["bdw", "skl", "kbl", "bxt", "cfl", "cml"];
/// Registers whose reset value is taken from hardware on each of them, at least (Broadwell has
/// fewest: no table of MOCS).
const LEAST_COMPARED: usize = 150;
/// Secrets that firmware leaves in each of them, at least.
const LEAST_SECRETS: usize = 60;

/// The file `gvt_firmware` that an attached kvmgt shows.
fn firmware(kvmgt: &Attachment<'_>) -> Vec<u8> {
    let mut file = vec![0; FILE_SIZE + 1];
    let mut length = 0;
    while length < file.len() {
        match kvmgt
            .device()
            .golden()
            .read(length as u64, &mut file[length..])
        {
            0 => break,
            count => length += count,
        }
    }
    file.truncate(length);
    file
}

/// Bytes of the snapshot of a bound GPU.
fn snapshot(bed: &Bed) -> Vec<u8> {
    bed.attach().host().snapshot().unwrap().bytes().to_vec()
}

/// The registers that a GPU has by the register table, each with its row.
fn registers_of(bed: &Bed) -> Vec<(u32, &'static Register)> {
    let options = bed.machine().options();
    let vcs1 = bed.machine().model().engines(options.device_id).count() == 5;
    registers::rows(bed.machine().platform(), vcs1)
        .flat_map(|row| {
            let range = row.range();
            (range.offset..range.end())
                .step_by(DWORD as usize)
                .map(move |at| (at, row))
        })
        .collect()
}

#[test]
fn snapshot_of_every_platform_and_seed_is_the_reset_state() {
    for gpu in PLATFORMS {
        for seed in SEEDS {
            let gpu = format!("{gpu},seed={seed}");
            let bed = Bed::new(&gpu);
            let bytes = snapshot(&bed);
            let blob = Blob::new(&bytes).unwrap();
            // Another machine of that seed, which no driver has touched.
            let untouched = Machine::new(Options::parse(&gpu).unwrap());
            let mut compared = 0;
            let mut wrong = Vec::<(&str, Option<u32>, u32)>::new();
            for (offset, row) in registers_of(&bed) {
                let kept = blob.value(offset);
                if row.source == Source::Hardware {
                    let reset = untouched.read(offset);
                    if kept != Some(reset) {
                        wrong.push((row.name, kept, reset));
                    }
                    // The seed itself tells it too, where no fuse or strap decides.
                    if fixed::reason(offset).is_none() {
                        let model = bed.machine().model();
                        let told = seed::reset_value(model, seed, MmioOffset(offset));
                        assert_eq!(reset, told, "{gpu}: {} {offset:#x}", row.name);
                        compared += 1;
                    }
                } else if row.source != Source::MemoryController {
                    assert_eq!(kept, None, "{gpu}: {} is not from hardware", row.name);
                }
            }
            assert!(
                wrong.is_empty(),
                "{gpu}: kept, and after reset: {wrong:#x?}"
            );
            assert!(
                compared > LEAST_COMPARED,
                "{gpu}: only {compared} registers"
            );
        }
    }
}

#[test]
fn snapshot_differs_between_seeds_and_not_between_machines_of_one() {
    let of = |seed: u64| snapshot(&Bed::new(&format!("kbl,seed={seed}")));
    let [one, two, three] = SEEDS.map(of);
    assert!(one != two && two != three && three != one);
    assert!(one == of(SEEDS[0]), "two machines of one seed differ");
}

#[test]
fn snapshot_is_taken_before_anything_but_the_known_kinds_is_written() {
    for gpu in PLATFORMS {
        let bed = Bed::new(&format!("{gpu},seed=7"));
        let platform = bed.machine().platform();
        let bytes = snapshot(&bed);
        let last = Blob::new(&bytes).unwrap().ranges().last().unwrap().end() - DWORD;
        let model = bed.machine().gpu();
        let log = &model.uncore().log;

        let writes = log.writes_before_read_of(MmioOffset(last)).unwrap();

        assert!(!writes.is_empty());
        for write in writes {
            assert!(
                is_written_early(write.offset.0),
                "{gpu}: {} was written",
                write.offset
            );
            let row = registers::find(platform, false, write.offset.0);
            let golden = row.is_some_and(|row| row.source == Source::Hardware);
            assert!(!golden, "{gpu}: {row:?} is taken from hardware");
        }
    }
}

/// Whether i915 is known to write a register before the snapshot is taken.
fn is_written_early(offset: u32) -> bool {
    // Forcewake requests, FPGA_DBG, GDRST, and the error registers that are cleared: PGTBL_ER,
    // IPEIR, EIR and RING_FAULT.
    const REGISTERS: [u32; 9] = [
        0xa188, 0xa270, 0xa278, 0x4_2300, 0x941c, 0x2024, 0x2064, 0x20b0, 0x4094,
    ];
    // RING_HWSTAM and RING_RESET_CTL of each engine.
    const OF_ENGINES: [u32; 2] = [0x98, 0xd0];
    let engines = EngineId::ALL.iter().map(|engine| engine.mmio_base().0);
    REGISTERS.contains(&offset)
        || engines
            .into_iter()
            .any(|base| OF_ENGINES.iter().any(|at| base + at == offset))
}

#[test]
fn snapshot_costs_few_reads_and_little_memory() {
    for gpu in PLATFORMS {
        let ledger = Ledger::current();
        let before = ledger.live_bytes();
        let bed = Bed::new(gpu);
        let bytes = ledger.live_bytes() - before;
        let facts = bed.i915.snapshot().unwrap();
        println!(
            "{gpu}: {} registers, {bytes} bytes allocated",
            facts.registers
        );
        assert!(facts.registers as usize <= MOST_READS);
        assert!(bytes <= MOST_BYTES, "{gpu}: {bytes} bytes");
        assert!(
            bytes >= facts.bytes as isize,
            "the snapshot itself is counted"
        );
    }
}

#[test]
fn snapshot_reads_each_register_once() {
    let bed = Bed::new("kbl");
    // Before kvmgt comes, who reads some of them again.
    let accesses: Vec<_> = bed
        .machine()
        .gpu()
        .uncore()
        .log
        .accesses()
        .copied()
        .collect();
    let bytes = snapshot(&bed);
    for (offset, _) in Blob::new(&bytes).unwrap().registers() {
        let reads = accesses.iter().filter(|access| {
            (access.space, access.direction) == (Space::Register, Direction::Read)
                && access.offset.0 == offset
        });
        assert_eq!(reads.count(), 1, "{offset:#x}");
    }
}

#[test]
fn firmware_is_the_same_whenever_kvmgt_comes() {
    let mut bed = Bed::new("kbl,seed=11");
    let at_once = firmware(&bed.attach());
    assert_eq!(at_once.len(), FILE_SIZE);

    bed.i915.reset();
    bed.i915.sleep();
    assert!(firmware(&bed.attach()) == at_once, "after use");

    for _ in 0..2 {
        bed.i915.unbind();
        bed.i915.bind(0);
        assert!(!bed.i915.snapshot().unwrap().first_bind);
        assert!(firmware(&bed.attach()) == at_once, "after a rebind");
    }
}

#[test]
fn rebind_would_see_another_gpu_if_it_looked() {
    // What makes the test above mean something: the hardware has changed.
    let bed = Bed::new("kbl,seed=11");
    let golden = snapshot(&bed);
    let blob = Blob::new(&golden).unwrap();
    let changed = blob
        .registers()
        .filter(|(at, value)| bed.machine().read(*at) != *value)
        .count();
    assert!(changed > 0);
}

#[test]
fn snapshot_is_pristine_unless_another_driver_used_the_gpu() {
    let mut bed = Bed::new("kbl");
    let facts = |bed: &Bed| {
        let facts = bed.i915.snapshot().unwrap();
        (facts.pristine, facts.first_bind)
    };
    assert_eq!(facts(&bed), (true, true));

    bed.i915.unbind();
    bed.i915.bind(0);
    assert_eq!(facts(&bed), (true, false), "the first one counts");
}

#[test]
fn snapshot_carries_no_planted_secret() {
    for gpu in PLATFORMS {
        let gpu = format!("{gpu},seed=5");
        let untouched = Machine::new(Options::parse(&gpu).unwrap());
        let planted = seed::secrets(untouched.options().platform, 5)
            .filter(|(offset, secret)| untouched.read(offset.0) == *secret);
        assert!(
            planted.count() > LEAST_SECRETS,
            "{gpu}: the GPU holds no secrets"
        );
        let bed = Bed::new(&gpu);
        let bytes = snapshot(&bed);
        let blob = Blob::new(&bytes).unwrap();
        let dwords = |bytes: &[u8]| -> Vec<u32> {
            let dwords = bytes.chunks_exact(4).map(|dword| dword.try_into().unwrap());
            dwords.map(u32::from_le_bytes).collect()
        };

        let secret = blob.registers().find(|(_, value)| seed::is_secret(*value));
        assert_eq!(secret, None, "{gpu}: in the snapshot");
        let secret = dwords(blob.config())
            .into_iter()
            .find(|value| seed::is_secret(*value));
        assert_eq!(secret, None, "{gpu}: in the configuration space");
        let file = firmware(&bed.attach());
        let secret = dwords(&file).into_iter().position(seed::is_secret);
        assert_eq!(secret, None, "{gpu}: in gvt_firmware, as dword");
    }
}

#[test]
fn snapshot_of_the_configuration_space_says_what_the_gpu_is_and_no_address() {
    let bed = Bed::new("kbl,seed=5");
    let bytes = snapshot(&bed);
    let config = Blob::new(&bytes).unwrap().config();
    let dword = |at: usize| u32::from_le_bytes(config[at..at + 4].try_into().unwrap());
    assert_ne!(
        bed.machine().config_read(0x10) & !0xf,
        0,
        "firmware has assigned an address"
    );
    for bar in (0x10..0x28).step_by(4) {
        assert_eq!(dword(bar) & !0xf, 0, "BAR at {bar:#x}");
    }
    assert_eq!(
        dword(0x04) & 0b111,
        0,
        "a guest finds the device switched off"
    );
    for same in [0x00, 0x08, 0x2c] {
        assert_eq!(
            dword(same),
            bed.machine().config_read(same as u8),
            "{same:#x}"
        );
    }
}

#[test]
fn every_platform_attaches() {
    for platform in Platform::ALL {
        let bed = Bed::new(platform.name());
        assert_eq!(bed.attach().device().model().platform, platform);
    }
}
