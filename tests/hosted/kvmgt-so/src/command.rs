// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The commands.

use crate::bound::Bound;
use kernel::error::code::{EINVAL, ENODEV};
use kernel::error::Result;
use std::collections::BTreeMap;

/// Runs a command on the first of the devices.
pub fn run(devices: &mut BTreeMap<u32, Bound>, text: &str) -> Result<u64> {
    let mut first = devices.first_entry().ok_or(ENODEV)?;
    let bound = first.get_mut();
    match text.split_once(' ').unwrap_or((text, "")) {
        ("create", kind) => bound.create(kind).map(u64::from),
        ("submit", number) => bound.submit(find(bound, number)?),
        ("check", number) => bound.check(find(bound, number)?),
        ("remove", number) => bound.remove(find(bound, number)?).map(|()| 0),
        _ => Err(EINVAL),
    }
}

/// The vGPU that is meant.
fn find(bound: &Bound, number: &str) -> Result<u32> {
    if !number.is_empty() {
        return number.parse().map_err(|_| EINVAL);
    }
    let mut all = bound.numbers();
    match (all.next(), all.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(ENODEV),
        _ => Err(EINVAL),
    }
}
