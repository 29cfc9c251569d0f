// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A GPU that i915 has bound, as the host half sees it: its [`World`] on the software GPU.
//!
//! The locks are those of the kernel's glue: a sleeping one around the state, one that may be taken
//! anywhere around the registers. What the host half promises not to do inside of them is asserted:
//! nothing is allocated inside of either.

mod clients;
mod describe;
mod engines;
mod image;
mod places;
mod preempt;
mod reach;
mod regions;
mod unit;

use crate::machine::Machine;
use clients::Clients;
pub use describe::engine_mask;
pub(crate) use describe::has_vcs1;
pub use engines::ContextId;
use engines::Engines;
use gen9_gpu::{Gpu, MmioOffset};
use gvt_host::mmio::Variant;
use gvt_host::table::{Client, Device};
use gvt_host::world::{Allocated, GgttPage, Made, Placed, Registers};
use gvt_host::{events, State, World};
use iface::types::{Info, Snapshot, GGTT_PAGE_SHIFT, PTE_PRESENT};
use kernel::error::code::{EAGAIN, EIO, ENOSPC};
use kernel::error::Result;
use kernel::testing::{in_atomic_context, might_sleep};
use places::Places;
pub use reach::ContextPlaces;
pub use regions::Region;
use regions::Regions;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Fence registers (PRM Vol 2c, FENCE: 32 of them, 64 bits each).
pub const FENCES: u32 = 32;
/// The first one.
const FENCE_BASE: u32 = 0x10_0000;
/// Fences and GGTT pages that i915 uses itself: those of the console's framebuffer.
const OWN_FENCES: u32 = 2;
const OWN_PAGES: u64 = 2048;
/// The page that unused entries of the GGTT point to.
const SCRATCH_PAGE: u64 = 0x10_0000;

/// Whether the GPU runs.
#[derive(Default)]
struct Power {
    /// Wakerefs.
    users: usize,
    /// It sleeps, by runtime suspend.
    asleep: bool,
    /// It does not wake any more.
    broken: bool,
}

/// A GPU that i915 has bound.
pub struct Card {
    machine: Arc<Machine>,
    drm_minor: u32,
    snapshot: Option<Golden>,
    state: Mutex<State<Card>>,
    clients: Clients,
    power: Mutex<Power>,
    registers: Mutex<()>,
    ggtt: Mutex<Places>,
    fences: Mutex<Places>,
    engines: Engines,
    // Behind the engines, which have some of it.
    regions: Arc<Regions>,
}

/// Where the golden snapshot is, as a world keeps it.
#[derive(Clone, Copy)]
pub struct Golden {
    pub(crate) data: &'static [u8],
    pub(crate) duration_ns: u64,
    pub(crate) pristine: bool,
    pub(crate) first_bind: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Card {
    /// The card of a GPU that was just bound.
    pub(crate) fn new(machine: Arc<Machine>, drm_minor: u32, snapshot: Option<Golden>) -> Self {
        let pages = describe::ggtt_size(&machine) >> GGTT_PAGE_SHIFT;
        Card {
            drm_minor,
            snapshot,
            state: Mutex::new(State::new()),
            clients: Clients::default(),
            power: Mutex::default(),
            registers: Mutex::new(()),
            ggtt: Mutex::new(Places::new(pages - regions::PAGES, OWN_PAGES)),
            fences: Mutex::new(Places::new(FENCES.into(), OWN_FENCES.into())),
            engines: Engines::default(),
            regions: Regions::new(machine.clone(), pages),
            machine,
        }
    }

    /// Minor number of its DRM node.
    pub fn drm_minor(&self) -> u32 {
        self.drm_minor
    }

    /// The machine that it is in.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Where its golden snapshot is.
    pub fn golden(&self) -> Option<Golden> {
        self.snapshot
    }

    /// The value of a fence register.
    pub fn fence(&self, number: u32) -> u64 {
        let low = self.machine.read(fence_offset(number));
        let high = self.machine.read(fence_offset(number) + 4);
        u64::from(high) << 32 | u64::from(low)
    }

    /// The numbers of the fence registers that are taken for clients, lowest first.
    pub fn fences_taken(&self) -> Vec<u32> {
        locked(&self.fences)
            .taken()
            .filter_map(|(n, _)| u32::try_from(n).ok())
            .collect()
    }

    /// The runs of GGTT pages that are taken for clients: first page and number of pages.
    pub fn pages_taken(&self) -> Vec<(u64, u64)> {
        locked(&self.ggtt).taken().collect()
    }

    /// Pages of the card's own part of the GGTT that are in use.
    pub fn own_pages(&self) -> u64 {
        self.regions.used()
    }

    /// Wakerefs that are held.
    pub fn wakerefs(&self) -> usize {
        locked(&self.power).users
    }

    /// Lets the GPU fall asleep if nobody holds a wakeref; whether it did.
    pub fn runtime_suspend(&self) -> bool {
        let mut power = locked(&self.power);
        power.asleep = power.users == 0;
        power.asleep
    }

    /// From now on the GPU does not wake, or does again.
    pub fn break_wake(&self, broken: bool) {
        locked(&self.power).broken = broken;
    }

    /// Zeroes all fences that are taken for clients, as i915 does where it restores its own.
    pub(crate) fn lose_fences(&self) {
        for fence in self.fences_taken() {
            self.write_fence(fence, 0);
        }
    }

    /// Overwrites all entries that are taken for clients, as firmware may during sleep.
    pub(crate) fn lose_entries(&self) {
        for (first, pages) in self.pages_taken() {
            self.machine
                .ggtt_write(first, &vec![0; usize::try_from(pages).unwrap_or(0)]);
        }
    }

    fn write_fence(&self, number: u32, value: u64) {
        // First invalid, so that the GPU never sees two halves of different fences.
        let offset = fence_offset(number);
        self.machine.write(offset, 0);
        self.machine.write(offset + 4, (value >> 32) as u32);
        self.machine.write(offset, value as u32);
    }
}

fn fence_offset(number: u32) -> u32 {
    FENCE_BASE + number * 8
}

/// The register interface of the software GPU.
struct GpuRegisters<'a>(&'a mut Gpu);

impl Registers for GpuRegisters<'_> {
    fn read(&mut self, offset: u32) -> u32 {
        self.0.read32(MmioOffset(offset))
    }

    fn write(&mut self, offset: u32, value: u32) {
        self.0.write32(MmioOffset(offset), value);
    }

    fn delay_us(&mut self, microseconds: u32) {
        std::thread::sleep(std::time::Duration::from_micros(microseconds.into()));
    }
}

impl World for Card {
    type Node = u64;
    type Fence = u32;
    type Memory = Region;
    type Context = ContextId;

    fn info(&self) -> Info {
        describe::info(&self.machine, self.drm_minor)
    }

    fn with_state<R>(&self, f: impl FnOnce(&mut State<Self>) -> R) -> R {
        might_sleep("taking the device's lock");
        let mut state = locked(&self.state);
        // It is a sleeping lock, but i915 takes it while memory is reclaimed and the GPU is reset:
        // what may sleep must not be done in there.
        in_atomic_context(|| f(&mut state))
    }

    fn set_client(&self, client: Option<Client>) {
        if client.is_none() {
            might_sleep("waiting for the client's call-backs");
        }
        self.clients.set(client);
    }

    fn with_client(&self, f: impl FnOnce(&Client)) {
        self.clients.with(f);
    }

    fn has_client(&self) -> bool {
        self.clients.any()
    }

    fn wake_get(&self) -> Result {
        might_sleep("waking the GPU");
        let woken = {
            let mut power = locked(&self.power);
            if power.broken {
                return Err(EIO);
            }
            power.users += 1;
            std::mem::take(&mut power.asleep)
        };
        if woken {
            // What i915 does on its way through runtime resume.
            self.lose_fences();
            events::fences_lost(self);
        }
        Ok(())
    }

    fn wake_put(&self) {
        let mut power = locked(&self.power);
        power.users = power
            .users
            .checked_sub(1)
            .expect("a wakeref is given back that was taken");
    }

    fn with_registers<R>(&self, f: impl FnOnce(&mut dyn Registers) -> R) -> Result<R> {
        if locked(&self.power).asleep {
            return Err(EAGAIN);
        }
        let _alone = locked(&self.registers);
        Ok(self
            .machine
            .with_forcewake(|gpu| in_atomic_context(|| f(&mut GpuRegisters(gpu)))))
    }

    fn ggtt_insert(
        &self,
        pages: u64,
        align: u64,
        between: (GgttPage, GgttPage),
    ) -> Result<Placed<u64>> {
        might_sleep("finding room in the GGTT");
        let between = between.0 .0..between.1 .0;
        let first = locked(&self.ggtt)
            .take(pages, align, between)
            .ok_or(ENOSPC)?;
        Ok(Placed {
            node: first,
            first: GgttPage(first),
        })
    }

    fn ggtt_remove(&self, node: u64) {
        might_sleep("giving room in the GGTT back");
        locked(&self.ggtt).give_back(node);
    }

    fn ggtt_write(&self, first: GgttPage, entries: &[u64]) {
        self.machine.ggtt_write(first.0, entries);
    }

    fn ggtt_flush(&self) {
        self.machine.ggtt_flush();
    }

    fn scratch_entry(&self) -> u64 {
        SCRATCH_PAGE | PTE_PRESENT
    }

    fn fence_reserve(&self) -> Result<u32> {
        might_sleep("finding a fence");
        let all = 0..u64::from(FENCES);
        let fence = locked(&self.fences).take(1, 1, all).ok_or(ENOSPC)?;
        Ok(u32::try_from(fence)?)
    }

    fn fence_unreserve(&self, fence: u32) {
        might_sleep("giving a fence back");
        locked(&self.fences).give_back(fence.into());
    }

    fn fence_write(&self, fence: &u32, value: u64) {
        self.write_fence(*fence, value);
    }

    fn memory_alloc(&self, pages: u64) -> Result<Allocated<Region>> {
        might_sleep("allocating memory of the GPU");
        let memory = self.regions.alloc(pages)?;
        let first = GgttPage(memory.first());
        Ok(Allocated { memory, first })
    }

    fn memory_free(&self, memory: Region) {
        might_sleep("giving memory of the GPU back");
        drop(memory);
    }

    fn memory_read(&self, memory: &Region, offset: u64, data: &mut [u8]) {
        memory.read(offset, data);
    }

    fn memory_write(&self, memory: &Region, offset: u64, data: &[u8]) {
        memory.write(offset, data);
    }

    fn context_create(&self, engine: u32, commands: u64, handle: u64) -> Result<Made<ContextId>> {
        self.create_context(engine, commands, handle)
    }

    fn context_destroy(&self, context: ContextId) {
        self.destroy_context(context);
    }

    fn context_read(&self, context: ContextId, offset: u64, data: &mut [u8]) {
        self.with_image(context, |image| image.read(offset, data));
    }

    fn context_write(&self, context: ContextId, offset: u64, data: &[u8]) {
        self.with_image(context, |image| image.write(offset, data));
    }

    fn context_submit(&self, context: ContextId, root: u64, commands: &[&[u32]]) -> Result {
        self.submit_context(context, root, commands)
    }

    fn context_kill(&self, context: ContextId) {
        self.kill_context(context);
    }
}

impl Device for Card {
    fn snapshot(&self) -> Result<Snapshot> {
        let golden = self.snapshot.ok_or(EIO)?;
        Ok(Snapshot {
            data: golden.data.as_ptr(),
            size: golden.data.len() as u64,
        })
    }

    fn variant(&self) -> Variant {
        Variant {
            platform: self.machine.platform(),
            vcs1: has_vcs1(&self.machine),
        }
    }
}
