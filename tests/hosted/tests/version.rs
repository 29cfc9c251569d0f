// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The contract's version rule and the `semver` crate's agree.

use iface::layout;
use iface::version::{Header, Mismatch, Needs, HOST_MAGIC, MAJOR};
use semver::{Version, VersionReq};

/// Bytes of the table that is offered and of that which is needed: not what is tested here.
const SIZE: usize = 256;
/// Majors and minors from 1 and 0 to here.
const GRID: u16 = 9;

/// Whether a table of version `major.minor` is accepted by a side that needs our major version and
/// at least `needed`, if all but the version fits.
fn accepted(major: u16, minor: u16, needed: u16) -> Result<(), Mismatch> {
    let needs = Needs {
        minor: needed,
        features: 0,
    };
    let header = Header {
        major,
        minor,
        ..Header::new(HOST_MAGIC, SIZE, needs)
    };
    let layout = layout::hash(header.common_minor());
    header.accept(HOST_MAGIC, needs, SIZE, Some(layout))
}

#[test]
fn rule_over_a_grid_of_versions_is_that_of_semver() {
    for major in 1..=GRID {
        for minor in 0..=GRID {
            for needed in 0..=GRID {
                let offered = Version::new(major.into(), minor.into(), 0);
                let wanted = VersionReq::parse(&format!("^{MAJOR}.{needed}.0")).unwrap();
                assert_eq!(
                    accepted(major, minor, needed).is_ok(),
                    wanted.matches(&offered),
                    "{offered} for {wanted}"
                );
            }
        }
    }
}

#[test]
fn rule_when_both_parts_are_wrong_names_the_major_first() {
    assert_eq!(accepted(MAJOR + 1, 0, 1), Err(Mismatch::Major));
    assert_eq!(accepted(MAJOR, 0, 1), Err(Mismatch::Minor { needed: 1 }));
}
