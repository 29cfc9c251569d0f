// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The time that schedules go by.

use crate::card::Card;
use kvmgt_core::schedule::time::Time;
use std::time::Instant;

/// A clock.
pub(super) enum Clock {
    /// That of the machine that all of this runs on, since then.
    Monotonic(Instant),
    /// That of the GPU, which is locked for a look at it: nobody may wait for the schedules with the
    /// GPU locked.
    OfTheGpu,
}

impl Clock {
    /// One that begins now.
    pub(super) fn monotonic() -> Self {
        Self::Monotonic(Instant::now())
    }

    /// Its time.
    pub(super) fn now(&self, card: &Card) -> Time {
        match self {
            Self::Monotonic(begun) => {
                Time(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX))
            }
            Self::OfTheGpu => Time(card.gpu_time().0),
        }
    }
}
