// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the host half tells of a GPU: counted and traced, and passed on to its turns.

use crate::{c, turns::Turns};
use iface::{
    client::{Direction, Events, Outcome, ResetPhase},
    events::{RESET_DONE, RESET_PREPARE},
};
use kernel::{
    prelude::*,
    str::CString,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
};

/// Receives the events of one GPU. Any context, no lock but that of the turns.
pub(crate) struct Listener {
    name: CString,
    turns: Arc<Turns>,
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
    pub(crate) fn new(name: &CStr, turns: Arc<Turns>) -> Result<Self> {
        Ok(Self {
            name: CString::try_from(name)?,
            turns,
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
        self.turns.set_asleep(true);
    }

    fn resume(&self) {
        self.resume.add(1, Relaxed);
        c::trace_resume(&self.name);
        self.turns.set_asleep(false);
    }

    fn schedule_event(&self, engine: u32, context: u64, direction: Direction) {
        // Of ours the end of a submission tells.
        if context == 0 {
            self.turns.host_context(engine, direction);
        }
    }

    fn submit_done(&self, _context: u64, tag: u64, outcome: Outcome) {
        self.turns.submit_done(tag, outcome);
    }
}
