// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::golden::{BadFile, FILE_SIZE};
use crate::testing::{self, FakeHost, IDS, PLATFORM};
use iface::registers::{hardware_ranges, Range};
use iface::snapshot::{blob_size, BlobWriter, CONFIG_SIZE};
use kernel::testing::fail_each_alloc_with;
use std::vec::Vec;

fn pattern(offset: u32) -> u32 {
    offset ^ 0x5a5a_0001
}

/// A snapshot of the given ranges.
fn snapshot(platform: Platform, ranges: &[Range]) -> Vec<u8> {
    let values = ranges.iter().map(|r| r.size as usize / 4).sum();
    let mut bytes = vec![0; blob_size(ranges.len(), values).unwrap()];
    let mut config = [0; CONFIG_SIZE];
    config[0..4].copy_from_slice(&[0x86, 0x80, 0x12, 0x19]);
    config[8] = IDS.revision;
    let mut writer =
        BlobWriter::new(&mut bytes, platform, false, ranges.len(), values, &config).unwrap();
    for range in ranges {
        writer.range(*range, pattern).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

fn all_ranges() -> Vec<Range> {
    hardware_ranges(PLATFORM, false).collect()
}

fn host() -> FakeHost {
    FakeHost::new(
        testing::info(256 << 20),
        Ok(snapshot(PLATFORM, &all_ranges())),
    )
}

fn device(host: &FakeHost) -> Result<Device, Failure> {
    Device::new(host, Version::CURRENT, 1)
}

fn failure(host: &FakeHost) -> Failure {
    match device(host) {
        Ok(_) => panic!("attached"),
        Err(failure) => failure,
    }
}

#[test]
fn new_with_a_whole_snapshot_takes_every_register_from_it() {
    let device = device(&host()).unwrap();

    assert_eq!(device.golden().lacking(), 0);
    for range in all_ranges() {
        for offset in (range.offset..range.end()).step_by(4) {
            assert_eq!(
                device.golden().register(offset),
                pattern(offset),
                "{offset:#x}"
            );
        }
    }
}

#[test]
fn new_with_a_snapshot_that_lacks_registers_counts_them() {
    let mut ranges = all_ranges();
    // One run away, and the first register of another, as a host of an older table would have it.
    let gone = ranges.remove(3);
    ranges[5].offset += 4;
    ranges[5].size -= 4;
    ranges.retain(|range| range.size > 0);
    let host = FakeHost {
        snapshot: Ok(snapshot(PLATFORM, &ranges)),
        ..host()
    };

    let device = device(&host).unwrap();

    assert_eq!(device.golden().lacking(), gone.size / 4 + 1);
}

#[test]
fn new_with_a_snapshot_of_more_registers_ignores_the_others() {
    let mut ranges = all_ranges();
    let last = ranges.last().unwrap().end();
    ranges.push(Range {
        offset: last + 0x100,
        size: 16,
    });
    let host = FakeHost {
        snapshot: Ok(snapshot(PLATFORM, &ranges)),
        ..host()
    };

    let device = device(&host).unwrap();

    assert_eq!(device.golden().lacking(), 0);
    assert_eq!(device.golden().register(last + 0x100), 0);
}

#[test]
fn new_without_a_snapshot_fails_with_the_host_error() {
    let host = FakeHost {
        snapshot: Err(EIO),
        ..host()
    };

    assert_eq!(failure(&host), Failure::NoSnapshot(EIO));
    assert_eq!(failure(&host).error(), ENODEV);
}

#[test]
fn new_with_any_damaged_byte_of_the_snapshot_fails_cleanly() {
    let good = host().snapshot.unwrap();

    for at in (0..good.len()).step_by(37) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        let host = FakeHost {
            snapshot: Ok(bytes),
            ..host()
        };
        let failure = failure(&host);
        assert!(matches!(failure, Failure::Damaged(_)), "{at}: {failure}");
    }
}

#[test]
fn new_with_a_snapshot_of_another_platform_or_device_fails() {
    let other_platform = FakeHost {
        snapshot: Ok(snapshot(Platform::Kbl, &all_ranges())),
        ..host()
    };
    let mut other_device = host();
    other_device.info.device = 0x5916;

    for host in [other_platform, other_device] {
        assert!(matches!(failure(&host), Failure::Foreign { .. }));
    }
}

#[test]
fn new_on_an_unknown_platform_fails() {
    let mut host = host();
    host.info.platform = 99;

    assert_eq!(failure(&host), Failure::Platform(99));
}

#[test]
fn use_file_saved_from_the_same_gpu_changes_nothing() {
    let mut device = device(&host()).unwrap();
    let mut before = vec![0; FILE_SIZE];
    device.golden().read(0, &mut before);

    device.use_file(&before).unwrap();

    let mut after = vec![0; FILE_SIZE];
    device.golden().read(0, &mut after);
    assert!(before == after);
}

#[test]
fn use_file_takes_registers_that_differ() {
    let mut device = device(&host()).unwrap();
    let offset = all_ranges()[0].offset;

    device
        .use_file(&file_with(&device, 4144 + offset as usize, &[1, 2, 3, 4]))
        .unwrap();

    assert_eq!(device.golden().register(offset), 0x0403_0201);
}

#[test]
fn s_81_use_file_does_not_take_the_configuration_space() {
    let mut device = device(&host()).unwrap();
    let before = device.golden().config().to_vec();
    // Addresses in BARs, and whatever else is behind what identifies the device.
    let secrets = [0xfe; 4096 - 16];

    device
        .use_file(&file_with(&device, 48 + 16, &secrets))
        .unwrap();

    assert_eq!(device.golden().config(), before);
}

/// The file of a device with some bytes replaced, and a checksum that fits.
fn file_with(device: &Device, at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0; FILE_SIZE];
    device.golden().read(0, &mut file);
    file[at..at + bytes.len()].copy_from_slice(bytes);
    let mut crc = crc32fast::Hasher::new_with_initial(!0);
    crc.update(&file[12..]);
    file[8..12].copy_from_slice(&(!crc.finalize()).to_le_bytes());
    file
}

#[test]
fn use_file_that_is_damaged_keeps_the_snapshot() {
    let mut device = device(&host()).unwrap();
    let offset = all_ranges()[0].offset;

    let error = device.use_file(&[0; 100]);

    let bad = BadFile::Size { found: 100 };
    assert_eq!(error, Err(FileError::Bad(bad)));
    assert_eq!(device.golden().register(offset), pattern(offset));
}

#[test]
fn allocation_failure_anywhere_in_attaching_is_a_clean_error() {
    let host = host();

    let sites = fail_each_alloc_with(
        || device(&host).map(drop),
        |failure| failure.error() == ENOMEM,
    );

    assert!(sites >= 3, "only {sites} allocations");
}
