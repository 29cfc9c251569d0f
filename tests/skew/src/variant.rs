// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a half can be built as.

use std::fmt;

/// Feature bit of a draft, as `iface::version::FEATURE_UNSTABLE`.
pub const UNSTABLE: u64 = 1 << 0;
/// Feature bit that 1.1 has: the host half tells what it counts.
pub const COUNTS: u64 = 1 << 1;
/// Feature bit that nobody offers.
pub const UNKNOWN: u64 = 1 << 40;

/// A version of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u16, pub u16);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// What one side needs of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Its minor version, at least.
    pub minor: u16,
    /// Features.
    pub features: u64,
}

/// Which registers the snapshot has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registers {
    /// Those that this tree has.
    Same,
    /// One less, which is as of an older table, and one that this tree does not have, as of a newer one.
    Others,
}

/// This tree, with another version of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its name, which a folder can have.
    pub name: &'static str,
    /// Its name in the document.
    pub title: &'static str,
    /// The version that both halves offer.
    pub version: Version,
    /// The features that both halves offer.
    pub features: u64,
    /// What i915 needs of kvmgt.
    pub host_needs: Needs,
    /// What kvmgt needs of i915.
    pub client_needs: Needs,
    /// Which registers there are.
    pub registers: Registers,
}

/// Nothing more than the version.
const NOTHING: Needs = Needs {
    minor: 0,
    features: 0,
};

impl Variant {
    /// This tree as it is.
    pub const V1_0: Self = Self {
        name: "1.0",
        title: "1.0",
        version: Version(1, 0),
        features: 0,
        host_needs: NOTHING,
        client_needs: NOTHING,
        registers: Registers::Same,
    };
    /// An operation (`wakes`) and a call-back (`opened`) more.
    pub const V1_1: Self = Self {
        name: "1.1",
        title: "1.1",
        version: Version(1, 1),
        ..Self::V1_0
    };
    /// Two operations have changed places.
    pub const V2_0: Self = Self {
        name: "2.0",
        title: "2.0",
        version: Version(2, 0),
        ..Self::V1_0
    };
    /// What an i915 is said to offer that is of before 1.0 was frozen.
    pub const DRAFT: Self = Self {
        name: "draft",
        title: "1.0, draft: needs UNSTABLE",
        features: UNSTABLE,
        host_needs: Needs {
            minor: 0,
            features: UNSTABLE,
        },
        client_needs: Needs {
            minor: 0,
            features: UNSTABLE,
        },
        ..Self::V1_0
    };
    /// Another register table.
    pub const REGISTERS: Self = Self {
        name: "registers",
        title: "1.0, another register table",
        registers: Registers::Others,
        ..Self::V1_0
    };

    /// The same with the optional feature.
    pub(crate) const fn offering(self, name: &'static str, title: &'static str) -> Self {
        Self {
            name,
            title,
            features: COUNTS,
            ..self
        }
    }

    /// The same where each half needs minor version 1 of the other.
    pub(crate) const fn needing_minor(self, name: &'static str, title: &'static str) -> Self {
        let needs = Needs {
            minor: 1,
            features: 0,
        };
        Self {
            name,
            title,
            host_needs: needs,
            client_needs: needs,
            ..self
        }
    }

    /// The same where i915 needs a feature that no kvmgt has, and kvmgt the optional one.
    pub(crate) const fn needing_feature(self, name: &'static str, title: &'static str) -> Self {
        Self {
            name,
            title,
            host_needs: Needs {
                minor: 0,
                features: UNKNOWN,
            },
            client_needs: Needs {
                minor: 0,
                features: COUNTS,
            },
            ..self
        }
    }
}
