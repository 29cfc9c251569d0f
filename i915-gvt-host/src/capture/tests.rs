// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use iface::registers::{find, rows, Source};
use iface::snapshot::Blob;
use kernel::testing;

fn config() -> ConfigCopy {
    ConfigCopy::take(|offset| u32::from(offset) << 8)
}

/// A register's value that tells where it was read.
fn value(offset: u32) -> u32 {
    offset.rotate_left(7) ^ 0x5a5a_5a5a
}

#[test]
fn capture_holds_what_was_read_on_every_platform() {
    for platform in Platform::ALL {
        let bytes = capture(platform, true, &config(), value).unwrap();
        let blob = Blob::new(&bytes).unwrap();
        assert_eq!(blob.platform(), platform);
        assert!(blob.has_vcs1());
        assert_eq!(blob.config(), config().bytes());
        assert!(blob.registers().all(|(offset, read)| read == value(offset)));
        assert_eq!(
            blob.registers().count(),
            cost(platform, true).unwrap().reads
        );
    }
}

#[test]
fn capture_reads_each_register_once_in_order() {
    let mut before = None;
    capture(Platform::Skl, false, &config(), |offset| {
        assert!(before < Some(offset), "{offset:#x}");
        before = Some(offset);
        0
    })
    .unwrap();
    assert!(before.is_some());
}

#[test]
fn s_81_capture_reads_no_scrubbed_register() {
    for platform in Platform::ALL {
        let scrubbed = |offset| {
            rows(platform, true)
                .any(|row| row.source == Source::Scrubbed && row.range().contains(offset))
        };
        capture(platform, true, &config(), |offset| {
            assert!(!scrubbed(offset), "{offset:#x} on {platform}");
            0
        })
        .unwrap();
    }
}

#[test]
fn s_82_capture_reads_of_the_memory_controller_only_what_is_kept() {
    use iface::registers::{mchbar_kept, MCHBAR_MIRROR};
    for platform in Platform::ALL {
        capture(platform, false, &config(), |offset| {
            let kept = mchbar_kept(platform).any(|range| range.contains(offset));
            let phy = find(platform, false, offset).is_some_and(|row| row.range() != MCHBAR_MIRROR);
            assert!(
                !MCHBAR_MIRROR.contains(offset) || kept || phy,
                "{offset:#x} on {platform}"
            );
            0
        })
        .unwrap();
    }
}

#[test]
fn cost_is_within_what_an_idle_host_half_may_use() {
    for platform in Platform::ALL {
        let cost = cost(platform, true).unwrap();
        assert!(
            cost.reads <= 1500 && cost.bytes <= 16 << 10,
            "{cost:?} on {platform}"
        );
    }
}

#[test]
fn capture_that_gets_no_memory_fails_cleanly() {
    let failures = testing::fail_each_alloc(|| capture(Platform::Kbl, false, &config(), value));
    assert_eq!(failures, 1);
}
