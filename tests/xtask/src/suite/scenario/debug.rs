// SPDX-License-Identifier: GPL-2.0 OR MIT
//! That the debug kernel is one.

use anyhow::Result;

use super::checks;
use crate::kernel::Flavour;
use crate::suite::{Context, Count};

/// Has KASAN report more than the first fault.
const ALL_FAULTS: &str = "kasan_multi_shot";

/// It sees faults that a module makes on purpose.
pub fn sees(context: &Context) -> Result<Count> {
    let mut guest = checks::host(context, Flavour::Debug, checks::HEADLESS)?;
    guest.vm.append = format!("{} {ALL_FAULTS}", guest.vm.append);
    checks::run(&guest, include_str!("../../../vm/scenario/debug_sees.sh"))
}
