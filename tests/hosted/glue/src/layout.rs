// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The contract's tables as `abi_stable` sees them.

use abi_stable::type_layout::TypeLayout;
use abi_stable::StableAbi;
use iface::{ClientTable, HostTable};
use std::ffi::c_void;

/// Both tables, and by them all that crosses the boundary.
#[repr(C)]
#[derive(StableAbi)]
pub struct Contract {
    /// What the host half offers.
    pub host: HostTable,
    /// What a client offers.
    pub client: ClientTable,
}

/// The layout of [`Contract`], for the loader's judge; it is a `&'static TypeLayout`.
pub extern "C" fn contract() -> *const c_void {
    std::ptr::from_ref::<TypeLayout>(Contract::LAYOUT).cast()
}
