// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::display::edid;
use crate::vgpu::kind::KINDS;
use std::vec::Vec;

fn size(width: u32, height: u32) -> Resolution {
    Resolution { width, height }
}

fn monitor(kind: &Kind) -> Monitor {
    Monitor::new(kind).unwrap()
}

/// The EDID that the guest reads, block after block.
fn read(monitor: &mut Monitor) -> Vec<u8> {
    let mut bytes = Vec::new();
    for block in 0..16 {
        for request in [
            &[0x40, 0, 0x30, 0, block / 2][..],
            &[0x40, 0, 0x50, 0, block % 2 * 128],
        ] {
            assert_eq!(monitor.answer(request).unwrap().bytes(), [0]);
        }
        for _ in 0..8 {
            let reply = monitor.answer(&[0x50, 0, 0x50, 15]).unwrap();
            bytes.extend(&reply.bytes()[1..]);
        }
        monitor.answer(&[0x10, 0, 0x50]).unwrap();
    }
    bytes
}

/// Gives it an EDID as QEMU does.
fn give(monitor: &mut Monitor, blob: &[u8]) -> Result<Option<bool>> {
    monitor.write_region(20, &[2, 0, 0, 0])?;
    monitor.write_region(8, &(blob.len() as u32).to_le_bytes())?;
    for (at, piece) in (2048..).step_by(4).zip(blob.chunks(4)) {
        monitor.write_region(at, piece)?;
    }
    monitor.write_region(20, &[1, 0, 0, 0])
}

#[test]
fn new_prefers_the_largest_resolution_of_its_type() {
    for kind in &KINDS {
        let mut monitor = monitor(kind);
        let (width, height) = kind.resolution;
        assert_eq!(monitor.preferred(), size(width, height));
        let edid = Edid::new(size(width, height), size(width, height)).unwrap();
        assert_eq!(read(&mut monitor)[..128], edid.base);
    }
}

#[test]
fn prefer_takes_what_the_type_can_show() {
    let mut monitor = monitor(&KINDS[0]);
    for (width, height) in [(640, 480), (641, 481), (800, 600), (1024, 480), (1024, 768)] {
        assert!(KINDS[0].can_prefer(size(width, height)));
        monitor.prefer(size(width, height)).unwrap();
        assert_eq!(monitor.preferred(), size(width, height));
        let edid = Edid::new(size(width, height), size(1024, 768)).unwrap();
        assert_eq!(read(&mut monitor)[..128], edid.base);
    }
    for (width, height) in [
        (639, 480),
        (640, 479),
        (1025, 768),
        (1024, 769),
        (0, 0),
        (u32::MAX, u32::MAX),
    ] {
        assert!(!KINDS[0].can_prefer(size(width, height)));
        assert_eq!(monitor.prefer(size(width, height)), Err(EINVAL));
        assert_eq!(monitor.preferred(), size(1024, 768));
    }
}

#[test]
fn edid_of_a_client_is_what_the_guest_reads_with_its_extensions() {
    let mut monitor = monitor(&KINDS[3]);
    let edid = Edid::new(size(5120, 2880), size(5120, 2880)).unwrap();
    let blob = [edid.base, edid.extension.unwrap()].concat();

    assert_eq!(give(&mut monitor, &blob), Ok(Some(true)));

    let read = read(&mut monitor);
    assert_eq!(read[..256], blob);
    assert!(read[256..].iter().all(|byte| *byte == 0xff));
    assert_eq!(monitor.preferred(), size(1920, 1200), "by itself");
}

#[test]
fn edid_of_a_small_window_is_one() {
    let mut monitor = monitor(&KINDS[0]);
    let edid = Edid::new(size(64, 32), size(64, 32)).unwrap();
    assert_eq!(give(&mut monitor, &edid.base), Ok(Some(true)));
    assert_eq!(read(&mut monitor)[..128], edid.base);
}

#[test]
fn nonsense_is_refused_and_the_monitor_stays_unplugged() {
    let mut monitor = monitor(&KINDS[0]);
    let mut blob = Edid::new(size(800, 600), size(1024, 768)).unwrap().base;
    blob[20] ^= 0xff;

    assert_eq!(give(&mut monitor, &blob), Err(EINVAL));

    assert_eq!(monitor.answer(&[0x90, 0, 0, 0]), None);
    let mut link = [0; 4];
    monitor.read_region(20, &mut link).unwrap();
    assert_eq!(link, [2, 0, 0, 0]);
}

#[test]
fn edid_counts_when_the_link_goes_up_and_not_before() {
    let mut monitor = monitor(&KINDS[0]);
    let before = read(&mut monitor);
    monitor.write_region(2048, &[0; 128]).unwrap();
    monitor.write_region(8, &[0; 4]).unwrap();
    assert_eq!(read(&mut monitor), before);
    assert_eq!(monitor.write_region(20, &[1, 0, 0, 0]), Err(EINVAL));
    assert_eq!(read(&mut monitor), before, "nothing has happened");
}

#[test]
fn renew_forgets_the_client() {
    let mut monitor = monitor(&KINDS[0]);
    let before = read(&mut monitor);
    let edid = Edid::new(size(800, 600), size(800, 600)).unwrap();
    give(&mut monitor, &edid.base).unwrap();
    monitor.write_region(20, &[2, 0, 0, 0]).unwrap();

    monitor.renew();

    assert_eq!(read(&mut monitor), before);
    let mut region = [0; 4096];
    monitor.read_region(0, &mut region).unwrap();
    assert_eq!((region[20], &region[2048..2176]), (1, &before[..128]));
    assert_eq!(edid::check(&region[2048..2176]), Ok(()));
}

#[test]
fn new_without_memory_anywhere_is_enomem() {
    let sites = kernel::testing::fail_each_alloc(|| Monitor::new(&KINDS[0]));
    assert_eq!(sites, 3);
}
