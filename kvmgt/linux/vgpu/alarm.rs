// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A timer that has a vGPU look at the time when its core wants that.
//!
//! It fires in an interrupt, and there only queues the vGPU's work.

use crate::job::{Job, JobRef};
use core::ptr::NonNull;
use kernel::{
    impl_has_hr_timer,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, ArcBorrow,
    },
    time::{
        hrtimer::{
            ArcHrTimerHandle, HrTimer, HrTimerCallback, HrTimerCallbackContext, HrTimerPointer,
            HrTimerRestart, RelativeMode,
        },
        Delta, Monotonic,
    },
};
use kvmgt_core::schedule::time::Time;

/// How soon it fires at the soonest, in nanoseconds, whatever the core says: interrupts are not to
/// come again and again without anything else in between.
const SOONEST: i64 = 50_000;

/// The timer, and whom it wakes.
#[pin_data]
struct Bell {
    job: JobRef,
    /// It has fired since it was set.
    has_fired: Atomic<bool>,
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Bell {
        mode: RelativeMode<Monotonic>,
        field: self.timer,
    }
}

impl HrTimerCallback for Bell {
    type Pointer<'a> = Arc<Self>;

    fn run(this: ArcBorrow<'_, Self>, _: HrTimerCallbackContext<'_, Self>) -> HrTimerRestart {
        this.has_fired.store(true, Relaxed);
        this.job.queue();
        // The work finds out whether there is a next time.
        HrTimerRestart::NoRestart
    }
}

/// The alarm of a vGPU that is open. It costs nothing as long as the core wants none.
pub(super) struct Alarm {
    bell: Arc<Bell>,
    /// The timer, from when it is set until it is cancelled, whether it has fired or not.
    set: Option<Set>,
}

/// A timer that was set.
struct Set {
    due: Time,
    /// Cancels it when it is dropped.
    _timer: ArcHrTimerHandle<Bell>,
}

impl Alarm {
    /// One that wakes `job`, and is not set.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    ///
    /// # Safety
    ///
    /// The job stays until this was dropped.
    pub(super) unsafe fn new(job: NonNull<Job>) -> Result<Self> {
        // SAFETY: by this function's own requirement; it is used by nothing but the timer, which
        // was cancelled when this was dropped.
        let job = unsafe { JobRef::new(job) };
        let bell = Arc::pin_init(
            pin_init!(Bell {
                job,
                has_fired: Atomic::new(false),
                timer <- HrTimer::new(),
            }),
            GFP_KERNEL,
        )?;
        Ok(Self { bell, set: None })
    }

    /// Fires at a moment and at no other, or not at all. It is `now`.
    pub(super) fn set(&mut self, due: Option<Time>, now: Time) {
        let before = self.set.as_ref().map(|set| set.due);
        // If it has fired and the core still wants it then, it came a moment too soon.
        if due == before && !self.bell.has_fired.load(Relaxed) {
            return;
        }
        // The timer is cancelled before it is started anew. That waits for an interrupt under way,
        // which waits for nobody.
        self.set = None;
        self.bell.has_fired.store(false, Relaxed);
        self.set = due.map(|due| {
            let left = i64::try_from(due.since(now).0).unwrap_or(i64::MAX);
            let left = Delta::from_nanos(left.max(SOONEST));
            Set {
                due,
                _timer: self.bell.clone().start(left),
            }
        });
    }
}
