// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The contract's structures and numbers as data: offsets, sizes, signatures, values, and a hash over
//! them.
//!
//! A version number tells what somebody meant to build, the hash what was built. A structure that
//! was changed without its number is refused when kvmgt loads, not executed.

mod numbers;

pub use numbers::{Number, NUMBERS};

use crate::hash::Hash;
use crate::version::MINOR;
use core::fmt;

/// A field of a structure.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Bytes in front of it.
    pub offset: usize,
    /// Bytes.
    pub size: usize,
    /// Its type as it stands in the source.
    pub signature: &'static str,
    /// The minor version that added it.
    pub since: u16,
}

/// A structure.
#[derive(Clone, Copy, Debug)]
pub struct Structure {
    /// Its name.
    pub name: &'static str,
    /// Bytes.
    pub size: usize,
    /// Alignment in bytes.
    pub align: usize,
    /// Its fields in their order.
    pub fields: &'static [Field],
}

/// Every structure that crosses the boundary.
pub const STRUCTURES: &[Structure] = &[
    crate::version::Header::LAYOUT,
    crate::host::HostTable::LAYOUT,
    crate::events::ClientTable::LAYOUT,
    crate::types::Engine::LAYOUT,
    crate::types::Info::LAYOUT,
    crate::types::MmioOp::LAYOUT,
    crate::types::GgttRequest::LAYOUT,
    crate::types::GgttRange::LAYOUT,
    crate::types::Buffer::LAYOUT,
    crate::types::ContextRequest::LAYOUT,
    crate::types::Context::LAYOUT,
    crate::types::Segment::LAYOUT,
    crate::types::Submission::LAYOUT,
    crate::types::Snapshot::LAYOUT,
    crate::snapshot::BlobHeader::LAYOUT,
    crate::snapshot::BlobRange::LAYOUT,
];

/// The structures that a later minor version may append to: they are passed with their size.
///
/// Any other is as long as each side believes it to be.
const GROWING: [&str; 3] = ["HostTable", "ClientTable", "Info"];

const _: () = {
    let mut s = 0;
    while s < STRUCTURES.len() {
        let fields = STRUCTURES[s].fields;
        let mut f = 1;
        while f < fields.len() {
            let (before, since) = (fields[f - 1].since, fields[f].since);
            assert!(before <= since, "a field is inserted: append it");
            assert!(
                before == since || may_grow(STRUCTURES[s].name),
                "a structure grows that is passed without its size"
            );
            f += 1;
        }
        s += 1;
    }
};

const fn may_grow(structure: &str) -> bool {
    let mut g = 0;
    while g < GROWING.len() {
        // `==` of strings is not const.
        if Hash::new().source(GROWING[g]).value() == Hash::new().source(structure).value() {
            return true;
        }
        g += 1;
    }
    false
}

/// The layout hashes that a table publishes, one for each minor version up to [`MINOR`].
pub static HASHES: [u64; MINOR as usize + 1] = hashes();

const fn hashes() -> [u64; MINOR as usize + 1] {
    let mut all = [0; MINOR as usize + 1];
    let mut minor = 0;
    while minor < all.len() {
        all[minor] = hash(minor as u16);
        minor += 1;
    }
    all
}

/// The hash over everything up to minor version `minor`; what later ones added does not change it.
pub const fn hash(minor: u16) -> u64 {
    hash_of(STRUCTURES, NUMBERS, minor)
}

/// The hash that [`hash`] would be, were these all structures and numbers of the contract.
pub const fn hash_of(structures: &[Structure], numbers: &[Number], minor: u16) -> u64 {
    let mut hash = Hash::new();
    let mut s = 0;
    while s < structures.len() {
        if size_at(&structures[s], minor) != 0 {
            hash = structures[s].add_to(hash, minor);
        }
        s += 1;
    }
    let mut n = 0;
    while n < numbers.len() {
        if numbers[n].since <= minor {
            hash = hash.source(numbers[n].name).number(numbers[n].value);
        }
        n += 1;
    }
    hash.value()
}

impl Structure {
    const fn add_to(&self, mut hash: Hash, minor: u16) -> Hash {
        hash = hash.source(self.name).number(self.align as u64);
        let mut f = 0;
        while f < self.fields.len() {
            let field = &self.fields[f];
            if field.since <= minor {
                hash = hash
                    .source(field.name)
                    .number(field.offset as u64)
                    .number(field.size as u64)
                    .source(field.signature);
            }
            f += 1;
        }
        hash
    }
}

/// Bytes that a structure has at minor version `minor`.
pub const fn size_at(structure: &Structure, minor: u16) -> usize {
    let mut end = 0;
    let mut f = 0;
    while f < structure.fields.len() {
        let field = &structure.fields[f];
        if field.since <= minor && field.offset + field.size > end {
            end = field.offset + field.size;
        }
        f += 1;
    }
    end
}

/// Prints the dump that is kept in `docs/abi/layout.txt`.
pub struct Dump;

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "interface {}.{}", crate::version::MAJOR, MINOR)?;
        for (minor, hash) in HASHES.iter().enumerate() {
            writeln!(f, "layout of minor {minor}: {hash:#018x}")?;
        }
        writeln!(
            f,
            "register table: {} rows, revision {:#010x}",
            crate::registers::TABLE.len(),
            crate::registers::REVISION
        )?;
        for structure in STRUCTURES {
            writeln!(f)?;
            writeln!(
                f,
                "{}: {} bytes, alignment {}",
                structure.name, structure.size, structure.align
            )?;
            for field in structure.fields {
                write!(
                    f,
                    "  {:5} {:4}  since {}.{}  {}: ",
                    field.offset,
                    field.size,
                    crate::version::MAJOR,
                    field.since,
                    field.name
                )?;
                writeln!(f, "{}", Words(field.signature))?;
            }
        }
        Ok(())
    }
}

/// Source text with each run of white space as one blank, and none in front of a colon.
pub struct Words(pub &'static str);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for word in self.0.split_whitespace() {
            let separator = if word == ":" {
                ""
            } else {
                core::mem::replace(&mut separator, " ")
            };
            write!(f, "{separator}{word}")?;
        }
        Ok(())
    }
}

/// Declares a plain structure of the contract together with its layout.
///
/// Each field names the minor version that added it.
macro_rules! structure {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[$field_meta:meta])* since $since:literal pub $field:ident: $type:ty, )*
        }
    ) => {
        $(#[$meta])*
        #[repr(C)]
        #[cfg_attr(feature = "stable-abi", derive(abi_stable::StableAbi))]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $type, )*
        }

        impl $name {
            /// The structure as data.
            pub const LAYOUT: $crate::layout::Structure = $crate::layout::Structure {
                name: stringify!($name),
                size: size_of::<Self>(),
                align: align_of::<Self>(),
                fields: &[
                    $( $crate::layout::Field {
                        name: stringify!($field),
                        offset: core::mem::offset_of!(Self, $field),
                        size: size_of::<$type>(),
                        signature: stringify!($type),
                        since: $since,
                    }, )*
                ],
            };
        }
    };
}
pub(crate) use structure;

/// Declares a table of functions: some leading fields, then functions that may not be null.
macro_rules! table {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            data { $( $(#[$field_meta:meta])* since $field_since:literal pub $field:ident: $type:ty, )* }
            functions { $( $(#[$fn_meta:meta])* since $since:literal fn $function:ident($($arg:ident: $arg_type:ty),* $(,)?) $(-> $return:ty)?; )* }
        }
    ) => {
        $(#[$meta])*
        #[repr(C)]
        #[cfg_attr(feature = "stable-abi", derive(abi_stable::StableAbi))]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $type, )*
            $( $(#[$fn_meta])* pub $function: Option<unsafe extern "C" fn($($arg: $arg_type),*) $(-> $return)?>, )*
        }

        impl $name {
            /// The table as data.
            pub const LAYOUT: $crate::layout::Structure = $crate::layout::Structure {
                name: stringify!($name),
                size: size_of::<Self>(),
                align: align_of::<Self>(),
                fields: &[
                    $( $crate::layout::Field {
                        name: stringify!($field),
                        offset: core::mem::offset_of!(Self, $field),
                        size: size_of::<$type>(),
                        signature: stringify!($type),
                        since: $field_since,
                    }, )*
                    $( $crate::layout::Field {
                        name: stringify!($function),
                        offset: core::mem::offset_of!(Self, $function),
                        size: size_of::<usize>(),
                        signature: stringify!(fn($($arg: $arg_type),*) $(-> $return)?),
                        since: $since,
                    }, )*
                ],
            };

            /// The first function up to minor version `minor` that is null.
            pub fn null_function(&self, minor: u16) -> Option<&'static str> {
                const SINCE: &[u16] = &[$( $since ),*];
                let functions = [$( (stringify!($function), self.$function.is_some()) ),*];
                let mut all = SINCE.iter().zip(functions);
                all.find(|(since, (_, there))| **since <= minor && !there).map(|(_, (name, _))| name)
            }
        }
    };
}
pub(crate) use table;

#[cfg(test)]
mod tests;
