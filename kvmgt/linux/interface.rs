// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What kvmgt offers to i915 and needs of it, for people to read: the lines `gvt_*` of `modinfo`, and
//! the driver's attributes of the same names.
//!
//! i915 reads it in the header of the table. Here too the compiler takes it from there.

use crate::c::raw;
use iface::layout::hash;
use iface::version::Header;
use iface::ClientTable;
use kernel::bindings;

const HEADER: Header = ClientTable::HEADER;

const OFFERED: raw::kvmgt_interface = raw::kvmgt_interface {
    major: HEADER.major,
    minor: HEADER.minor,
    features: HEADER.features,
    layout: hash(HEADER.minor),
};

const NEEDED: raw::kvmgt_interface = raw::kvmgt_interface {
    major: HEADER.major,
    minor: HEADER.needs_minor,
    features: HEADER.needs_features,
    layout: hash(HEADER.needs_minor),
};

/// The attributes of the driver, which the driver core adds and takes away with it.
pub(crate) fn attributes() -> *mut *const bindings::attribute_group {
    static SAID: [raw::kvmgt_interface; 2] = [OFFERED, NEEDED];
    // SAFETY: both are static.
    unsafe { raw::kvmgt_driver_groups(&raw const SAID[0], &raw const SAID[1]) }
}

iface::modinfo!("", HEADER);
