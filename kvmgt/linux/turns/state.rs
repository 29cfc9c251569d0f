// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the lock of a GPU's turns protects.

use super::ENGINES;
use crate::job::JobRef;
use iface::client::Outcome;
use kernel::prelude::*;
use kvmgt_core::{
    hardware::Engine,
    schedule::{time::Time, Order, Roster, Settings, Submitted, Tag},
    vgpu::shares::{VgpuId, MAX_VGPUS},
};

/// What the lock protects.
pub(super) struct State {
    pub(super) roster: Roster,
    pub(super) desks: [Desk; ENGINES],
    places: [Place; MAX_VGPUS as usize],
    /// What kills, as long as that may be done.
    pub(super) killer: Option<JobRef>,
    /// When the timer fires; it may do so for nothing at other times.
    pub(super) alarm: Option<Time>,
}

/// An engine.
#[derive(Clone, Copy, Default)]
pub(super) struct Desk {
    /// Its bit in masks of the contract, or 0.
    pub(super) mask: u32,
    /// Contexts of the host's that are on it.
    pub(super) host: u32,
    /// What is to be killed.
    pub(super) kill: Option<Submitted>,
    /// When the roster is to be asked.
    pub(super) due: Option<Time>,
}

/// A vGPU.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    /// What does its work, as long as it is open.
    pub(super) job: Option<JobRef>,
    /// What has ended on each engine that it was not told of.
    pub(super) mail: [Option<(Tag, Outcome)>; ENGINES],
}

impl State {
    /// Nobody has a turn, and the engines are not known.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            roster: Roster::new(Settings::USUAL, Time::default())?,
            desks: Default::default(),
            places: Default::default(),
            killer: None,
            alarm: None,
        })
    }

    /// What there is of an engine.
    pub(super) fn desk(&mut self, engine: Engine) -> Option<&mut Desk> {
        self.desks.get_mut(engine.index())
    }

    /// What there is of a vGPU.
    pub(super) fn place(&mut self, id: VgpuId) -> Option<&mut Place> {
        let index = (id.number() as usize).checked_sub(1)?;
        self.places.get_mut(index)
    }

    /// Does what was ordered for an engine, but does not wake `but`, who asks for it.
    pub(super) fn follow(&mut self, engine: Engine, order: Order, but: Option<VgpuId>) {
        let Order { wake, kill, again } = order;
        if let Some(desk) = self.desk(engine) {
            desk.due = again;
            desk.kill = kill.or(desk.kill);
        }
        if kill.is_some() {
            if let Some(killer) = self.killer {
                killer.queue();
            }
        }
        let woken = wake.filter(|_| wake != but);
        if let Some(job) = woken.and_then(|id| self.place(id)?.job) {
            job.queue();
        }
    }

    /// Asks the roster about all engines.
    pub(super) fn tick_all(&mut self, now: Time) {
        for engine in Engine::ALL {
            let order = self.roster.tick(engine, now);
            self.follow(engine, order, None);
        }
    }
}
