// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The header of both tables, and the rule by which each side accepts the other.
//!
//! Each side states what it *offers* (its own table) and what it *needs* of the other (a minor
//! version and features). The *common* minor version is the older one of the two that are offered:
//! up to there both sides use the interface. For each direction: same major; the offered minor at
//! least the needed one; `size` covers every field of the common minor; the layout hash of the
//! common minor equal; the needed features among the offered ones; every function of the common
//! minor there. What is newer than that is not looked at.
//!
//! A minor version only appends; anything else is a new major version. Both sides of a draft offer and
//! need [`FEATURE_UNSTABLE`], so that it does not work with what is frozen.

use crate::layout::{self, structure};
use core::{cmp, fmt};

/// Major version: another one is another interface.
pub const MAJOR: u16 = 1;
/// Minor version: what this build offers.
pub const MINOR: u16 = 0;

/// First eight bytes of a host table, `GVT-HOST` read as a big-endian number.
pub const HOST_MAGIC: u64 = u64::from_be_bytes(*b"GVT-HOST");
/// First eight bytes of a client table, `GVT-CLNT` read as a big-endian number.
pub const CLIENT_MAGIC: u64 = u64::from_be_bytes(*b"GVT-CLNT");

/// The interface is a draft: its layout may change without a new version. What is frozen neither
/// offers nor needs it.
pub const FEATURE_UNSTABLE: u64 = 1 << 0;
/// Features that this build offers.
pub const FEATURES: u64 = 0;

structure! {
    /// What stands first in both tables, in native byte order.
    ///
    /// The rule is read from it, so it is the same in all versions.
    #[derive(Clone, Copy, Debug)]
    pub struct Header {
        /// [`HOST_MAGIC`] or [`CLIENT_MAGIC`].
        since 0 pub magic: u64,
        /// [`MAJOR`] of the maker.
        since 0 pub major: u16,
        /// [`MINOR`] of the maker.
        since 0 pub minor: u16,
        /// Bytes of the whole table, the header included.
        since 0 pub size: u32,
        /// Features that the maker offers.
        since 0 pub features: u64,
        /// Layout hashes of the maker's minor versions 0, 1, …; [`layout::HASHES`]. Valid as long
        /// as the table.
        since 0 pub layouts: *const u64,
        /// How many there are.
        since 0 pub layout_count: u32,
        /// The minor version that the maker needs of the other side.
        since 0 pub needs_minor: u16,
        /// Zero; not looked at.
        since 0 pub reserved: u16,
        /// The features that the maker needs of the other side.
        since 0 pub needs_features: u64,
    }
}

// Whoever changes this has another interface, with other magics.
const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(Header, magic) == 0);
    assert!(offset_of!(Header, major) == 8);
    assert!(offset_of!(Header, minor) == 10);
    assert!(offset_of!(Header, size) == 12);
    assert!(offset_of!(Header, features) == 16);
    assert!(offset_of!(Header, layouts) == 24);
    assert!(offset_of!(Header, layout_count) == 32);
    assert!(offset_of!(Header, needs_minor) == 36);
    assert!(offset_of!(Header, needs_features) == 40);
    assert!(size_of::<Header>() == 48);
    assert!(align_of::<Header>() == 8);
};

// SAFETY: the one pointer leads to constant data.
unsafe impl Send for Header {}
// SAFETY: as above.
unsafe impl Sync for Header {}

/// What one side needs of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// The other's minor version, at least.
    pub minor: u16,
    /// Features.
    pub features: u64,
}

/// What this build of the host half needs of a client.
pub const HOST_NEEDS: Needs = Needs {
    minor: 0,
    features: 0,
};
/// What this build of kvmgt needs of a host.
pub const CLIENT_NEEDS: Needs = Needs {
    minor: 0,
    features: 0,
};

impl Header {
    /// The header of a table of `size` bytes that this build makes.
    pub const fn new(magic: u64, size: usize, needs: Needs) -> Self {
        Self {
            magic,
            major: MAJOR,
            minor: MINOR,
            size: size as u32,
            features: FEATURES,
            layouts: layout::HASHES.as_ptr(),
            layout_count: layout::HASHES.len() as u32,
            needs_minor: needs.minor,
            reserved: 0,
            needs_features: needs.features,
        }
    }

    /// The maker's version.
    pub const fn version(&self) -> Version {
        Version {
            major: self.major,
            minor: self.minor,
        }
    }

    /// What the maker needs of the other side.
    pub const fn needs(&self) -> Needs {
        Needs {
            minor: self.needs_minor,
            features: self.needs_features,
        }
    }

    /// The newest minor version that both the maker and this build have.
    pub fn common_minor(&self) -> u16 {
        cmp::min(self.minor, MINOR)
    }

    /// Checks that a table with this header can be used by a side that needs `needs`, as far as
    /// the header alone tells: all but its functions.
    ///
    /// `layout` is the layout hash that the maker publishes for the
    /// [common minor version](Self::common_minor), and `smallest` the bytes of a table of that
    /// version.
    ///
    /// # Errors
    ///
    /// The first part of the rule that does not hold.
    pub fn accept(
        &self,
        magic: u64,
        needs: Needs,
        smallest: usize,
        layout: Option<u64>,
    ) -> Result<(), Mismatch> {
        if self.magic != magic {
            return Err(Mismatch::Magic { found: self.magic });
        }
        if self.major != MAJOR {
            return Err(Mismatch::Major);
        }
        if self.minor < needs.minor {
            return Err(Mismatch::Minor {
                needed: needs.minor,
            });
        }
        if (self.size as usize) < smallest {
            return Err(Mismatch::Size {
                found: self.size,
                needed: smallest as u32,
            });
        }
        let minor = self.common_minor();
        if layout != Some(layout::hash(minor)) {
            return Err(Mismatch::Layout { minor });
        }
        let missing = needs.features & !self.features;
        if missing != 0 {
            return Err(Mismatch::Features { missing });
        }
        Ok(())
    }
}

/// A version of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Major.
    pub major: u16,
    /// Minor.
    pub minor: u16,
}

impl Version {
    /// The version of this build.
    pub const CURRENT: Self = Self {
        major: MAJOR,
        minor: MINOR,
    };
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The part of the rule that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// There is no table, or its address is odd.
    Pointer,
    /// It does not begin as a table does.
    Magic {
        /// What stands there.
        found: u64,
    },
    /// Another major version.
    Major,
    /// Older than needed.
    Minor {
        /// The minor version needed.
        needed: u16,
    },
    /// Shorter than its version says.
    Size {
        /// Bytes it says it has.
        found: u32,
        /// Bytes a table of the needed version has.
        needed: u32,
    },
    /// The version agrees, but what was built does not.
    Layout {
        /// The minor version whose layout differs.
        minor: u16,
    },
    /// Features are missing.
    Features {
        /// Those.
        missing: u64,
    },
    /// A function is null.
    Function {
        /// Its name.
        name: &'static str,
    },
}

#[cfg(test)]
mod tests;
