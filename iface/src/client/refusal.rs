// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Why kvmgt can't use a host table, in one line that says what to load instead.

use super::Errno;
use crate::errno::{EBUSY, EINVAL};
use crate::version::{Mismatch, Needs, Version, CLIENT_NEEDS};
use core::fmt;

/// Why a host table can't be used; its `Display` is the whole line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the host offers, where that could be read.
    host: Option<Version>,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// What the host offers is not what we need.
    Host(Mismatch),
    /// What we offer is not what the host needs.
    Client(Needs, Mismatch),
    /// `open` failed.
    Open(Errno),
}

impl Refusal {
    pub(super) const fn host(host: Option<Version>, mismatch: Mismatch) -> Self {
        Self {
            host,
            reason: Reason::Host(mismatch),
        }
    }

    pub(super) const fn client(host: Version, needs: Needs, mismatch: Mismatch) -> Self {
        Self {
            host: Some(host),
            reason: Reason::Client(needs, mismatch),
        }
    }

    pub(super) const fn open(host: Version, errno: Errno) -> Self {
        Self {
            host: Some(host),
            reason: Reason::Open(errno),
        }
    }

    /// The part of the version rule that does not hold, if it is that.
    pub fn mismatch(&self) -> Option<Mismatch> {
        match self.reason {
            Reason::Host(mismatch) | Reason::Client(_, mismatch) => Some(mismatch),
            Reason::Open(_) => None,
        }
    }

    /// What `open` returned, if it is that.
    pub fn errno(&self) -> Option<Errno> {
        match self.reason {
            Reason::Open(errno) => Some(errno),
            Reason::Host(_) | Reason::Client(..) => None,
        }
    }
}

/// What to do about tables that are not of one build.
const REBUILD: &str = "load the i915 and the kvmgt of one build";

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = Version {
            minor: CLIENT_NEEDS.minor,
            ..Version::CURRENT
        };
        match self.host {
            Some(host) => write!(f, "i915 offers interface {host}, this kvmgt needs {own}: ")?,
            None => write!(f, "i915 offers no interface, this kvmgt needs {own}: ")?,
        }
        let newer = self.host.is_some_and(|host| host.major > own.major);
        match self.reason {
            Reason::Host(Mismatch::Pointer) => write!(f, "there is no table; {REBUILD}"),
            Reason::Host(Mismatch::Magic { found }) => {
                write!(f, "the table begins with {found:#018x}; {REBUILD}")
            }
            Reason::Host(Mismatch::Major) if newer => {
                write!(
                    f,
                    "another major version; load a kvmgt built for interface {}",
                    Major(self.host)
                )
            }
            Reason::Host(Mismatch::Major) => {
                write!(f, "another major version; load an i915 that offers interface {own}, or a kvmgt built for interface {}", Major(self.host))
            }
            Reason::Host(Mismatch::Minor { needed }) => {
                write!(f, "minor version {needed} is missing; load an i915 that offers interface {own} or later, or an older kvmgt")
            }
            Reason::Host(Mismatch::Size { found, needed }) => {
                write!(f, "the table has {found} bytes of {needed}; {REBUILD}")
            }
            Reason::Host(Mismatch::Layout { minor }) => {
                write!(f, "the layout of minor version {minor} differs; {REBUILD}")
            }
            Reason::Host(Mismatch::Features { missing }) => {
                write!(f, "features {missing:#x} are missing; load an i915 that has them, or an older kvmgt")
            }
            Reason::Host(Mismatch::Function { name }) => {
                write!(f, "the operation {name} is missing; {REBUILD}")
            }
            Reason::Client(needs, Mismatch::Features { missing }) => {
                write!(f, "i915 needs features {missing:#x} that this kvmgt lacks (it needs {:#x}); load a newer kvmgt", needs.features)
            }
            Reason::Client(needs, _) => {
                write!(
                    f,
                    "i915 needs minor version {} of kvmgt; load a newer kvmgt",
                    needs.minor
                )
            }
            Reason::Open(errno) if errno.number() == EBUSY => {
                f.write_str("it has a client already; unload that one first")
            }
            Reason::Open(errno) if errno.number() == EINVAL => {
                write!(f, "i915 refused the table of kvmgt; {REBUILD}")
            }
            Reason::Open(errno) => write!(f, "opening it failed with error {}", errno.number()),
        }
    }
}

/// A major version as `2.x`.
struct Major(Option<Version>);

impl fmt::Display for Major {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(version) => write!(f, "{}.x", version.major),
            None => f.write_str("?"),
        }
    }
}
