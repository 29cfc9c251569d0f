// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::testing::{self, FakeHost};
use iface::snapshot::CONFIG_SIZE;
use std::vec::Vec;

const MIB: u64 = 1 << 20;

/// Where the capabilities of the stand-in's configuration space are.
const MSI: u64 = 0xac;
const PM: u64 = 0xd0;

fn space_of(host: &FakeHost) -> ConfigSpace {
    let device = testing::device(host);
    let mut space = ConfigSpace::new(&device).unwrap();
    space.reset(&device);
    space
}

fn space() -> ConfigSpace {
    space_of(&testing::host(512 * MIB))
}

/// The configuration space that is made of a golden one.
fn space_from(config: [u8; CONFIG_SIZE]) -> ConfigSpace {
    let snapshot = testing::snapshot_of(&config);
    space_of(&FakeHost::new(testing::info(512 * MIB), Ok(snapshot)))
}

fn read<const N: usize>(space: &ConfigSpace, at: u64) -> [u8; N] {
    let mut data = [0xa5; N];
    space.read(at, &mut data).unwrap();
    data
}

fn dword(space: &ConfigSpace, at: u64) -> u32 {
    u32::from_le_bytes(read(space, at))
}

fn whole(space: &ConfigSpace) -> Vec<u8> {
    (0..SIZE as u64).map(|at| read::<1>(space, at)[0]).collect()
}

#[test]
fn reset_shows_the_golden_device_without_what_is_the_hosts() {
    let mut config = testing::config();
    config[0x06..0x08].copy_from_slice(&[0x18, 0xf9]);
    config[0x10..0x20].fill(0xff);
    config[0x30..0x34].fill(0xff);
    config[0x5c..0x60].fill(0xff);
    config[0xfc..0x100].fill(0xff);
    let space = space_from(config);

    assert_eq!(dword(&space, 0x00), 0x1912_8086);
    assert_eq!(dword(&space, 0x04), 0x0010_0000, "command and status");
    assert_eq!(dword(&space, 0x08), 0x0300_0006);
    assert_eq!(read::<8>(&space, 0x10), [0x04, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(read::<8>(&space, 0x18), [0x0c, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(read::<8>(&space, 0x20), [0; 8], "no I/O ports");
    assert_eq!(dword(&space, 0x2c), 0x2212_8086);
    assert_eq!(dword(&space, 0x30), 0, "no ROM");
    assert_eq!(read(&space, 0x3c), [0x00, 0x01], "interrupt line and pin");
    assert_eq!(read(&space, 0x50), [0xc0, 0x00], "no stolen memory");
    assert_eq!(dword(&space, 0x5c), 0);
    assert_eq!(dword(&space, 0xfc), 0);
}

#[test]
fn reset_after_writes_everywhere_is_as_at_first() {
    let host = testing::host(512 * MIB);
    let device = testing::device(&host);
    let mut space = space_of(&host);
    let before = whole(&space);
    for at in (0..SIZE as u64).step_by(8) {
        space.write(at, &[0xff; 8]).unwrap();
    }
    assert!(space.entered_d3() && space.msi_enabled());

    space.reset(&device);

    assert_eq!(whole(&space), before);
    assert!(!space.entered_d3() && !space.msi_enabled());
}

#[test]
fn bars_when_sized_answer_the_size_by_any_width() {
    let lower = |size: u64, kind: u32| !(size as u32 - 1) | kind;
    let sized = [lower(16 * MIB, 0x4), lower(512 * MIB, 0xc)];
    for width in [1, 2, 4, 8] {
        let mut space = space();
        for at in (0x10..0x20).step_by(width) {
            space.write(at, &[0xff; 8][..width]).unwrap();
        }
        for (bar, size) in [0x10, 0x18].into_iter().zip(sized) {
            assert_eq!(dword(&space, bar), size, "width {width}");
            assert_eq!(dword(&space, bar + 4), u32::MAX, "width {width}");
        }
    }
}

#[test]
fn bars_when_partly_all_ones_keep_the_other_bytes() {
    let mut space = space();
    space
        .write(0x10, &0x12_3456_7800_u64.to_le_bytes())
        .unwrap();
    assert_eq!(
        dword(&space, 0x10),
        0x3400_0004,
        "below its size all is zero"
    );
    assert_eq!(dword(&space, 0x14), 0x12);

    space.write(0x13, &[0xff]).unwrap();

    assert_eq!(dword(&space, 0x10), 0xff00_0004);
    assert_eq!(dword(&space, 0x14), 0x12);
}

#[test]
fn bars_that_do_not_exist_and_rom_when_sized_answer_zero() {
    let mut space = space();
    for at in [0x20, 0x24, 0x30] {
        space.write(at, &[0xff; 4]).unwrap();
        assert_eq!(dword(&space, at), 0, "{at:#x}");
    }
}

#[test]
fn new_with_a_bar_that_cannot_be_returns_einval() {
    for size in [0, 3 * MIB, 2048] {
        let mut host = testing::host(512 * MIB);
        host.info.gttmmadr_size = size;
        let device = testing::device(&host);
        assert_eq!(ConfigSpace::new(&device).err(), Some(EINVAL), "{size}");
    }
}

#[test]
fn write_where_nothing_is_defined_changes_nothing() {
    let mut space = space();
    let writable = [
        0x04..0x06,
        0x0c..0x0d,
        0x10..0x20,
        0x3c..0x3d,
        MSI + 2..MSI + 10,
        PM + 4..PM + 5,
        0xe8..0xea,
        0xfc..0x100,
    ];
    let before = whole(&space);

    for at in 0..SIZE as u64 {
        space.write(at, &[0xff]).unwrap();
    }

    for (at, (byte, before)) in (0..).zip(whole(&space).into_iter().zip(before)) {
        let may_change = writable.iter().any(|field| field.contains(&at));
        assert!(may_change || byte == before, "{at:#x}: {byte:#x}");
    }
    assert_eq!(read(&space, 0x04), [0xff, 0x07]);
    assert_eq!(read(&space, 0x3c), [0xff, 0x01]);
    assert_eq!(read(&space, 0xe8), [0xff, 0xff, 0, 0]);
    assert_eq!(dword(&space, 0xfc), u32::MAX);
}

#[test]
fn s_01_access_that_wraps_or_straddles_or_has_no_size_returns_einval() {
    let mut space = space();
    let before = whole(&space);
    let mut data = [0; 8192];
    let wrong = [
        (0xffff_fffc, 4),
        (0xffff_ffff, 1),
        (0xffff_ffff, 2),
        (u64::MAX, 1),
        (u64::MAX, 8),
        (u64::MAX - 3, 4),
        (1 << 40, 4),
        (255, 2),
        (253, 4),
        (252, 8),
        (256, 1),
        (4095, 2),
        (0, 0),
        (256, 0),
        (0, 3),
        (0, 16),
        (0, 4096),
        (0, 8192),
    ];
    for (offset, len) in wrong {
        let data = &mut data[..len];
        assert_eq!(space.read(offset, data), Err(EINVAL), "{offset:#x}+{len}");
        assert_eq!(space.write(offset, data), Err(EINVAL), "{offset:#x}+{len}");
    }
    assert!(data.iter().all(|byte| *byte == 0));
    assert_eq!(whole(&space), before);

    assert_eq!(space.write(255, &[0]), Ok(()));
    assert_eq!(space.write(248, &[0; 8]), Ok(()));
}

#[test]
fn read_of_any_size_gives_the_same_bytes() {
    let space = space();
    for at in 0..SIZE as u64 - 8 {
        let long: [u8; 8] = read(&space, at);
        assert_eq!(read::<1>(&space, at), long[..1]);
        assert_eq!(read::<2>(&space, at), long[..2]);
        assert_eq!(read::<4>(&space, at), long[..4]);
    }
}

#[test]
fn capabilities_of_a_golden_list_are_power_management_and_msi_at_their_places() {
    let space = space();

    assert_eq!(read(&space, 0x34), [0xac]);
    assert_eq!(read(&space, MSI), [0x05, 0xd0]);
    assert_eq!(read(&space, PM), [0x01, 0x00, 0x22, 0x00]);
}

#[test]
fn capabilities_when_the_golden_device_has_no_list_are_none() {
    let mut config = testing::config();
    config[0x06] = 0;
    let mut space = space_from(config);
    space.write(MSI + 2, &[0xff, 0xff]).unwrap();

    assert_eq!(read(&space, 0x06), [0, 0]);
    assert_eq!(read(&space, 0x34), [0]);
    assert!(!space.msi_enabled());
}

#[test]
fn s_30_capability_list_that_is_damaged_ends_somewhere() {
    let with = |changes: &[(usize, u8)]| {
        let mut config = testing::config();
        for (at, byte) in changes {
            config[*at] = *byte;
        }
        space_from(config)
    };
    // A loop, with and without anything in it that is kept.
    let space = with(&[(0x71, 0x40)]);
    assert_eq!((read(&space, 0x34), read(&space, 0x06)), ([0], [0, 0]));
    let space = with(&[(0xd1, 0xac)]);
    assert_eq!(read(&space, 0x34), [0xac]);
    assert_eq!((read(&space, MSI + 1), read(&space, PM + 1)), ([0xd0], [0]));
    // Out of the space for capabilities.
    let space = with(&[(0x71, 0x03)]);
    assert_eq!(read(&space, 0x34), [0]);
    // No room up to the end.
    for last in [0xfc, 0xf8] {
        let at = usize::from(last);
        let mut space = with(&[(0x71, last), (at, 0x05), (at + 1, 0xd0)]);
        assert_eq!(read(&space, 0x34), [0xd0], "only power management is left");
        assert!(!space.msi_enabled());
        space.write(u64::from(last) + 2, &[0xff, 0xff]).unwrap();
        assert!(!space.msi_enabled());
    }
    let space = with(&[(0x71, 0xfc), (0xfc, 0x01), (0xfd, 0xac)]);
    assert_eq!(
        (read(&space, 0x34), read(&space, MSI + 1)),
        ([0xac], [0xd0])
    );
    // The same twice: the first counts.
    let space = with(&[(0xd0, 0x05)]);
    assert_eq!((read(&space, 0x34), read(&space, MSI + 1)), ([0xac], [0]));
}

#[test]
fn s_30_msi_control_takes_nothing_but_enable() {
    // Sixteen messages, some enabled, per-vector masking: of the host, not of the vGPU.
    let mut config = testing::config();
    config[0xae..0xb0].copy_from_slice(&[0x38, 0x01]);
    let mut space = space_from(config);
    assert_eq!(read(&space, MSI + 2), [0, 0]);

    space.write(MSI + 2, &[0xff, 0xff]).unwrap();

    assert_eq!(read(&space, MSI + 2), [0x01, 0x00]);
    assert!(space.msi_enabled());

    space.write(MSI + 2, &[0xfe]).unwrap();

    assert!(!space.msi_enabled());
}

#[test]
fn msi_message_is_what_the_guest_wrote_while_it_is_enabled() {
    let mut space = space();
    space
        .write(MSI + 4, &0xfee0_1000_u32.to_le_bytes())
        .unwrap();
    for data in [MSI + 8, MSI + 12] {
        space.write(data, &[0x41, 0x00]).unwrap();
    }
    assert_eq!(space.msi_message(), None);

    space.write(MSI + 2, &[0x01]).unwrap();

    assert_eq!(space.msi_message(), Some((0xfee0_1000, 0x41)));
}

#[test]
fn msi_of_32_bits_has_data_behind_the_address() {
    let mut space = space();

    space.write(MSI + 4, &[0xff; 4]).unwrap();
    space.write(MSI + 8, &[0xff; 4]).unwrap();
    space.write(MSI + 12, &[0xff; 4]).unwrap();

    assert_eq!(dword(&space, MSI + 4), 0xffff_fffc);
    assert_eq!(dword(&space, MSI + 8), 0x0000_ffff);
    assert_eq!(dword(&space, MSI + 12), 0);
}

#[test]
fn msi_of_64_bits_has_an_upper_address_and_says_so() {
    let mut config = testing::config();
    config[0xae] = 0x80;
    let mut space = space_from(config);

    for at in [4, 8, 12, 16] {
        space.write(MSI + at, &[0xff; 4]).unwrap();
    }

    assert_eq!(read(&space, MSI + 2), [0x80, 0x00]);
    assert_eq!(dword(&space, MSI + 4), 0xffff_fffc);
    assert_eq!(dword(&space, MSI + 8), 0xffff_ffff);
    assert_eq!(dword(&space, MSI + 12), 0x0000_ffff);
    assert_eq!(dword(&space, MSI + 16), 0);
}

#[test]
fn power_state_is_d0_or_d3hot_and_d3hot_is_remembered() {
    let mut config = testing::config();
    config[0xd4..0xd6].copy_from_slice(&[0x0b, 0x81]);
    let mut space = space_from(config);
    assert_eq!(read(&space, PM + 4), [0x08, 0x00]);
    for none in [1, 2] {
        space.write(PM + 4, &[none, 0xff]).unwrap();
        assert_eq!(read(&space, PM + 4), [0x08, 0x00]);
    }
    assert!(!space.entered_d3());

    space.write(PM + 4, &[3, 0]).unwrap();
    space.write(PM + 4, &[1, 0]).unwrap();

    assert_eq!(read(&space, PM + 4), [0x0b, 0x00]);

    space.write(PM + 4, &[0]).unwrap();

    assert_eq!(read(&space, PM + 4), [0x08, 0x00]);
    assert!(space.entered_d3());
}
