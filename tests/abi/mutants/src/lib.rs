// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The contract with one thing changed, hundreds of times, compiled for three judges.
//!
//! The build script takes iface's declarations, changes one thing (`abi::mutate`), and writes what it
//! has twice: by iface's own macros, so that the contract's own rule can judge it, and as types of
//! `abi_stable`, which knows nothing of that rule. What the compiler makes of the former is in the debug
//! information, too.

use abi_stable::type_layout::TypeLayout;
use iface::layout::{hash_of, Structure, NUMBERS};

/// A contract as the judges see it.
#[derive(Clone, Copy)]
pub struct Build {
    /// Its structures as iface's macros describe them.
    pub structures: &'static [Structure],
    /// The module of those that it declares itself.
    pub path: &'static str,
    /// Does nothing, with variables of all these types, so that they are in the debug information of
    /// what it is linked into.
    pub shown: fn(),
    /// The same structures as `abi_stable` has them.
    pub layouts: fn() -> Vec<&'static TypeLayout>,
}

/// A contract with one thing changed.
pub struct Mutant {
    /// What was changed.
    pub name: &'static str,
    /// The kind of change.
    pub kind: &'static str,
    /// The structure that was changed.
    pub structure: &'static str,
    /// The minor version that it claims to be.
    pub minor: u16,
    /// The contract.
    pub build: Build,
}

/// The contract as it is, written by the same way as the mutants.
pub const CONTRACT: Build = generated::CONTRACT;
pub use generated::MUTANTS;

/// The hash over everything up to minor version `minor`, by iface's own source.
pub const fn hash(structures: &[Structure], minor: u16) -> u64 {
    hash_of(structures, NUMBERS, minor)
}

/// Where iface's macros find the types of what they describe.
mod layout {
    pub use iface::layout::{Field, Structure};
}

#[allow(
    dead_code,
    missing_docs,
    non_camel_case_types,
    unused_imports,
    unused_qualifications,
    clippy::all,
    reason = "what is generated is not read"
)]
mod generated {
    use super::{Build, Mutant};
    use iface::layout::Structure;

    /// What mutants find by iface's macros, but for what they declare themselves.
    mod plain {
        pub use core::ffi::{c_int, c_void};
        pub use iface::host::{HostDevice, HostTable};
        pub use iface::layout::Structure;
        pub use iface::snapshot::{BlobHeader, BlobRange};
        pub use iface::types::*;
        pub use iface::{ClientTable, Header};
    }

    /// What they find as types of `abi_stable`.
    mod stable {
        pub use abi_stable::type_layout::TypeLayout;
        pub use abi_stable::StableAbi;
        pub use core::ffi::{c_int, c_void};
        pub use iface::types::MAX_ENGINES;

        #[repr(C)]
        #[derive(Clone, Copy, StableAbi)]
        pub struct HostDevice {
            _opaque: [u8; 0],
        }
    }

    pub const CONTRACT: Build = contract::BUILD;

    include!(concat!(env!("OUT_DIR"), "/contract.rs"));
    // Lints would take minutes to find out that they are off.
    #[cfg(not(clippy))]
    include!(concat!(env!("OUT_DIR"), "/mutants.rs"));
    /// No mutant.
    #[cfg(clippy)]
    pub static MUTANTS: &[Mutant] = &[];
}
