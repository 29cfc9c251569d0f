// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use proptest::prelude::*;
use std::format;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::string::String;
use std::vec::Vec;

/// As large as the types' monitors are.
const LARGEST: [Resolution; 2] = [size(1024, 768), size(1920, 1200)];

const fn size(width: u32, height: u32) -> Resolution {
    Resolution { width, height }
}

fn made(preferred: Resolution, largest: Resolution) -> Vec<u8> {
    let edid = Edid::new(preferred, largest).unwrap();
    let mut bytes = Vec::from(edid.base);
    bytes.extend(edid.extension.iter().flatten());
    bytes
}

/// What the real edid-decode says of an EDID, which it must not complain about.
fn decoded(edid: &[u8]) -> String {
    let mut command = Command::new("edid-decode");
    command.arg("--check");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut program = command.spawn().unwrap_or_else(|error| {
        panic!("edid-decode does not start ({error}): install Debian's package edid-decode")
    });
    program.stdin.take().unwrap().write_all(edid).unwrap();
    let Output { status, stdout, .. } = program.wait_with_output().unwrap();
    let said = String::from_utf8(stdout).unwrap();
    assert!(status.success(), "{said}");
    assert!(said.contains("EDID conformity: PASS"), "{said}");
    said
}

#[test]
fn edid_decode_finds_nothing_wrong_at_any_resolution() {
    for largest in LARGEST {
        for preferred in [
            size(640, 480),
            size(641, 480),
            size(800, 600),
            size(801, 601),
            size(1023, 767),
            size(1024, 768),
            size(1280, 720),
            size(1366, 768),
            size(1367, 769),
            size(1400, 1050),
            size(1600, 1200),
            size(1919, 1199),
            size(1920, 1080),
            size(1920, 1200),
        ] {
            if preferred.width > largest.width || preferred.height > largest.height {
                continue;
            }
            let said = decoded(&made(preferred, largest));
            assert!(!said.contains("Warnings:"), "{said}");
            let first = said.lines().find(|line| line.contains("DTD 1:")).unwrap();
            assert!(first.contains(&format!(" {preferred} ")), "{first}");
            assert!(said.contains("Display Product Name: 'GVT-g monitor'"));
        }
    }
}

#[test]
fn edid_decode_finds_timings_that_do_not_fit_in_the_extension() {
    for preferred in [
        size(4096, 2160),
        size(5120, 2880),
        size(7680, 4320),
        size(3840, 4200),
    ] {
        let edid = made(preferred, preferred);
        assert_eq!(edid.len(), 2 * BLOCK_SIZE);
        let said = decoded(&edid);
        let wanted = format!("DTD: {preferred} ");
        let squeezed = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeezed.contains(&wanted), "{said}");
    }
}

#[test]
fn edid_offers_vesas_modes_up_to_the_largest() {
    let small = decoded(&made(size(1024, 768), size(1024, 768)));
    for (mode, shown) in [
        ("640x480", true),
        ("720x400", true),
        ("800x600", true),
        ("848x480", true),
        ("1024x768", true),
        ("1280x720", false),
        ("1360x768", false),
        ("1600x1200", false),
    ] {
        assert_eq!(small.contains(mode), shown, "{mode}: {small}");
    }
    let large = decoded(&made(size(1920, 1200), size(1920, 1200)));
    for mode in [
        "1280x720",
        "1280x1024",
        "1400x1050",
        "1920x1080",
        "1600x1200",
    ] {
        assert!(large.contains(mode), "{mode}: {large}");
    }
}

#[test]
fn edid_has_the_largest_resolution_beside_the_preferred_one() {
    let said = decoded(&made(size(1000, 700), size(1920, 1200)));

    let second = said.lines().find(|line| line.contains("DTD 2:")).unwrap();
    assert!(second.contains(" 1920x1200 "), "{said}");
}

#[test]
fn edid_of_no_resolution_is_refused() {
    for (preferred, largest) in [
        (size(0, 768), size(1024, 768)),
        (size(640, 480), size(0, 0)),
        (size(u32::MAX, 1), size(1024, 768)),
    ] {
        assert_eq!(Edid::new(preferred, largest).err(), Some(EINVAL));
    }
}

#[test]
fn check_when_anything_is_wrong_refuses() {
    let good = made(size(1024, 768), size(1920, 1200));
    assert_eq!(check(&good), Ok(()));
    for byte in 0..BLOCK_SIZE {
        let mut bad = good.clone();
        bad[byte] ^= 1;
        assert_eq!(check(&bad), Err(EINVAL), "byte {byte}");
    }
    for size in (0..=BLOCK_SIZE + 1).filter(|size| *size != BLOCK_SIZE) {
        let mut bad = good.clone();
        bad.resize(size, 0);
        assert_eq!(check(&bad), Err(EINVAL), "{size} bytes");
    }
    // Right sums do not make an EDID.
    assert_eq!(check(&[0; BLOCK_SIZE]), Err(EINVAL));
    let mut version = good;
    version[VERSION_AT] = 2;
    version[127] = version[127].wrapping_sub(1);
    assert_eq!(check(&version), Err(EINVAL));
}

#[test]
fn check_looks_at_each_extension() {
    let good = made(size(5120, 2880), size(5120, 2880));
    assert_eq!(check(&good), Ok(()));
    assert_eq!(
        check(&good[..BLOCK_SIZE]),
        Err(EINVAL),
        "it has an extension"
    );
    for byte in BLOCK_SIZE..2 * BLOCK_SIZE {
        let mut bad = good.clone();
        bad[byte] ^= 0x80;
        assert_eq!(check(&bad), Err(EINVAL), "byte {byte}");
    }
    let more = [good.as_slice(), &[0; BLOCK_SIZE]].concat();
    assert_eq!(check(&more), Err(EINVAL), "of which it knows nothing");
}

proptest! {
    #[test]
    fn edids_are_whole_and_begin_with_the_preferred_timings(
        width in 640..=1920_u32,
        height in 480..=1200_u32,
    ) {
        let edid = made(size(width, height), size(1920, 1200));

        prop_assert_eq!(check(&edid), Ok(()));
        prop_assert_eq!(edid.len(), BLOCK_SIZE);
        let timing = &edid[54..72];
        let pixels = u32::from(timing[2]) | u32::from(timing[4] >> 4) << 8;
        let lines = u32::from(timing[5]) | u32::from(timing[7] >> 4) << 8;
        prop_assert_eq!((pixels, lines), (width, height));
    }

    #[test]
    fn edids_of_anything_are_whole_or_refused(
        width: u16, height: u16, most_width: u16, most_height: u16,
    ) {
        let preferred = size(width.into(), height.into());
        let largest = size(most_width.into(), most_height.into());
        if let Ok(edid) = Edid::new(preferred, largest) {
            let mut bytes = Vec::from(edid.base);
            bytes.extend(edid.extension.iter().flatten());
            prop_assert_eq!(check(&bytes), Ok(()));
        }
    }

    #[test]
    fn check_never_panics(edid in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = check(&edid);
    }
}
