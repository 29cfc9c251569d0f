// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a vGPU costs beside one of the GVT-g in C of the same kernel, in one boot.
//!
//! The kernel that runs is ours; the C driver's i915 and kvmgt come from a second build of the
//! same source, which differs in nothing else.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::checks;
use crate::kernel::{self, Flavour};
use crate::suite::context::Shell;
use crate::suite::{Context, Count};
use crate::vm::Vm;

mod accesses;
mod work;

pub use accesses::costs as accesses;
pub use work::costs as work;

/// The GPU: the C kvmgt dies of one without display.
const GPU: &str = "kbl";
/// Where the modules are below those of a kernel.
const MODULES: &str = "kernel/drivers/gpu/drm/i915";
/// The modules of the GVT-g in C.
const PAIR: [&str; 2] = ["i915.ko", "kvmgt.ko"];
/// What measures one and then the other, by a function that stands in front of it.
const BOTH: &str = include_str!("../../../vm/scenario/beside_c.sh");
/// Measures both in a VM, to which the C driver's modules go in the overlay, as `measure` does in a script.
///
/// Prints what it has printed for each in lines that begin with `cost ours` and `cost theirs`.
fn measure(
    context: &Context,
    overlay: &Path,
    measure: &str,
    vm: impl FnOnce(&mut Vm),
) -> Result<(Shell, Count)> {
    let in_c = kernel::host(&context.cache, context.version, Flavour::InC)?;
    let folder = overlay.join("in-c");
    fs::create_dir_all(&folder)?;
    for name in PAIR {
        let module = in_c.modules().join(MODULES).join(name);
        fs::copy(&module, folder.join(name))
            .with_context(|| format!("cannot copy {}", module.display()))?;
    }
    let mut guest = checks::host(context, Flavour::Plain, GPU)?;
    guest.vm.overlay = Some(overlay.to_path_buf());
    vm(&mut guest.vm);
    checks::run_shell(&guest, &format!("{measure}\n{BOTH}"))
}
