// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a register can see and change while it is accessed.

use super::fence;
use super::registers::RegisterFile;
use super::request::{EngineSet, Requests};
use super::sbi::Sideband;
use super::written::Written;
use crate::address::{Gma, MmioOffset, PAGE_SIZE};
use crate::device::Device;
use crate::display::Display;
use crate::fences::Fences;
use crate::guest::{Event, Guest};
use crate::host::Host;
use crate::interrupt::Seconds;
use crate::message::{Complaint, Failsafe};
use crate::schedule::time::Time;
use core::ops::Range;
use iface::registers;
use iface::types::{mmio, MmioOp};

/// What of the GPU a vGPU has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    /// Its part of the aperture, in bytes from GGTT address 0.
    pub(crate) aperture: Range<u64>,
    /// The host's handle of that.
    pub(crate) aperture_handle: u64,
    /// Its part of the GGTT behind the aperture, in bytes from GGTT address 0.
    pub(crate) high: Range<u64>,
    /// Its fences.
    pub(crate) fences: u32,
}

impl Share {
    /// Whether the page that begins at an address is its own, with all of its bytes.
    pub(crate) fn has_page(&self, first: Gma) -> bool {
        let end = first.0.saturating_add(PAGE_SIZE);
        [&self.aperture, &self.high]
            .iter()
            .any(|range| range.start <= first.0 && end <= range.end)
    }
}

/// What the registers of a vGPU know that is in none of them.
#[derive(Default)]
pub(crate) struct State {
    /// Whether a message has to be sent.
    pub(crate) interrupt: bool,
    /// Events that came while they were pending.
    pub(crate) seconds: Seconds,
    /// Whether the guest has read PVINFO: it knows what it runs on.
    pub(crate) aware: bool,
    /// Whether all registers are plain memory, because the guest can't be served.
    pub(crate) failsafe: bool,
    /// What an access asks of the rest of the vGPU.
    pub(crate) requests: Requests,
    /// The engines that the vGPU runs on.
    pub(crate) running: EngineSet,
    /// Registers behind the PCH's sideband.
    pub(super) sideband: Sideband,
}

/// What surrounds a register while it is accessed.
pub(crate) struct Context<'a> {
    pub(crate) device: &'a Device,
    pub(crate) host: &'a dyn Host,
    pub(crate) guest: &'a mut dyn Guest,
    pub(crate) fences: &'a mut Fences,
    pub(crate) share: &'a Share,
    pub(crate) vgpu: u32,
    pub(crate) registers: &'a mut RegisterFile,
    pub(crate) state: &'a mut State,
    pub(crate) display: &'a mut Display,
    /// What time it is.
    pub(crate) now: Time,
    /// The fence that the access has written.
    pub(super) fence: Option<fence::Register>,
}

impl Context<'_> {
    /// What the register would hold if it remembered what is written.
    pub(crate) fn merged(&self, at: MmioOffset, written: Written) -> u32 {
        written.over(self.registers.get(at))
    }

    /// Remembers what is written.
    pub(crate) fn store(&mut self, at: MmioOffset, written: Written) {
        let value = self.merged(at, written);
        self.registers.set(at, value);
    }

    /// Remembers what is written to a masked register.
    pub(crate) fn store_masked(&mut self, at: MmioOffset, written: Written) {
        let value = written.masked_over(self.registers.get(at));
        self.registers.set(at, value);
    }

    /// What a register of the GPU holds; nothing if it can't be read.
    pub(crate) fn of_gpu(&self, at: MmioOffset) -> u32 {
        let mut ops = [MmioOp {
            kind: mmio::READ,
            offset: at.0,
            ..MmioOp::default()
        }];
        let read = self.host.mmio_exec(&mut ops);
        let [op] = ops;
        read.map_or(0, |()| op.value)
    }

    /// Says that a value breaks a rule of a register.
    pub(crate) fn refuse(&mut self, at: MmioOffset, value: u32, rule: &'static str) {
        let model = self.device.model();
        let row = registers::find(model.platform, model.vcs1, at.0);
        self.complain(Complaint::Register {
            name: row.map_or("of no name", |row| row.name),
            offset: at,
            value,
            rule,
        });
    }

    /// Says that the guest did what it must not.
    pub(crate) fn complain(&mut self, complaint: Complaint) {
        self.guest.note(Event::Complaint(complaint));
    }

    /// Serves the guest no more until the vGPU is reset. Said once.
    pub(crate) fn fail_safe(&mut self, reason: Failsafe) {
        if !self.state.failsafe {
            self.state.failsafe = true;
            self.complain(Complaint::Failsafe(reason));
        }
    }
}
