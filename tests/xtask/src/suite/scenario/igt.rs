// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The short list of IGT: a stock guest's i915 on a vGPU does what its own tests want of it.

use std::time::Duration;

use anyhow::{ensure, Result};

use crate::gpu_server::Vgpus;
use crate::igt::results::PASS;
use crate::igt::runner::Plan;
use crate::igt::select;
use crate::prepare::{Boot, GUEST_KERNEL};
use crate::progress::say;
use crate::suite::{Context, Count};

/// Seconds that one of them may take, of which each takes a few.
const TEST_TIMEOUT: u32 = 60;
/// The time that all of them may take.
const TIMEOUT: Duration = Duration::from_secs(900);

/// All of them pass, and nothing of the vGPU's is left after them; a test that is skipped lacks what was
/// there when it was chosen.
pub fn fast(context: &Context) -> Result<Count> {
    let ready = context.prepare(Boot::Igt(GUEST_KERNEL))?;
    let tests = select::fast();
    let plan = Plan {
        tests: &tests,
        vgpus: Some(Vgpus::smallest(1)),
        test_timeout: TEST_TIMEOUT,
        timeout: TIMEOUT,
        raw: None,
    };
    let outcome = plan.run(&ready)?;
    let mut count = Count::default();
    for ran in outcome.ran {
        if ran.word == PASS {
            count.passed += 1;
        } else {
            count.failed += 1;
            say(&format!("{}: {} ({})", ran.name, ran.word, ran.why));
        }
    }
    ensure!(!outcome.lost.is_empty(), "no VM has ended");
    for lost in outcome.lost {
        match lost {
            None => count.passed += 1,
            Some(lost) => {
                count.failed += 1;
                say(&lost);
            }
        }
    }
    Ok(count)
}
