// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What i915 offers to kvmgt and needs of it, for people to read: the lines `gvt_*` of `modinfo`, and
//! the device's attributes of the same names.
//!
//! kvmgt reads it in the header of the table. Here too the compiler takes it from there.

use crate::bindings::gvt_shim_interface;
use iface::layout::hash;
use iface::version::Header;
use iface::HostTable;

const HEADER: Header = HostTable::HEADER;

/// What is offered.
pub(crate) const OFFERED: gvt_shim_interface = gvt_shim_interface {
    major: HEADER.major,
    minor: HEADER.minor,
    features: HEADER.features,
    layout: hash(HEADER.minor),
};

/// What is needed.
pub(crate) const NEEDED: gvt_shim_interface = gvt_shim_interface {
    major: HEADER.major,
    minor: HEADER.needs_minor,
    features: HEADER.needs_features,
    layout: hash(HEADER.needs_minor),
};

/// What stands in front of a line of a module that is built in.
const PREFIX: &str = if cfg!(MODULE) { "" } else { "i915." };

iface::modinfo!(PREFIX, HEADER);
