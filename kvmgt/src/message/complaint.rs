// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is said of a guest that did what it must not.

use crate::address::Gma;
use crate::gtt::entry::GuestEntry;
use core::fmt;
use kernel::prelude::*;

/// A guest did what it must not, or something failed for it. Level: warning, with a limit on the
/// rate; the vGPU's name stands in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// A fence that the host half did not take.
    Fence {
        /// Its number in the vGPU.
        index: u32,
        /// What the host half said.
        error: Error,
    },
    /// An entry of the GGTT that names no page that can be mapped.
    GgttEntry {
        /// What it translates.
        address: Gma,
        /// What the guest wrote.
        entry: GuestEntry,
        /// Why the page can't be mapped.
        error: Error,
    },
    /// An entry of the GGTT that the host half did not take.
    GgttWrite {
        /// What it translates.
        address: Gma,
        /// What the host half said.
        error: Error,
    },
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fence { index, error } => {
                write!(
                    f,
                    "fence {index} is not written: error {}",
                    error.to_errno()
                )
            }
            Self::GgttEntry {
                address,
                entry,
                error,
            } => write!(
                f,
                "the GGTT entry of {address} leads nowhere: {entry} is not mapped: error {}",
                error.to_errno()
            ),
            Self::GgttWrite { address, error } => write!(
                f,
                "the GGTT entry of {address} is not written: error {}",
                error.to_errno()
            ),
        }
    }
}
