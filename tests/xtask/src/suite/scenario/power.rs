// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What users see of a GPU in sysfs, turned off and on, awake and asleep.

use anyhow::Result;

use super::{checks, program, synthetic};
use crate::kernel::Flavour;
use crate::program::GEM_WORK;
use crate::suite::{Context, Count};

/// A script with a GPU of its own: a VM each.
struct Case {
    gpu: &'static str,
    /// Set for the script.
    status: &'static str,
    script: &'static str,
}

/// Every word of `gvt_status` but `guc`: this i915 never uses GuC submission on these GPUs.
const CASES: &[Case] = &[
    Case {
        gpu: checks::HEADLESS,
        status: "ready",
        script: include_str!("../../../vm/scenario/power.sh"),
    },
    Case {
        gpu: checks::HEADLESS,
        status: "ready",
        script: include_str!("../../../vm/scenario/suspend.sh"),
    },
    Case {
        gpu: "kbl,display=off,vgpu=on",
        status: "guest",
        script: include_str!("../../../vm/scenario/not_offered.sh"),
    },
    Case {
        gpu: "bxt,id=3184,display=off",
        status: "unsupported",
        script: include_str!("../../../vm/scenario/not_offered.sh"),
    },
    Case {
        gpu: checks::HEADLESS,
        status: "error",
        script: include_str!("../../../vm/scenario/not_published.sh"),
    },
];

/// `gvt_status`, the attributes of the device, the lines of a kvmgt without a GPU, and a vGPU that is
/// open when the host suspends.
pub fn states(context: &Context, flavour: Flavour) -> Result<Count> {
    let overlay = program::overlay(context, &[synthetic::PROGRAM, GEM_WORK])?;
    let mut count = Count::default();
    for case in CASES {
        let mut guest = checks::host(context, flavour, case.gpu)?.without_i915();
        guest.vm.overlay = Some(overlay.path().to_path_buf());
        let script = format!("STATUS={}\n{}", case.status, case.script);
        count = count.plus(checks::run(&guest, &script)?);
    }
    Ok(count)
}
