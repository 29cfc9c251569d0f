// SPDX-License-Identifier: GPL-2.0 OR MIT
//! That an administrator's golden state is checked in full.

use anyhow::Result;

use super::checks;
use crate::kernel::Flavour;
use crate::suite::{Context, Count};

/// Damaged, cut, too long, of another GPU: ignored with one line. The GPU's own is used.
pub fn checked(context: &Context, flavour: Flavour) -> Result<Count> {
    let guest = checks::host(context, flavour, checks::HEADLESS)?;
    checks::run(
        &guest,
        include_str!("../../../vm/scenario/override_file.sh"),
    )
}
