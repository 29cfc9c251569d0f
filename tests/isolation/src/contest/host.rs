// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A client of the host's own, on one engine: not kvmgt's, i915 schedules it as it likes.

use super::registers::{self, Contested, Kind};
use super::script::{self, Results, BEGUN, ENDED, RELEASED};
use super::{Dice, Progress, HOST};
use crate::arena::Arena;
use crate::commands::{all, load};
use crate::host::engine_id;
use gvt_host::World as _;
use hosted_glue::card::{engine_mask, Card, ContextId, Region};
use iface::registers::Platform;
use iface::types::{GGTT_PAGE_SHIFT, GGTT_PAGE_SIZE};
use kvmgt_core::hardware::Engine;
use kvmgt_core::schedule::time::{Span, Time};

/// Dwords of its ring.
const COMMANDS: u64 = 4096;
/// Its page tables: it has none.
const NO_TABLES: u64 = 0x4000_0000;
/// How long i915 lets it have the engine when something waits (observed: i915,
/// CONFIG_DRM_I915_TIMESLICE_DURATION).
const SLICE: Span = Span::from_millis(1);

/// The client.
pub struct HostClient<'b> {
    card: &'b Card,
    engine: Engine,
    context: ContextId,
    memory: Option<Region>,
    page: u64,
    contested: Vec<(Contested, u32)>,
    fixed: Vec<(u32, u32)>,
    run: u32,
    /// When it may go on.
    release: Option<Time>,
    slice_ends: Time,
    /// Runs that were checked.
    pub runs: u64,
    /// How often it was interrupted.
    pub interrupted: u64,
}

impl<'b> HostClient<'b> {
    /// One that has submitted nothing yet.
    pub fn new(arena: &mut Arena<'b>, platform: Platform, engine: Engine) -> Self {
        let card = arena.card();
        let mask = engine_mask(engine_id(engine));
        let made = card
            .context_create(mask, COMMANDS, 0)
            .expect("there is room");
        let buffer = card.memory_alloc(1).expect("there is room");
        let page = buffer.first.0 << GGTT_PAGE_SHIFT;
        let places = card.own_context_places(made.context).expect("it was made");
        arena.judge.expect_host(places, page..page + GGTT_PAGE_SIZE);
        let contested = registers::contested(platform, engine).into_iter();
        let machine = arena.machine();
        let fixed = registers::always_the_hosts(platform, engine).into_iter();
        Self {
            card,
            engine,
            context: made.context,
            memory: Some(buffer.memory),
            page,
            contested: contested
                .map(|register| (register, machine.read(register.offset)))
                .collect(),
            fixed: fixed.map(|offset| (offset, machine.read(offset))).collect(),
            run: 0,
            release: None,
            slice_ends: Time(0),
            runs: 0,
            interrupted: 0,
        }
    }

    /// Submits the next run if the last one has ended, whose results are checked; notes when one has
    /// begun.
    ///
    /// # Errors
    ///
    /// What it found that is not its own.
    pub fn step(&mut self, dice: &mut Dice, now: Time, goes_on: bool) -> Result<Progress, String> {
        if !self.card.is_idle(self.context) {
            if self.release.is_none() && self.load(BEGUN) == self.run {
                self.release = Some(now.after(dice.dwell()));
                self.slice_ends = now.after(SLICE);
            }
            return Ok(Progress::Waits);
        }
        if self.run != 0 && self.release.take().is_some() {
            self.runs += 1;
            if self.load(ENDED) != self.run {
                return Err(format!("{:?}: the host's run did not end", self.engine));
            }
            script::check(|dword| self.load(dword), self.expected())
                .map_err(|why| format!("{:?}: the host: {why}", self.engine))?;
        }
        if !goes_on {
            return Ok(Progress::Idle);
        }
        self.submit();
        Ok(Progress::Moved)
    }

    fn submit(&mut self) {
        self.run += 1;
        let run = self.run;
        // What programs of the host may load, and what is theirs as long as they like.
        let plain = self.contested.iter_mut();
        let plain =
            plain.filter(|(register, _)| register.kind == Kind::Plain && !is_caching(*register));
        let loads = plain.map(|(register, value)| {
            *value = register.value(HOST, run);
            load(register.offset, *value)
        });
        let loads = all(loads);
        let stored = self.expected().map(|(offset, _)| offset);
        let mut commands = loads;
        commands.extend(script::script(Results::Ggtt(self.page), stored, run));
        commands.resize(commands.len().next_multiple_of(2), 0);
        self.card
            .context_submit(self.context, NO_TABLES, &[&commands])
            .expect("it is idle");
    }

    /// What its registers are to hold.
    fn expected(&self) -> impl Iterator<Item = (u32, u32)> + Clone + '_ {
        let contested = self.contested.iter();
        let contested = contested.map(|(register, value)| (register.offset, *value));
        contested.chain(self.fixed.iter().copied())
    }

    /// Lets it go on if it is time, and ends its slice if something waits.
    pub fn on_time(&mut self, now: Time) {
        if self.release.is_some_and(|at| at <= now) && self.load(RELEASED) != self.run {
            self.store(RELEASED, self.run);
        }
        let id = engine_id(self.engine);
        if self.slice_ends <= now && self.card.waits(id) {
            self.slice_ends = now.after(SLICE);
            self.interrupted += u64::from(self.card.preempt(id));
        }
    }

    /// When [`on_time`](Self::on_time) has something to do.
    pub fn next(&self) -> Option<Time> {
        let release = self.release.filter(|_| self.load(RELEASED) != self.run);
        let waits = self.card.waits(engine_id(self.engine));
        let slice = waits.then_some(self.slice_ends);
        [release, slice].into_iter().flatten().min()
    }

    /// It is gone.
    pub fn close(mut self) {
        self.card.context_destroy(self.context);
        if let Some(memory) = self.memory.take() {
            self.card.memory_free(memory);
        }
    }

    fn load(&self, dword: u64) -> u32 {
        let mut data = [0; 4];
        if let Some(memory) = &self.memory {
            self.card.memory_read(memory, dword * 4, &mut data);
        }
        u32::from_le_bytes(data)
    }

    fn store(&self, dword: u64, value: u32) {
        if let Some(memory) = &self.memory {
            self.card
                .memory_write(memory, dword * 4, &value.to_le_bytes());
        }
    }
}

/// Whether i915 programs it once, for all.
fn is_caching(register: Contested) -> bool {
    (0xb020..0xb0a0).contains(&register.offset) || (0xc800..0xcd00).contains(&register.offset)
}
