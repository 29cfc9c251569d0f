// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;

const RANGES: [Range; 2] = [
    Range {
        offset: 0x2030,
        size: 8,
    },
    Range {
        offset: 0x9120,
        size: 4,
    },
];
const VALUES: usize = 3;

fn config() -> [u8; CONFIG_SIZE] {
    core::array::from_fn(|n| n as u8)
}

/// A snapshot whose registers hold their offset plus one.
fn written() -> [u8; 324] {
    let mut bytes = [0; 324];
    let mut writer = BlobWriter::new(
        &mut bytes,
        Platform::Kbl,
        false,
        RANGES.len(),
        VALUES,
        &config(),
    )
    .unwrap();
    for range in RANGES {
        writer.range(range, |offset| offset + 1).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

/// Gives damaged bytes the right checksum, so that what is behind it gets looked at.
fn resum(bytes: &mut [u8]) {
    let sum = checksum(&bytes[CHECKED_FROM..]);
    bytes[12..16].copy_from_slice(&sum.to_ne_bytes());
}

fn set(bytes: &mut [u8], word: usize, value: u32) {
    bytes[word * 4..word * 4 + 4].copy_from_slice(&value.to_ne_bytes());
    resum(bytes);
}

#[test]
fn new_of_written_blob_reads_the_same() {
    let bytes = written();
    let blob = Blob::new(&bytes).unwrap();
    assert_eq!(blob.platform(), Platform::Kbl);
    assert_eq!(blob.config(), config());
    assert!(blob.ranges().eq(RANGES));
    assert!(blob
        .registers()
        .eq([(0x2030, 0x2031), (0x2034, 0x2035), (0x9120, 0x9121)]));
}

#[test]
fn value_of_register_inside_and_outside() {
    let bytes = written();
    let blob = Blob::new(&bytes).unwrap();
    assert_eq!(blob.value(0x2034), Some(0x2035));
    assert_eq!(blob.value(0x9120), Some(0x9121));
    assert_eq!(blob.value(0x2038), None);
    assert_eq!(blob.value(0x202c), None);
}

#[test]
fn s_80_new_of_every_truncation_fails() {
    let bytes = written();
    for length in 0..bytes.len() {
        assert!(Blob::new(&bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn s_80_new_of_oversized_blob_fails() {
    let mut long = [0; 328];
    long[..324].copy_from_slice(&written());
    assert_eq!(Blob::new(&long).unwrap_err(), Damage::Size);
}

#[test]
fn new_of_every_flipped_bit_fails() {
    let bytes = written();
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes;
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(Blob::new(&damaged).is_err(), "bit {bit}");
    }
}

#[test]
fn new_with_counts_that_overflow_fails() {
    for word in [7, 8, 9] {
        for count in [u32::MAX, u32::MAX / 4, 0x2000_0000, 0] {
            let mut bytes = written();
            set(&mut bytes, word, count);
            assert_eq!(
                Blob::new(&bytes).unwrap_err(),
                Damage::Size,
                "word {word} {count:#x}"
            );
        }
    }
}

#[test]
fn new_with_bad_range_fails() {
    let first_range = (40 + CONFIG_SIZE) / 4;
    // Odd, beyond register space, wrapping, behind the next one.
    for offset in [0x2031, MMIO_SIZE, u32::MAX - 3, 0x9120] {
        let mut bytes = written();
        set(&mut bytes, first_range, offset);
        assert!(
            matches!(Blob::new(&bytes), Err(Damage::Range(_))),
            "{offset:#x}"
        );
    }
    let mut empty = written();
    set(&mut empty, first_range + 1, 0);
    assert_eq!(Blob::new(&empty).unwrap_err(), Damage::Range(0));
}

#[test]
fn new_with_ranges_of_another_sum_fails() {
    let mut bytes = written();
    set(&mut bytes, (40 + CONFIG_SIZE) / 4 + 1, 1);
    assert_eq!(Blob::new(&bytes).unwrap_err(), Damage::Values);
}

#[test]
fn new_with_unknown_platform_or_version_fails() {
    let mut bytes = written();
    set(&mut bytes, 4, 77);
    assert_eq!(Blob::new(&bytes).unwrap_err(), Damage::Platform(77));
    let mut bytes = written();
    set(&mut bytes, 1, 2);
    assert_eq!(Blob::new(&bytes).unwrap_err(), Damage::Version(2));
}

#[test]
fn finish_without_all_ranges_fails() {
    let mut bytes = [0; 324];
    let writer = BlobWriter::new(&mut bytes, Platform::Kbl, false, 2, VALUES, &config()).unwrap();
    assert_eq!(writer.finish(), None);
}

#[test]
fn checksum_of_known_input_is_that_of_the_standard() {
    assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
}
