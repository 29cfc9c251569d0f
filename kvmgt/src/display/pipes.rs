// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Frames, scan lines, vertical blanks, and flips that wait for one.

use crate::schedule::time::Time;

/// What the pipes know that is in no register.
#[derive(Default)]
pub(crate) struct Pipes {}

impl Pipes {
    /// When something happens next that the guest hears of.
    pub(crate) fn alarm(&self) -> Option<Time> {
        None
    }
}
