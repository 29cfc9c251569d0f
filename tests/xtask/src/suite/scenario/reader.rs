// SPDX-License-Identifier: GPL-2.0 OR MIT
//! That the client which the interface's document shows works.

use std::fmt::Write as _;

use anyhow::Result;
use gen9_gpu::Options;

use super::{checks, golden};
use crate::kernel::{Flavour, Version};
use crate::progress::say;
use crate::suite::{Context, Count};

/// How many registers the client prints.
const PRINTED: usize = 3;

/// It prints what the software GPU came up with, and takes turns with kvmgt.
pub fn reads(context: &Context, flavour: Flavour) -> Result<Count> {
    if context.version != Version::RECORD {
        say("    skipped: the client is written for another kernel");
        return Ok(Count::default());
    }
    let guest = checks::host(context, flavour, checks::HEADLESS)?;
    let gpu = Options::parse(checks::HEADLESS)?;
    let mut script = String::from("cat >/run/lab/registers <<'REGISTERS'\n");
    for (offset, value) in golden::come_up(&gpu).take(PRINTED) {
        // Writing to a string cannot fail.
        let _ = writeln!(script, "{offset:#08x} = {value:#010x}");
    }
    script += "REGISTERS\n";
    script += include_str!("../../../vm/scenario/reader.sh");
    checks::run(&guest, &script)
}
