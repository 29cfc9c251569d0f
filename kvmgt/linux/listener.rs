// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the host half tells of a GPU, counted and traced.

use crate::c;
use iface::{
    client::{Direction, Events, Outcome, ResetPhase},
    events::{RESET_DONE, RESET_PREPARE},
};
use kernel::{
    prelude::*,
    str::CString,
    sync::atomic::{Atomic, Relaxed},
};

/// Receives the events of one GPU. Any context, no lock.
pub(crate) struct Listener {
    name: CString,
    /// Registers that are tracked, for debugfs only.
    pub(crate) tracked: Atomic<usize>,
    /// Resets that began.
    pub(crate) reset_prepare: Atomic<u32>,
    /// Resets that ended.
    pub(crate) reset_done: Atomic<u32>,
    /// Suspends of the host.
    pub(crate) suspend: Atomic<u32>,
    /// Resumes of the host.
    pub(crate) resume: Atomic<u32>,
}

impl Listener {
    /// A listener to the device of that name, which has heard nothing yet.
    pub(crate) fn new(name: &CStr) -> Result<Self> {
        Ok(Self {
            name: CString::try_from(name)?,
            tracked: Atomic::new(0),
            reset_prepare: Atomic::new(0),
            reset_done: Atomic::new(0),
            suspend: Atomic::new(0),
            resume: Atomic::new(0),
        })
    }

    /// Name of the device.
    pub(crate) fn name(&self) -> &CStr {
        &self.name
    }

    /// Sets the number of registers that debugfs tells.
    pub(crate) fn track(&self, registers: u32) {
        self.tracked.store(registers as usize, Relaxed);
    }
}

impl Events for Listener {
    fn gpu_reset(&self, engines: u32, phase: ResetPhase) {
        let (counter, phase) = match phase {
            ResetPhase::Prepare => (&self.reset_prepare, RESET_PREPARE),
            ResetPhase::Done => (&self.reset_done, RESET_DONE),
        };
        counter.add(1, Relaxed);
        c::trace_gpu_reset(&self.name, engines, phase);
    }

    fn suspend(&self) {
        self.suspend.add(1, Relaxed);
        c::trace_suspend(&self.name);
    }

    fn resume(&self) {
        self.resume.add(1, Relaxed);
        c::trace_resume(&self.name);
    }

    // kvmgt makes no contexts yet, and schedules nothing beside those of the host.
    fn schedule_event(&self, _: u32, _: u64, _: Direction) {}

    fn submit_done(&self, _: u64, _: u64, _: Outcome) {}
}
