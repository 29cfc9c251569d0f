// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Who watches what a VM's processors write: as KVM does, or nobody.

use kernel::error::code::ENOTSUPP;
use kernel::error::Result;
use kvmgt_core::address::Gfn;
use kvmgt_core::gtt::ppgtt::PageTracker;
use std::collections::BTreeSet;

/// The pages of a VM that are watched.
///
/// It panics where the core breaks the contract of [`PageTracker`]: watches a page twice, or stops
/// to watch what it does not.
#[derive(Default)]
pub struct Watch {
    is_able: bool,
    pages: BTreeSet<Gfn>,
}

impl Watch {
    /// From now on pages can be watched. Who writes the VM's memory has to tell of it.
    pub fn enable(&mut self) {
        self.is_able = true;
    }

    /// Whether a page is watched.
    pub fn has(&self, gfn: Gfn) -> bool {
        self.pages.contains(&gfn)
    }
}

impl PageTracker for Watch {
    fn start(&mut self, gfn: Gfn) -> Result {
        if !self.is_able {
            return Err(ENOTSUPP);
        }
        assert!(self.pages.insert(gfn), "{gfn:?} is watched twice");
        Ok(())
    }

    fn stop(&mut self, gfn: Gfn) {
        assert!(
            self.pages.remove(&gfn),
            "{gfn:?} is watched no more that never was"
        );
    }
}
