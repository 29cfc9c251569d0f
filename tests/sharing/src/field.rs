// SPDX-License-Identifier: GPL-2.0 OR MIT
//! One GPU, and VMs that share it.

use crate::tenant::{Place, Tenant};
use gen9_gpu::clock::{Cycles, Nanos};
use gen9_gpu::engine::ContextKey;
use gen9_gpu::Activity;
use gvt_host::events;
use hosted_glue::bed::Bed;
use hosted_glue::client::Attachment;
use hosted_glue::turns::Turns;
use isolation::guest::{self, Close, Guest, Left};
use isolation::host::Watched;
use kvmgt_core::host::Host;
use kvmgt_core::schedule::time::Span;
use kvmgt_core::vgpu::kind::Kind;
use kvmgt_core::vgpu::shares::Shares;

/// Memory of a VM, and where that of the first begins.
const MEMORY: u64 = 1 << 30;
const FIRST_MEMORY: u64 = 4 << 30;
/// How long is waited at a time if engines have nothing to do and no schedule says for how long.
const PATIENCE: Nanos = Nanos(100_000);
/// Microseconds of a unit of a guest's work, if nothing else is said.
const UNIT: u64 = 300;

/// The GPU and its VMs.
pub struct Field<'b> {
    bed: &'b Bed,
    kvmgt: &'b Attachment<'b, Turns<'b>>,
    /// The VMs, in the order of their vGPUs.
    pub tenants: Vec<Tenant<'b>>,
    /// The number of one whose vGPU somebody holds: it hears of nothing, and asks for nothing.
    pub stuck: Option<usize>,
    /// How often each was woken.
    woken: Vec<u32>,
    idle: Nanos,
}

/// Calls `act` with a GPU that vGPUs of those types share, by the `n` of their names, and checks that
/// nothing is left of them then.
///
/// # Panics
///
/// They do not fit on the GPU, or something is left.
pub fn run(gpu: &str, shares: &[u32], act: impl FnOnce(&mut Field<'_>)) {
    let bed = Bed::new(gpu);
    bed.machine().gpu().uncore_mut().clock.drive_manually();
    let turns = Turns::by_the_gpus_clock(bed.card()).expect("there is memory");
    let kvmgt = bed.try_attach_with(turns).expect("kvmgt takes the GPU");
    let turns = kvmgt.events();
    let mut room = Shares::new(&Host::info(kvmgt.host()).expect("it is there"));
    let kinds: Vec<&'static Kind> = shares
        .iter()
        .map(|share| {
            let mut kinds = room.kinds();
            let kind = kinds.find(|kind| kind.share == *share);
            kind.expect("the GPU is large enough for the type")
        })
        .collect();
    let seated: Vec<_> = kinds
        .into_iter()
        .map(|kind| {
            let id = room.take(kind).expect("there is room for all");
            let place = Place::new(turns, turns.seat(id, kvmgt.host()));
            (id, kind, place)
        })
        .collect();
    let tenants = (0..).zip(&seated).map(|(number, (id, kind, place))| {
        let start = FIRST_MEMORY + MEMORY * number;
        turns.open(*id);
        let surroundings = guest::Place {
            memory: bed.machine().memory(),
            device: kvmgt.device(),
            turns: place,
        };
        let host = Watched::new(kvmgt.host(), bed.card());
        let memory = start..start + MEMORY;
        Tenant::new(Guest::new(surroundings, host, (*id, kind), memory), UNIT)
    });
    let mut field = Field {
        bed: &bed,
        kvmgt: &kvmgt,
        tenants: tenants.collect(),
        stuck: None,
        woken: vec![0; shares.len()],
        idle: Nanos(0),
    };
    act(&mut field);
    for tenant in field.tenants {
        let id = tenant.guest.id();
        let left = tenant.guest.close(bed.card().scratch_page());
        assert_eq!(left, Left::default(), "{id}");
        turns.close(id);
    }
}

impl Field<'_> {
    /// The GPU's time.
    pub fn now(&self) -> Nanos {
        self.bed.machine().gpu().uncore().clock.now()
    }

    /// How long the engines had nothing to do, or waited, altogether.
    pub fn idle(&self) -> Nanos {
        self.idle
    }

    /// How often a VM's vGPU was told that there is something to do.
    pub fn woken(&self, number: usize) -> u32 {
        self.woken[number]
    }

    /// The schedules.
    pub fn turns(&self) -> &Turns<'_> {
        self.kvmgt.events()
    }

    /// The host sleeps and wakes up.
    pub fn sleep(&mut self) {
        self.bed.i915.sleep();
    }

    /// All are told that the host is about to suspend; it still works.
    pub fn suspend(&mut self) {
        events::suspend(self.bed.card());
    }

    /// All are told that the host has resumed, or has not suspended after all.
    pub fn resume(&mut self) {
        events::resume(self.bed.card());
    }

    /// All want the engine from now on.
    pub fn all_want(&mut self) {
        self.tenants.iter_mut().for_each(|tenant| tenant.want(true));
    }

    /// Cycles that the GPU has counted for contexts of a VM.
    pub fn busy(&self, number: usize) -> Cycles {
        let gpu = self.bed.machine().gpu();
        let counted = |owned: &isolation::host::Owned| {
            let places = owned.contexts.values().map(|places| ContextKey {
                engine: places.engine,
                lrca: places.image.start as u32,
            });
            places.map(|key| gpu.uncore().busy.of(key).0).sum()
        };
        Cycles(self.tenants[number].guest.host.with_owned(counted))
    }

    /// Lets so much time pass, in milliseconds; gives what each VM got of it, in cycles.
    pub fn pass(&mut self, millis: u64) -> Vec<u64> {
        let all = 0..self.tenants.len();
        let before: Vec<_> = all.clone().map(|number| self.busy(number)).collect();
        let end = self.now() + Nanos(Span::from_millis(millis).0);
        self.until(|field| field.now() >= end);
        let got = |number: usize| self.busy(number).0 - before[number].0;
        all.map(got).collect()
    }

    /// Lets time pass until something is so.
    pub fn until(&mut self, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            self.step();
        }
    }

    /// Nobody wants anything any more, and what was submitted is executed.
    ///
    /// # Panics
    ///
    /// It was executed wrongly.
    pub fn drain(&mut self) {
        for tenant in &mut self.tenants {
            tenant.want(false);
        }
        self.until(|field| field.tenants.iter().all(Tenant::is_done));
        // The last has executed its last command; it is yet to end.
        while self.step() {}
        for tenant in self.tenants.iter().filter(|tenant| tenant.done() != 0) {
            tenant.check();
        }
    }

    /// One slice of the engines, and what follows from it; whether anything happened. If nothing
    /// does, time passes.
    fn step(&mut self) -> bool {
        let turns = self.kvmgt.events();
        let activity = self.bed.card().run_slice();
        turns.attend(self.kvmgt.host());
        let mut any = activity == Activity::Busy;
        let all = self.tenants.iter_mut().zip(&mut self.woken).enumerate();
        let stuck = self.stuck;
        for (_, (tenant, woken)) in all.filter(|(number, _)| stuck != Some(*number)) {
            if turns.take_wake(tenant.guest.id()) {
                tenant.guest.work();
                *woken += 1;
                any = true;
            }
            any |= tenant.feed();
        }
        if !any {
            let now = self.now();
            let due = turns.due().map(|time| Nanos(time.0).since(now));
            let passed = due.unwrap_or(PATIENCE).min(PATIENCE).max(Nanos(1));
            self.bed.machine().gpu().uncore_mut().clock.advance(passed);
            self.idle += passed;
        }
        any
    }
}
