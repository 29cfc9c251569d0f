// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use kernel::testing;
use std::vec::Vec;

/// The default GPU of the test bed: Kaby Lake GT2, revision 2.
const IDS: PciIds = PciIds {
    vendor: 0x8086,
    device: 0x5916,
    revision: 2,
};
const MODEL: Model = Model {
    platform: Platform::Kbl,
    vcs1: false,
};
/// Where the fields of the header are.
const CHECKSUM: usize = 8;
const PLACES: [usize; 4] = [16, 24, 32, 40];

/// A configuration space of the default GPU with a mark in every other byte.
fn config() -> [u8; CONFIG_SIZE] {
    let mut config = core::array::from_fn(|i| (i * 7) as u8);
    config[0..4].copy_from_slice(&[0x86, 0x80, 0x16, 0x59]);
    config[8] = IDS.revision;
    config
}

/// A value for every register, different from its neighbours'.
fn pattern(offset: u32) -> u32 {
    offset.wrapping_mul(0x9e37_79b1) | 1
}

fn sample() -> Golden {
    Golden::from_snapshot(MODEL, &config(), |offset| Some(pattern(offset))).unwrap()
}

/// All of the file, read in one go.
fn whole(golden: &Golden) -> Vec<u8> {
    let mut file = vec![0xaa; FILE_SIZE + 1];
    assert_eq!(golden.read(0, &mut file), FILE_SIZE);
    file.truncate(FILE_SIZE);
    file
}

/// The kernel's `crc32_le(0, ..)` by an implementation that is not ours.
fn crc32_le(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(!0);
    hasher.update(bytes);
    !hasher.finalize()
}

/// The file with its checksum made right again.
fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    let crc = crc32_le(&file[CHECKED_OFFSET..]);
    file[CHECKSUM..CHECKED_OFFSET].copy_from_slice(&crc.to_le_bytes());
    file
}

fn refusal(file: &[u8]) -> BadFile {
    match Golden::from_file(MODEL, IDS, file) {
        Ok(_) => panic!("accepted"),
        Err(FileError::Bad(bad)) => bad,
        Err(FileError::Failed(e)) => panic!("{e:?}"),
    }
}

fn dword(file: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(file[offset..offset + 4].try_into().unwrap())
}

fn mmio(file: &[u8], offset: u32) -> u32 {
    dword(file, 4144 + offset as usize)
}

#[test]
fn file_has_the_size_and_header_that_the_c_driver_expects() {
    let file = whole(&sample());

    assert_eq!(file.len(), 2_101_296);
    assert_eq!(&file[0..8], b"vGTvGTvG");
    assert_eq!(dword(&file, 12), 0, "version");
    let places = PLACES.map(|at| u64::from_le_bytes(file[at..at + 8].try_into().unwrap()));
    assert_eq!(places, [4096, 48, 2 << 20, 4144]);
    assert_eq!(dword(&file, CHECKSUM), crc32_le(&file[12..]));
    assert_eq!(file[48..4144], config());
}

#[test]
fn file_holds_each_register_at_its_place() {
    let file = whole(&sample());
    let mut from_hardware = 0;

    for row in registers::rows(MODEL.platform, MODEL.vcs1) {
        for offset in dwords(row.range()) {
            let expected = match row.source {
                Source::Hardware => pattern(offset),
                Source::MemoryController => continue,
                _ => row.default,
            };
            from_hardware += usize::from(row.source == Source::Hardware);
            assert_eq!(mmio(&file, offset), expected, "{} {offset:#x}", row.name);
        }
    }

    assert!(from_hardware > 500, "only {from_hardware}");
}

#[test]
fn read_of_any_piece_equals_that_piece_of_the_whole() {
    let golden = sample();
    let file = whole(&golden);
    // Around every border between parts, and through runs of registers.
    let starts = [
        0,
        5,
        7,
        8,
        11,
        12,
        40,
        47,
        48,
        49,
        4143,
        4144,
        4145,
        0x2000 + 4146,
    ];
    let last = FILE_SIZE - 3;

    for start in starts.into_iter().chain([last, FILE_SIZE, FILE_SIZE + 1]) {
        for len in [0, 1, 2, 3, 4, 5, 37, 4097] {
            let mut piece = vec![0xaa; len];
            let read = golden.read(start as u64, &mut piece);
            let end = (start + len).min(FILE_SIZE);
            let expected = file.get(start..end).unwrap_or_default();
            assert_eq!(&piece[..read], expected, "{len} at {start}");
        }
    }
}

#[test]
fn read_at_the_largest_offset_gives_nothing() {
    assert_eq!(sample().read(u64::MAX, &mut [0; 16]), 0);
}

#[test]
fn file_made_from_a_golden_state_gives_the_same_state() {
    let file = whole(&sample());

    let again = Golden::from_file(MODEL, IDS, &file).unwrap();

    assert!(whole(&again) == file);
    assert_eq!(again.lacking(), 0);
}

#[test]
fn registers_that_the_snapshot_lacks_take_their_default_and_are_counted() {
    let hardware: Vec<_> = registers::hardware_ranges(MODEL.platform, MODEL.vcs1)
        .flat_map(dwords)
        .collect();
    let missing = &hardware[..3];

    let golden = Golden::from_snapshot(MODEL, &config(), |offset| {
        (!missing.contains(&offset)).then(|| pattern(offset))
    })
    .unwrap();

    assert_eq!(golden.lacking(), 3);
    for offset in missing {
        let row = registers::find(MODEL.platform, MODEL.vcs1, *offset).unwrap();
        assert_eq!(golden.register(*offset), row.default, "{}", row.name);
    }
    assert_eq!(golden.register(hardware[3]), pattern(hardware[3]));
}

#[test]
fn short_configuration_space_is_filled_with_zeros() {
    let golden = Golden::from_snapshot(MODEL, &config()[..256], |_| Some(0)).unwrap();

    assert_eq!(golden.config()[..256], config()[..256]);
    assert_eq!(golden.config()[256..], [0; CONFIG_SIZE - 256]);
}

#[test]
fn configuration_space_longer_than_there_is_room_is_refused() {
    let long = [0; CONFIG_SIZE + 1];

    let golden = Golden::from_snapshot(MODEL, &long, |_| Some(0));

    assert_eq!(golden.err(), Some(EINVAL));
}

#[test]
fn every_platform_makes_a_golden_state_that_reads_back() {
    for platform in Platform::ALL {
        for vcs1 in [false, true] {
            let model = Model { platform, vcs1 };
            let golden =
                Golden::from_snapshot(model, &config(), |offset| Some(pattern(offset))).unwrap();
            let file = whole(&golden);
            let again = Golden::from_file(model, IDS, &file).unwrap();
            assert!(whole(&again) == file, "{model:?}");
        }
    }
}

#[test]
fn no_row_inside_the_memory_controller_mirror_has_a_default_of_its_own() {
    // The golden state takes only hardware ranges from there.
    for row in registers::TABLE {
        if MCHBAR_MIRROR.contains(row.offset) && row.source != Source::Hardware {
            assert_eq!(row.default, 0, "{}", row.name);
        }
    }
}

#[test]
fn tracked_counts_what_the_c_driver_counts() {
    let expected = [
        (Platform::Bdw, 1249, 1295),
        (Platform::Skl, 2019, 2066),
        (Platform::Kbl, 2020, 2067),
        (Platform::Bxt, 2262, 2317),
        (Platform::Cfl, 2020, 2067),
        (Platform::Cml, 2020, 2067),
    ];

    for (platform, without, with) in expected {
        let tracked = |vcs1| Model { platform, vcs1 }.tracked();
        assert_eq!(
            (tracked(false), tracked(true)),
            (without, with),
            "{platform}"
        );
    }
}

#[test]
fn file_name_is_the_one_that_administrators_know() {
    let ids = PciIds {
        vendor: 0x8086,
        device: 0x191,
        revision: 6,
    };

    assert_eq!(
        FileName(ids).to_string(),
        "i915/gvt/vid_0x8086_did_0x0191_rid_0x06.golden_hw_state"
    );
}

#[test]
fn allocation_failure_anywhere_is_a_clean_error_from_a_snapshot() {
    let config = config();

    let sites = testing::fail_each_alloc(|| {
        Golden::from_snapshot(MODEL, &config, |offset| Some(pattern(offset))).map(drop)
    });

    assert!(sites >= 3, "only {sites} allocations");
}

#[test]
fn allocation_failure_anywhere_is_a_clean_error_from_a_file() {
    let file = whole(&sample());

    let sites = testing::fail_each_alloc_with(
        || Golden::from_file(MODEL, IDS, &file).map(drop),
        |error| *error == FileError::Failed(ENOMEM),
    );

    assert!(sites >= 3, "only {sites} allocations");
}

#[test]
fn s_80_file_of_any_other_size_is_refused_before_anything_is_read() {
    let file = whole(&sample());
    let mut longer = file.clone();
    longer.push(0);
    let twice = [&file[..], &file[..]].concat();

    for len in [
        0,
        1,
        7,
        8,
        12,
        47,
        48,
        4143,
        4144,
        4145,
        FILE_SIZE / 2,
        FILE_SIZE - 1,
    ] {
        let cut = sealed_if_possible(&file[..len]);
        assert_eq!(refusal(&cut), BadFile::Size { found: len });
    }
    for file in [longer, twice] {
        let found = file.len();
        assert_eq!(refusal(&sealed(file)), BadFile::Size { found });
    }
}

/// A short file cannot hold a checksum.
fn sealed_if_possible(file: &[u8]) -> Vec<u8> {
    match file.len() {
        0..=CHECKED_OFFSET => file.to_vec(),
        _ => sealed(file.to_vec()),
    }
}

#[test]
fn s_80_hostile_sizes_and_offsets_with_a_right_checksum_are_refused() {
    let good = whole(&sample());
    let size = FILE_SIZE as u64;
    let hostile = [
        0,
        1,
        47,
        size - 1,
        size,
        size + 1,
        1 << 31,
        1 << 32,
        1 << 63,
        !0,
        !0 - 4095,
    ];

    for at in PLACES {
        for value in hostile {
            let mut file = good.clone();
            file[at..at + 8].copy_from_slice(&value.to_le_bytes());
            let refusal = refusal(&sealed(file));
            let BadFile::Field { found, .. } = refusal else {
                panic!("{value:#x} at {at}: {refusal}");
            };
            assert_eq!(found, value);
        }
    }
}

#[test]
fn s_80_any_damaged_byte_is_noticed() {
    let mut file = whole(&sample());
    let everywhere = (0..64)
        .chain((64..FILE_SIZE).step_by(9973))
        .chain([FILE_SIZE - 1]);

    for at in everywhere {
        for bit in [0x01, 0x80] {
            file[at] ^= bit;
            let text = refusal(&file).to_string();
            assert!(!text.contains('\n') && text.len() < 120, "{text}");
            file[at] ^= bit;
        }
    }
    assert!(
        Golden::from_file(MODEL, IDS, &file).is_ok(),
        "undamaged again"
    );
}

#[test]
fn s_80_garbage_of_the_right_size_is_refused() {
    assert_eq!(refusal(&vec![0; FILE_SIZE]), BadFile::Magic);
    assert_eq!(refusal(&vec![0xff; FILE_SIZE]), BadFile::Magic);
}

#[test]
fn s_80_file_of_another_gpu_is_refused() {
    let file = whole(&sample());
    let others = [
        PciIds {
            vendor: 0x8087,
            ..IDS
        },
        PciIds {
            device: 0x1912,
            ..IDS
        },
        PciIds { revision: 6, ..IDS },
    ];

    for expected in others {
        let error = Golden::from_file(MODEL, expected, &file).err();
        let bad = BadFile::Device {
            found: IDS,
            expected,
        };
        assert_eq!(error, Some(FileError::Bad(bad)));
    }
}

#[test]
fn s_81_host_state_outside_of_hardware_registers_is_never_taken() {
    // A late snapshot, or a file the C driver saved late: something of the host everywhere.
    const SECRET: u32 = 0xfee0_1234;

    let golden = Golden::from_snapshot(MODEL, &config(), |_| Some(SECRET)).unwrap();

    let mut checked = 0;
    for row in registers::rows(MODEL.platform, MODEL.vcs1) {
        if !matches!(row.source, Source::Hardware | Source::MemoryController) {
            for offset in dwords(row.range()) {
                assert_eq!(golden.register(offset), row.default, "{}", row.name);
                assert_ne!(row.default, SECRET, "{}", row.name);
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "only {checked}");
}

#[test]
fn s_81_file_full_of_host_state_gives_defaults_too() {
    const SECRET: [u8; 4] = [0x34, 0x12, 0xe0, 0xfe];
    let mut file = whole(&sample());
    for register in file[4144..].chunks_exact_mut(4) {
        register.copy_from_slice(&SECRET);
    }

    let golden = Golden::from_file(MODEL, IDS, &sealed(file)).unwrap();

    let scrubbed = registers::rows(MODEL.platform, MODEL.vcs1)
        .filter(|row| row.source == Source::Scrubbed)
        .collect::<Vec<_>>();
    assert!(!scrubbed.is_empty());
    for row in scrubbed {
        assert_eq!(golden.register(row.offset), row.default, "{}", row.name);
    }
}

#[test]
fn s_82_only_the_named_memory_controller_registers_reach_the_golden_state() {
    let golden = Golden::from_snapshot(MODEL, &config(), |_| Some(!0)).unwrap();
    let file = whole(&golden);
    let named =
        |offset| registers::hardware_ranges(MODEL.platform, MODEL.vcs1).any(|r| r.contains(offset));

    let present: Vec<u32> = dwords(MCHBAR_MIRROR)
        .filter(|o| mmio(&file, *o) != 0)
        .collect();

    assert!(!present.is_empty());
    assert!(present.len() < 32, "{} of the mirror", present.len());
    assert!(present.into_iter().all(named));
}
