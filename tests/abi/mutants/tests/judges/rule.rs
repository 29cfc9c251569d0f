// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The contract's own rule, put to builds that were changed.
//!
//! It is `iface::version::Header::accept`, and what `iface::table::take` gives it, with what a side of
//! the build `user` would compute of itself: up to the minor version that both have. The header goes
//! from one to the other as bytes, as it does in memory.

use abi_mutants::{hash, Build};
use iface::layout::{self, size_at, Structure};
use iface::version::{Header, Mismatch, Needs, Version, CLIENT_MAGIC, HOST_MAGIC};
use iface::{ClientTable, HostTable};

/// The address at which a maker's hashes are said to be.
const LAYOUTS: u64 = 0x1000;
/// Features that makers offer and users need.
const FEATURES: u64 = 1;
/// More bytes than any header has.
const HEADER_BYTES: usize = 128;

/// What the rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ours {
    /// The tables can be used.
    Accepted,
    /// They can't.
    Refused(Mismatch),
    /// The user looks for hashes where there are none: only another magic would have kept it off.
    Astray,
}

/// A build that offers its tables.
pub struct Offered {
    build: Build,
    version: Version,
}

impl Offered {
    /// What `build` offers if it claims to be `version`.
    pub fn of(build: Build, version: Version) -> Self {
        Self { build, version }
    }
}

/// Judges both tables that a build offers to a user of another, which has `minor`, and needs all of it.
pub fn judge(offered: &Offered, user: Build, minor: u16) -> Ours {
    for (name, magic) in [
        (HostTable::LAYOUT.name, HOST_MAGIC),
        (ClientTable::LAYOUT.name, CLIENT_MAGIC),
    ] {
        let judged = judge_table(offered, user, minor, name, magic);
        if judged != Ours::Accepted {
            return judged;
        }
    }
    Ours::Accepted
}

fn judge_table(offered: &Offered, user: Build, minor: u16, name: &str, magic: u64) -> Ours {
    let size = find(offered.build, name).size;
    let header = read(user, &written(offered, size, magic));
    let needs = Needs {
        minor,
        features: FEATURES,
    };
    let common = header.minor.min(minor);
    let address = header.layouts as u64;
    let looks = header.magic == magic
        && header.major == Version::CURRENT.major
        && header.layout_count > u32::from(common)
        && address != 0;
    if looks && address != LAYOUTS {
        return Ours::Astray;
    }
    let published = looks.then(|| hash(offered.build.structures, common));
    // `accept` compares with iface's own hash: what equals the user's is passed as equal to that.
    let own = layout::hash(header.common_minor());
    let published = published.map(|it| {
        if it == hash(user.structures, common) {
            own
        } else {
            !own
        }
    });
    let smallest = size_at(find(user, name), common);
    match header.accept(magic, needs, smallest, published) {
        Ok(()) => Ours::Accepted,
        Err(mismatch) => Ours::Refused(mismatch),
    }
}

fn find(build: Build, name: &str) -> &'static Structure {
    let found = build.structures.iter().find(|s| s.name == name);
    found.expect("every build has the tables and the header")
}

/// A header as its maker writes it.
fn written(offered: &Offered, size: usize, magic: u64) -> [u8; HEADER_BYTES] {
    let Version { major, minor } = offered.version;
    let mut bytes = [0; HEADER_BYTES];
    for field in find(offered.build, Header::LAYOUT.name).fields {
        let value: u64 = match field.name {
            "magic" => magic,
            "major" => major.into(),
            "minor" => minor.into(),
            "size" => size as u64,
            "features" | "needs_features" => FEATURES,
            "layouts" => LAYOUTS,
            "layout_count" => u64::from(minor) + 1,
            _ => 0,
        };
        let place = &mut bytes[field.offset..][..field.size];
        place.copy_from_slice(&value.to_le_bytes()[..field.size]);
    }
    bytes
}

/// A header as its user reads it.
fn read(user: Build, bytes: &[u8; HEADER_BYTES]) -> Header {
    let value = |name: &str| {
        let fields = find(user, Header::LAYOUT.name).fields;
        let mut value = [0; size_of::<u64>()];
        if let Some(field) = fields.iter().find(|f| f.name == name) {
            value[..field.size].copy_from_slice(&bytes[field.offset..][..field.size]);
        }
        u64::from_le_bytes(value)
    };
    Header {
        magic: value("magic"),
        major: value("major") as u16,
        minor: value("minor") as u16,
        size: value("size") as u32,
        features: value("features"),
        layouts: value("layouts") as *const u64,
        layout_count: value("layout_count") as u32,
        needs_minor: value("needs_minor") as u16,
        reserved: value("reserved") as u16,
        needs_features: value("needs_features"),
    }
}
