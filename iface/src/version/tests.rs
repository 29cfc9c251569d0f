// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::layout::hash;

/// A feature.
const FEATURE: u64 = 1 << 9;
const NEEDS: Needs = Needs {
    minor: 0,
    features: FEATURE,
};
const SIZE: usize = 160;

fn header() -> Header {
    Header {
        features: FEATURE,
        ..Header::new(HOST_MAGIC, SIZE, HOST_NEEDS)
    }
}

fn accept(header: &Header) -> Result<(), Mismatch> {
    header.accept(HOST_MAGIC, NEEDS, SIZE, Some(hash(0)))
}

#[test]
fn accept_of_own_header_holds() {
    assert_eq!(accept(&header()), Ok(()));
}

#[test]
fn accept_of_newer_minor_and_longer_table_holds() {
    let newer = Header {
        minor: MINOR + 7,
        size: 4096,
        ..header()
    };
    assert_eq!(accept(&newer), Ok(()));
}

#[test]
fn accept_of_extra_features_holds() {
    let more = Header {
        features: u64::MAX,
        ..header()
    };
    assert_eq!(accept(&more), Ok(()));
}

#[test]
fn accept_of_client_magic_in_host_table_fails() {
    let wrong = Header {
        magic: CLIENT_MAGIC,
        ..header()
    };
    assert_eq!(
        accept(&wrong),
        Err(Mismatch::Magic {
            found: CLIENT_MAGIC
        })
    );
}

#[test]
fn accept_of_other_major_fails_whatever_else_agrees() {
    for major in [0, MAJOR + 1, u16::MAX] {
        let other = Header { major, ..header() };
        assert_eq!(accept(&other), Err(Mismatch::Major));
    }
}

#[test]
fn accept_of_older_minor_fails() {
    let needs = Needs {
        minor: MINOR + 1,
        ..NEEDS
    };
    let result = header().accept(HOST_MAGIC, needs, SIZE, Some(0));
    assert_eq!(result, Err(Mismatch::Minor { needed: MINOR + 1 }));
}

#[test]
fn accept_of_short_table_fails() {
    let short = Header {
        size: SIZE as u32 - 1,
        ..header()
    };
    assert_eq!(
        accept(&short),
        Err(Mismatch::Size {
            found: 159,
            needed: 160
        })
    );
}

#[test]
fn accept_of_other_or_missing_layout_fails() {
    let other = header().accept(HOST_MAGIC, NEEDS, SIZE, Some(hash(0) ^ 1));
    let missing = header().accept(HOST_MAGIC, NEEDS, SIZE, None);
    assert_eq!(other, Err(Mismatch::Layout { minor: 0 }));
    assert_eq!(missing, Err(Mismatch::Layout { minor: 0 }));
}

#[test]
fn accept_looks_at_the_layout_of_the_common_minor() {
    for (minor, common) in [
        (0, 0),
        (MINOR, MINOR),
        (MINOR + 1, MINOR),
        (u16::MAX, MINOR),
    ] {
        let other = Header { minor, ..header() };
        assert_eq!(other.common_minor(), common);
        let layout = Some(hash(common));
        assert_eq!(other.accept(HOST_MAGIC, NEEDS, SIZE, layout), Ok(()));
    }
}

#[test]
fn accept_of_any_missing_feature_names_all_that_are_missing() {
    for missing in (0..u64::BITS).map(|bit| 1 << bit) {
        let less = Header {
            features: !missing,
            ..header()
        };
        for features in [missing, u64::MAX] {
            let needs = Needs { features, ..NEEDS };
            let result = less.accept(HOST_MAGIC, needs, SIZE, Some(hash(0)));
            assert_eq!(result, Err(Mismatch::Features { missing }));
        }
        let needs = Needs {
            features: !missing,
            ..NEEDS
        };
        assert_eq!(less.accept(HOST_MAGIC, needs, SIZE, Some(hash(0))), Ok(()));
    }
}

#[test]
fn accept_of_missing_feature_fails() {
    let less = Header {
        features: 0,
        ..header()
    };
    assert_eq!(accept(&less), Err(Mismatch::Features { missing: FEATURE }));
}
