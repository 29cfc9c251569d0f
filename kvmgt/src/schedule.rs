// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Who gets an engine: time slices for vGPUs by their weights, and for the host.
//!
//! A [`Schedule`] is that of *one engine*, which has one owner at a time. Another engine may have
//! another owner: nothing is idle that somebody wants, and who hangs an engine delays those who
//! want that one. See `docs/architecture.md` for why.
//!
//! It decides between workloads, which are never interrupted. So it counts: who had the engine
//! *while somebody else wanted it* owes that time, over its weight, and whoever owes least is next.
//! Debts are bounded, and become less as others catch up; time that nobody else wanted is free. A
//! vGPU keeps the engine for a slice, so that it does not change hands with each workload.
//!
//! | | |
//! |---|---|
//! | A workload during which others wait for longer than the deadline | is killed |
//! | A vGPU whose workload hung | gets nothing for a while, which doubles, up to a bound |
//! | The host | has a share of its own: while a context of its is on the engine and it owes less than the vGPU whose turn it is, nothing is started. A host context that waits for a workload in vain is the business of i915, which preempts or resets the engine |
//!
//! Time is told, never asked for. Nothing allocates; each call takes a number of steps that is
//! fixed by [`MAX_VGPUS`].

use crate::vgpu::shares::{VgpuId, MAX_VGPUS};
use account::Account;
use contender::Contender;
use kernel::prelude::*;
use time::{Span, Time};

mod account;
mod contender;
mod roster;
mod settings;
pub mod time;
mod turns;

pub use account::Weight;
pub use roster::{Order, Roster};
pub use settings::Settings;
pub use turns::{Submitted, Tag, Turns};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To start the next workload of a vGPU: it runs from now on, until it
    /// [ended](Schedule::ended).
    Run(VgpuId),
    /// To kill the workload that runs. Said once; it runs until it ended.
    Kill(VgpuId),
}

/// What a schedule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is to be done now.
    pub action: Option<Action>,
    /// When to ask again, if nothing happens before.
    pub again: Option<Time>,
}

/// How a workload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was executed.
    Done,
    /// It hung, or was killed at its deadline.
    Hung,
    /// It was killed for another reason: its guest reset the engine, or is gone.
    Cancelled,
}

/// The workload that runs.
#[derive(Clone, Copy, Debug)]
struct Running {
    id: VgpuId,
    /// How long others have waited for it.
    waited_for: Span,
    is_killed: bool,
}

/// The vGPU whose slice it is.
#[derive(Clone, Copy, Debug)]
struct Slice {
    id: VgpuId,
    left: Span,
}

/// Who gets an engine.
#[derive(Debug)]
pub struct Schedule {
    settings: Settings,
    now: Time,
    vgpus: [Option<Contender>; MAX_VGPUS as usize],
    running: Option<Running>,
    slice: Option<Slice>,
    host: Account,
    /// Whether a context of the host's is on the engine.
    host_is_on: bool,
    host_was_on: Option<Time>,
    /// Whether the host suspends, and nothing is started.
    is_asleep: bool,
}

impl Schedule {
    /// An engine that no vGPU contends for. Time begins at `now`.
    pub fn new(settings: Settings, now: Time) -> Self {
        Self {
            settings,
            now,
            vgpus: [None; MAX_VGPUS as usize],
            running: None,
            slice: None,
            host: Account::new(settings.host_weight),
            host_is_on: false,
            host_was_on: None,
            is_asleep: false,
        }
    }

    /// A vGPU contends from now on; it has nothing to do yet, and owes nothing.
    ///
    /// # Errors
    ///
    /// `EBUSY` it does already, or a workload of its namesake before it still runs.
    pub fn add(&mut self, id: VgpuId, weight: Weight) -> Result {
        let place = self.vgpus.get_mut(index(id)).ok_or(EINVAL)?;
        if place.is_some() {
            return Err(EBUSY);
        }
        *place = Some(Contender::new(weight));
        Ok(())
    }

    /// A vGPU is gone. If a workload of its runs, that is killed by the next decision.
    pub fn remove(&mut self, id: VgpuId, now: Time) {
        self.advance(now);
        let runs = self.running.is_some_and(|running| running.id == id);
        if let Some(contender) = self.vgpu_mut(id) {
            contender.is_leaving = true;
        }
        if !runs {
            self.drop_vgpu(id);
        }
    }

    /// A vGPU has a workload that can be started, or has none any more, besides what runs.
    pub fn set_ready(&mut self, id: VgpuId, is_ready: bool, now: Time) {
        self.advance(now);
        if let Some(contender) = self.vgpu_mut(id) {
            contender.is_ready = is_ready;
        }
    }

    /// A context of the host's came to the engine, or the last one went.
    pub fn set_host(&mut self, is_on: bool, now: Time) {
        self.advance(now);
        if self.host_is_on || is_on {
            self.host_was_on = Some(now);
        }
        self.host_is_on = is_on;
    }

    /// The host suspends, or has resumed. In between nobody gets the engine, and nobody waits for it.
    pub fn set_asleep(&mut self, is_asleep: bool, now: Time) {
        self.advance(now);
        self.is_asleep = is_asleep;
    }

    /// The workload that ran has ended; `more` says whether its vGPU has another one.
    pub fn ended(&mut self, ending: Ending, more: bool, now: Time) {
        self.advance(now);
        let Some(Running { id, .. }) = self.running.take() else {
            return;
        };
        let settings = self.settings;
        let Some(contender) = self.vgpu_mut(id) else {
            return;
        };
        contender.is_ready = more;
        contender.had_it = now;
        if ending == Ending::Hung {
            contender.offend(now, &settings);
        }
        if contender.is_leaving {
            self.drop_vgpu(id);
        }
    }

    /// What is to be done now. To be asked after each of the calls above, and when the last
    /// decision said so.
    pub fn decide(&mut self, now: Time) -> Decision {
        self.advance(now);
        match self.running {
            Some(running) => self.watch(running),
            None => self.choose(),
        }
    }

    /// What a vGPU owes to the others, as time that it would have had the engine for.
    pub fn owes(&self, id: VgpuId) -> Span {
        self.vgpu(id)
            .map_or(Span::ZERO, |contender| contender.account.owes())
    }

    /// How long a vGPU is kept from the engine for its offences.
    pub fn held(&self, id: VgpuId, now: Time) -> Span {
        self.vgpu(id)
            .map_or(Span::ZERO, |contender| contender.held(now))
    }

    /// Charges the time up to now to whoever had it.
    fn advance(&mut self, now: Time) {
        let before = self.now;
        if now <= before {
            return;
        }
        self.now = now;
        let most = self.settings.owed_most;
        if self.host_is_on {
            let waits = match self.running {
                Some(_) => Some(before),
                None => self.others_want_from(before, None),
            };
            if let Some(from) = waits {
                self.host.charge(now.since(from), most);
            }
            return;
        }
        let Some(mut running) = self.running else {
            return;
        };
        if let Some(slice) = &mut self.slice {
            slice.left = slice.left.minus(now.since(before));
        }
        let others = self.others_want_from(before, Some(running.id));
        let waited = others.map_or(Span::ZERO, |from| now.since(from));
        running.waited_for = running.waited_for.plus(waited);
        self.running = Some(running);
        let owed = match self.host_may_want(before) {
            true => now.since(before),
            false => waited,
        };
        if let Some(contender) = self.vgpu_mut(running.id) {
            contender.account.charge(owed, most);
        }
    }

    /// A workload runs.
    fn watch(&mut self, running: Running) -> Decision {
        let nothing = Decision {
            action: None,
            again: None,
        };
        if running.is_killed {
            return nothing;
        }
        let left = self.settings.deadline.minus(running.waited_for);
        let others = self.others_want_from(self.now, Some(running.id));
        let is_late = left == Span::ZERO && others == Some(self.now);
        let is_leaving = self.vgpu(running.id).is_none_or(|vgpu| vgpu.is_leaving);
        if is_late || is_leaving {
            self.running = Some(Running {
                is_killed: true,
                ..running
            });
            return Decision {
                action: Some(Action::Kill(running.id)),
                again: None,
            };
        }
        if self.host_is_on {
            // Nobody waits for the workload as long as the host has the engine.
            return nothing;
        }
        Decision {
            action: None,
            again: others.map(|from| from.after(left)),
        }
    }

    /// Nothing runs.
    fn choose(&mut self) -> Decision {
        let now = self.now;
        let least = self
            .eligible()
            .min_by_key(|(_, vgpu)| (vgpu.account.debt(), vgpu.had_it));
        let Some((least_id, least)) = least else {
            return Decision {
                action: None,
                again: self.others_want_from(now, None),
            };
        };
        let kept = self
            .slice
            .filter(|slice| slice.left != Span::ZERO)
            .and_then(|slice| self.eligible().find(|(index, _)| *index == slice.id));
        let (id, chosen) = kept.unwrap_or((least_id, least));
        let behind = self.host.until(chosen.account.debt());
        if self.host_is_on && behind != Span::ZERO {
            return Decision {
                action: None,
                again: Some(now.after(behind)),
            };
        }
        let mut debt = least.account.debt();
        if self.host_is_on {
            debt = debt.min(self.host.debt());
        }
        if kept.is_none() {
            self.slice = Some(Slice {
                id,
                left: self.slice_of(chosen.account.weight()),
            });
        }
        self.host.forgive(debt);
        for vgpu in self.vgpus.iter_mut().flatten() {
            vgpu.account.forgive(debt);
        }
        let running = Running {
            id,
            waited_for: Span::ZERO,
            is_killed: false,
        };
        self.running = Some(running);
        Decision {
            action: Some(Action::Run(id)),
            ..self.watch(running)
        }
    }

    /// How long a slice of a vGPU of that weight is, among those who want the engine now.
    fn slice_of(&self, weight: Weight) -> Span {
        let host = match self.host_may_want(self.now) {
            true => self.host.weight().get(),
            false => 0,
        };
        let all = self
            .eligible()
            .map(|(_, vgpu)| vgpu.account.weight().get())
            .fold(host, u64::saturating_add);
        let Settings {
            period,
            slice_least,
            ..
        } = self.settings;
        period.times(weight.get()).part(all).max(slice_least)
    }

    /// The vGPUs that can have the engine now.
    fn eligible(&self) -> impl Iterator<Item = (VgpuId, Contender)> + '_ {
        let now = self.now;
        VgpuId::all().filter_map(move |id| {
            let vgpu = self.vgpu(id).filter(|vgpu| vgpu.is_eligible(now))?;
            (!self.is_asleep).then_some((id, *vgpu))
        })
    }

    /// From when on any vGPU wants the engine but for one, if that is not before `time`.
    fn others_want_from(&self, time: Time, but: Option<VgpuId>) -> Option<Time> {
        VgpuId::all()
            .filter(|id| Some(*id) != but && !self.is_asleep)
            .filter_map(|id| self.vgpu(id)?.wants_from(time))
            .min()
    }

    /// Whether the host has the engine, or had it a while ago.
    fn host_may_want(&self, time: Time) -> bool {
        let stays = self.settings.host_stays;
        self.host_is_on || self.host_was_on.is_some_and(|on| time.since(on) < stays)
    }

    fn vgpu(&self, id: VgpuId) -> Option<&Contender> {
        self.vgpus.get(index(id))?.as_ref()
    }

    fn vgpu_mut(&mut self, id: VgpuId) -> Option<&mut Contender> {
        self.vgpus.get_mut(index(id))?.as_mut()
    }

    fn drop_vgpu(&mut self, id: VgpuId) {
        self.slice = self.slice.filter(|slice| slice.id != id);
        if let Some(place) = self.vgpus.get_mut(index(id)) {
            *place = None;
        }
    }
}

/// The place of a vGPU.
fn index(id: VgpuId) -> usize {
    (id.number() as usize).saturating_sub(1)
}

#[cfg(test)]
mod tests;
