// SPDX-License-Identifier: GPL-2.0 OR MIT
//! That i915 and kvmgt of two commits which claim the same version of the interface work together.

use std::fs;

use anyhow::{Context as _, Result};

use super::synthetic::PROGRAM;
use super::{checks, program};
use crate::kernel::{self, other, Flavour};
use crate::program::GEM_WORK;
use crate::progress::say;
use crate::suite::{Context, Count};

/// Where i915 and kvmgt are below the modules of a kernel.
pub const MODULES: [&str; 2] = ["kernel/drivers/gpu/drm/i915/i915.ko", "updates/kvmgt.ko"];
/// The folder of the other commit's modules in the VM.
const FOLDER: &str = "other";

/// kvmgt of the other commit with i915 of this tree, and the other way round.
pub fn work_together(context: &Context) -> Result<Count> {
    let other = other::ensure(&context.cache)?;
    say(&match &other.commit {
        Some(commit) => format!("    the other commit is {commit}"),
        None => "    the other commit is this one: nothing is released yet".to_owned(),
    });
    if !other.stand_ins.is_empty() {
        say(&format!("    patched to differ: {}", other.stand_ins));
    }
    let image = kernel::host_of(&context.cache, context.version, Flavour::Plain, other.tree)?;
    let overlay = program::overlay(context, &[PROGRAM, GEM_WORK])?;
    let folder = overlay.path().join(FOLDER);
    fs::create_dir(&folder)?;
    for name in MODULES {
        let module = image.modules().join(name);
        let place = folder.join(module.file_name().unwrap_or_default());
        fs::copy(&module, place).with_context(|| format!("cannot copy {}", module.display()))?;
    }
    // With a display i915 could not be unloaded: the console has it then.
    let mut guest = checks::host(context, Flavour::Plain, checks::HEADLESS)?;
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    let script = include_str!("../../../vm/scenario/two_commits.sh");
    checks::run(
        &guest,
        &format!("STAND_INS='{}'\n{script}", other.stand_ins),
    )
}
