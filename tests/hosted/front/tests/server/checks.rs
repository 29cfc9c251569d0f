// SPDX-License-Identifier: GPL-2.0 OR MIT
//! All checks of the synthetic guest.

use synthetic_guest::checks::{Verdict, ALL};
use synthetic_guest::transport::vfio_user::Socket;
use synthetic_guest::Guest;

use crate::Served;

/// Checks that can't be made over vfio-user: those of mappings, of the screen, and of two threads.
const SKIPPED: usize = 11;

/// Runs all checks on a vGPU of that GPU and type; `more` are those that this GPU skips too.
fn all_hold(gpu: &str, kind: &str, share: u32, more: usize) {
    let mut served = Served::start(&["--gpu", gpu, "--type", kind]);
    let mut skipped = 0;
    let mut failed = Vec::new();
    {
        let opener = Socket::new(&served.socket("socket"));
        let mut guest = Guest::open(&opener, Some(share)).unwrap();
        for check in ALL {
            match check.run(&mut guest) {
                Verdict::Ok => {}
                Verdict::Skipped(_) => skipped += 1,
                Verdict::Failed(why) => failed.push(format!("{}: {why}", check.name)),
            }
        }
    }
    assert!(failed.is_empty(), "{gpu} {kind}:\n{}", failed.join("\n"));
    assert_eq!(skipped, SKIPPED + more, "checks that are skipped");
    assert!(served.child.try_wait().unwrap().is_none(), "it still runs");
    served.signal(rustix::process::Signal::TERM);
    assert!(served.ends());
}

#[test]
fn checks_when_kaby_lake_then_all_hold() {
    all_hold("kbl,display=off", "V5_8", 8, 0);
}

#[test]
fn checks_when_skylake_and_large_aperture_then_all_hold() {
    all_hold("skl,aperture=1G,seed=7", "i915-GVTg_V5_2", 2, 0);
}

#[test]
fn checks_when_broadwell_then_all_hold() {
    all_hold("bdw", "GVTg_V4_8", 8, 1);
}

#[test]
fn checks_when_broxton_then_all_hold() {
    all_hold("bxt", "V5_8", 8, 1);
}

#[test]
fn checks_when_coffee_and_comet_lake_then_all_hold() {
    all_hold("cfl", "V5_8", 8, 0);
    all_hold("cml,aperture=512M", "V5_4", 4, 0);
}
