// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Registers that belong to whoever runs on an engine, and that it does not save with a context.
//!
//! They are switched by commands: what is submitted for a vGPU begins by saving the host's values
//! and loading the guest's, and ends the other way round. Nothing else runs on the engine between
//! (`ctx_submit`), and nobody writes them from a CPU, so nothing of the host's ever meets a guest's
//! value. If the submission does not come to its end, [`SwitchList::restore`] says what to write.
//!
//! Tables of how accesses are cached have many entries, and most guests load what the host has
//! there. An entry is switched only if it differs, or if the submission loads it. All else is
//! switched each time, since batches without privilege may change it (FORCE_TO_NONPRIV).

use crate::address::{Gma, MmioOffset};
use crate::golden::Model;
use crate::hardware::Engine;
use crate::host::Host;
#[cfg(feature = "mutants")]
use crate::mutant::{self, Mutant};
use entry::{Entry, Kind};
use iface::registers::DWORD;
use iface::types::{mmio, MmioOp};
use kernel::prelude::*;

mod commands;
mod entry;

/// The most registers that an engine has to be switched; some room is left.
const MAX_ENTRIES: usize = 256;
/// Registers that a word of a set stands for.
const WORD: usize = u64::BITS as usize;
/// Slots of an entry in memory: what the host had, then what the guest has left.
const SLOTS: usize = 2;
/// Of them, the guest's.
const GUEST: usize = 1;

/// What is switched on an engine of a GPU.
pub struct SwitchList {
    entries: KVVec<Entry>,
}

/// Which of its registers one submission switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan([u64; MAX_ENTRIES / WORD]);

impl Plan {
    fn add(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / WORD) {
            *word |= bit(index);
        }
    }

    fn has(&self, index: usize) -> bool {
        let word = self.0.get(index / WORD);
        word.is_some_and(|word| word & bit(index) != 0)
    }
}

/// The bit of an entry in its word of a set.
const fn bit(index: usize) -> u64 {
    1_u64.rotate_left((index % WORD) as u32)
}

impl SwitchList {
    /// The list of an engine, with what the host has in its registers now. The GPU must be awake,
    /// and no vGPU may run on it.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; what [`Host::mmio_exec`] says.
    pub fn new(host: &impl Host, model: Model, engine: Engine) -> Result<Self> {
        let mut ops = KVVec::new();
        for (offset, _) in entry::all(model, engine) {
            let read = MmioOp {
                kind: mmio::READ,
                offset: offset.0,
                ..MmioOp::default()
            };
            ops.push(read, GFP_KERNEL)?;
        }
        if !ops.is_empty() {
            host.mmio_exec(&mut ops)?;
        }
        let mut values = ops.iter().map(|op| op.value);
        Self::with(model, engine, |_| values.next().unwrap_or_default())
    }

    /// The list with what `host` says, which is asked in ascending order.
    fn with(model: Model, engine: Engine, mut host: impl FnMut(MmioOffset) -> u32) -> Result<Self> {
        let mut entries = KVVec::new();
        for (offset, kind) in entry::all(model, engine) {
            if entries.len() == MAX_ENTRIES {
                return Err(EOVERFLOW);
            }
            let entry = Entry {
                offset,
                kind,
                host: host(offset),
            };
            entries.push(entry, GFP_KERNEL)?;
        }
        Ok(Self { entries })
    }

    /// Bytes of memory that saved values need: two dwords for each register.
    pub fn bytes(&self) -> usize {
        let slots = self.entries.len().saturating_mul(SLOTS);
        slots.saturating_mul(DWORD as usize)
    }

    /// The most dwords that [`enter`](Self::enter) adds, and as many at most
    /// [`leave`](Self::leave).
    pub fn max_dwords(&self) -> usize {
        // A store, and a load of no more than that, of each; and padding.
        let each = (commands::MEMORY_DWORDS as usize).saturating_mul(2);
        self.entries.len().saturating_mul(each)
    }

    /// Decides what a submission switches, by what the vGPU has in its registers, and which of
    /// them the submission loads by its own commands
    /// ([`Effect::Loaded`](crate::command::Effect::Loaded)).
    pub fn plan(
        &self,
        guest: impl Fn(MmioOffset) -> u32,
        loads: impl Fn(MmioOffset) -> bool,
    ) -> Plan {
        let mut plan = Plan([0; MAX_ENTRIES / WORD]);
        for (index, entry) in self.entries.iter().enumerate() {
            #[cfg(feature = "mutants")]
            if mutant::is_left_out(entry.offset) {
                continue;
            }
            let differs = || guest(entry.offset) != entry.host || loads(entry.offset);
            if entry.kind != Kind::Caching || differs() {
                plan.add(index);
            }
        }
        plan
    }

    /// Adds the commands that save what the host has to memory at `save`, and load what the vGPU
    /// has in its registers. An even number of dwords.
    ///
    /// Whatever the host still does must have ended before.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EINVAL` or `EOVERFLOW` the memory is not in the GGTT, some commands were added.
    pub fn enter(
        &self,
        plan: &Plan,
        guest: impl Fn(MmioOffset) -> u32,
        save: Gma,
        out: &mut KVVec<u32>,
    ) -> Result {
        let start = out.len();
        let mut pairs = KVVec::new();
        for (index, entry) in self.planned(plan) {
            commands::store(out, entry.offset, slot(save, index, 0)?)?;
            #[cfg(feature = "mutants")]
            if mutant::is(Mutant::SwitchTo) {
                continue;
            }
            let value = entry.loaded(guest(entry.offset));
            pairs.push((entry.offset, value), GFP_KERNEL)?;
        }
        commands::load_values(out, &pairs)?;
        commands::pad(out, start)
    }

    /// Adds the commands that save what the guest has left, and load what the host had. An even
    /// number of dwords.
    ///
    /// Whatever the guest's commands do must have ended before.
    ///
    /// # Errors
    ///
    /// As [`enter`](Self::enter).
    pub fn leave(&self, plan: &Plan, save: Gma, out: &mut KVVec<u32>) -> Result {
        let start = out.len();
        let mut pairs = KVVec::new();
        for (index, entry) in self.planned(plan) {
            commands::store(out, entry.offset, slot(save, index, GUEST)?)?;
            #[cfg(feature = "mutants")]
            if mutant::is(Mutant::SwitchBack) {
                continue;
            }
            match entry.kind {
                // What was saved selects no bits.
                Kind::Masked => pairs.push((entry.offset, entry.loaded(entry.host)), GFP_KERNEL)?,
                _ => commands::load(out, entry.offset, slot(save, index, 0)?)?,
            }
        }
        commands::load_values(out, &pairs)?;
        commands::pad(out, start)
    }

    /// Tells what the guest has left in its registers, after [`leave`](Self::leave) was executed;
    /// `saved` is the dword with that number of the memory.
    pub fn read_back(
        &self,
        plan: &Plan,
        saved: impl Fn(usize) -> u32,
        mut set: impl FnMut(MmioOffset, u32),
    ) {
        for (index, entry) in self.planned(plan) {
            let dword = index.saturating_mul(SLOTS).saturating_add(GUEST);
            set(entry.offset, entry.value(saved(dword)));
        }
    }

    /// What to write into registers if a submission has ended before the commands of
    /// [`leave`](Self::leave), so that they are the host's again.
    ///
    /// The GPU's reset resets some; those that it does not would stay the guest's.
    pub fn restore(&self, plan: &Plan) -> impl Iterator<Item = (MmioOffset, u32)> + '_ {
        let plan = *plan;
        let entries = self.entries.iter().enumerate();
        let planned = entries.filter(move |(index, _)| plan.has(*index));
        #[cfg(feature = "mutants")]
        let planned = planned.filter(|_| !mutant::is(Mutant::SwitchAfterHang));
        planned.map(|(_, entry)| match entry.kind {
            Kind::Masked => (entry.offset, entry.loaded(entry.host)),
            _ => (entry.offset, entry.host),
        })
    }

    fn planned<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = (usize, &'a Entry)> {
        let entries = self.entries.iter().enumerate();
        entries.filter(|(index, _)| plan.has(*index))
    }
}

/// Where a value of an entry is saved.
fn slot(save: Gma, index: usize, which: usize) -> Result<Gma> {
    let dword = index.saturating_mul(SLOTS).saturating_add(which);
    let bytes = dword.saturating_mul(DWORD as usize);
    let at = save.0.checked_add(u64::try_from(bytes)?).ok_or(EINVAL)?;
    Ok(Gma(at))
}

#[cfg(test)]
mod tests;
