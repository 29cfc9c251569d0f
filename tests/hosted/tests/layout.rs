// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `abi_stable`, which knows nothing of our version rule, judges the layouts of the contract.

use abi_stable::abi_stability::abi_checking::check_layout_compatibility;
use abi_stable::StableAbi;
use hosted::loader::{path_of, Bus, Loaded};
use iface::events::ClientTable;
use iface::types::GgttRange;
use std::ffi::c_void;

#[test]
fn two_halves_of_one_build_are_laid_out_alike() {
    let bus = Bus::new();
    let host = Loaded::load(&bus, &path_of("hosted-host-so").unwrap()).unwrap();
    let kvmgt = Loaded::load(&bus, &path_of("hosted-kvmgt-so").unwrap()).unwrap();

    assert_eq!(host.judge(&kvmgt), Ok(()));
    assert_eq!(kvmgt.judge(&host), Ok(()));
}

/// The client's table and a structure as somebody might change them without a new version.
mod changed {
    use super::{c_void, StableAbi};
    use iface::Header;

    pub mod signature {
        use super::{c_void, Header, StableAbi};

        #[repr(C)]
        #[derive(StableAbi)]
        pub struct ClientTable {
            pub header: Header,
            pub suspend: Option<unsafe extern "C" fn(private: *mut c_void)>,
            pub resume: Option<unsafe extern "C" fn(private: *mut c_void)>,
            // It takes a mask of 64 bits.
            pub host_context:
                Option<unsafe extern "C" fn(private: *mut c_void, engine: u64, event: u32)>,
            pub submit_done: Option<
                unsafe extern "C" fn(private: *mut c_void, context: u64, tag: u64, outcome: u32),
            >,
        }
    }

    pub mod order {
        use super::StableAbi;

        #[repr(C)]
        #[derive(StableAbi)]
        pub struct GgttRange {
            pub start: u64,
            pub handle: u64,
            pub size: u64,
        }
    }

    pub mod width {
        use super::StableAbi;

        #[repr(C)]
        #[derive(StableAbi)]
        pub struct GgttRange {
            pub handle: u64,
            pub start: u64,
            pub size: u32,
            pub padding: u32,
        }
    }
}

#[test]
fn judge_finds_each_kind_of_change() {
    let range = <GgttRange as StableAbi>::LAYOUT;
    let client = <ClientTable as StableAbi>::LAYOUT;
    let pairs = [
        ("signature", client, changed::signature::ClientTable::LAYOUT),
        ("order", range, changed::order::GgttRange::LAYOUT),
        ("width", range, changed::width::GgttRange::LAYOUT),
    ];
    for (what, own, other) in pairs {
        assert!(check_layout_compatibility(own, own).is_ok());
        assert!(check_layout_compatibility(own, other).is_err(), "{what}");
    }
}
