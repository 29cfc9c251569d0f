// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the host half tells of a GPU: counted and traced, and passed on to its turns.

use crate::{c, turns::Turns};
use iface::client::{Direction, Events, Outcome};
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

    fn host_context(&self, engine: u32, direction: Direction) {
        self.turns.host_context(engine, direction);
    }

    fn submit_done(&self, _context: u64, tag: u64, outcome: Outcome) {
        self.turns.submit_done(tag, outcome);
    }
}
