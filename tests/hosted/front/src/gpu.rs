// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The GPU of the process: the machine it sits in, and kvmgt's hold on it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{anyhow, Context, Result};
use gen9_gpu::Options;
use hosted_glue::bed::Bed;
use hosted_glue::card::Card;
use hosted_glue::client::Attachment;
use hosted_glue::i915::I915;
use hosted_glue::machine;
use hosted_glue::shadow::ShadowPool;
use hosted_glue::turns::{Tally, Turns};
use iface::registers::Platform;
use kvmgt_core::vgpu::kind::{Kind, Name, KINDS};
use kvmgt_core::vgpu::shares::{Shares, VgpuId, MAX_VGPUS};
use kvmgt_core::vgpu::Vgpu;
use vfio_user_server::Bus;

use crate::counts::Counts;
use crate::device::{self, VgpuDevice};
use crate::memory::Memory;

/// Minor number of the card's DRM node.
const DRM_MINOR: u32 = 0;
/// What stands in front of a type's name where Linux shows it.
const DRIVER: &str = "i915-";
/// What a type's name begins with, which users may leave out.
const FAMILY: &str = "GVTg_";

/// A machine with a GPU that i915 has bound.
pub struct Machine {
    bed: Bed,
    memory: Arc<Memory>,
    buses: Vec<Bus>,
}

impl Machine {
    /// Switches it on.
    pub fn new(options: Options) -> Self {
        let irqs = device::irqs();
        let buses: Vec<Bus> = (0..MAX_VGPUS).map(|_| Bus::new(&irqs)).collect();
        let clients = buses.iter().map(|bus| Arc::clone(&bus.memory));
        let memory = Arc::new(Memory::new(clients));
        let machine = machine::Machine::with_memory(options, memory.clone());
        let mut i915 = I915::load(machine);
        i915.bind(DRM_MINOR);
        Self {
            bed: Bed { i915 },
            memory,
            buses,
        }
    }

    /// Lets kvmgt have the GPU.
    ///
    /// # Errors
    ///
    /// kvmgt does not take it; it has printed why.
    pub fn attach(&self) -> Result<Gpu<'_>> {
        let turns = Turns::new(self.bed.card())
            .map_err(|error| anyhow!("no schedules for the GPU: {error:?}"))?;
        let attachment = self
            .bed
            .try_attach_with(turns)
            .map_err(|error| anyhow!("kvmgt does not take the GPU: {error:?}"))?;
        let info = attachment
            .host()
            .info()
            .map_err(|errno| anyhow!("i915 does not describe the GPU: {errno:?}"))?;
        Ok(Gpu {
            shares: Mutex::new(Shares::new(&info)),
            attachment,
            machine: self.bed.machine(),
            card: self.bed.card(),
            memory: Arc::clone(&self.memory),
            shadow: ShadowPool::new(),
            given: Mutex::default(),
            buses: &self.buses,
        })
    }

    /// Lets the GPU's engines execute whenever they have something to, and tells kvmgt what has
    /// ended, until [`stop_engines`](Self::stop_engines). A thread's whole work.
    pub fn run_engines(&self) {
        let gpu = self.bed.machine().shared();
        while !gpu.is_stopped() {
            gpu.rest(self.bed.card().run_slice());
        }
    }

    /// Makes [`run_engines`](Self::run_engines) return.
    pub fn stop_engines(&self) {
        self.bed.machine().shared().stop();
    }

    /// The host half's view of the GPU, for tests to look into.
    pub fn bed(&self) -> &Bed {
        &self.bed
    }
}

/// The type of that name among those that a GPU is large enough for; see [`Gpu::kind`].
pub(crate) fn find_kind(shares: &Shares, platform: Platform, name: &str) -> Option<&'static Kind> {
    let short = name.strip_prefix(DRIVER).unwrap_or(name);
    let short = short.strip_prefix(FAMILY).unwrap_or(short);
    let wanted = format!("{FAMILY}{short}");
    let mut kinds = shares.kinds();
    kinds.find(|kind| kind.name(platform).to_string() == wanted)
}

/// A GPU that kvmgt has.
pub struct Gpu<'a> {
    attachment: Attachment<'a, Turns<'a>>,
    shares: Mutex<Shares>,
    machine: &'a machine::Machine,
    card: &'a Card,
    memory: Arc<Memory>,
    shadow: ShadowPool,
    /// All runs of GGTT pages that vGPUs have ever had, as [`Card::pages_taken`] tells them.
    given: Mutex<BTreeSet<(u64, u64)>>,
    buses: &'a [Bus],
}

impl<'a> Gpu<'a> {
    /// The type of that name, which may lack what all names begin with: `V5_8`, `GVTg_V5_8` and
    /// `i915-GVTg_V5_8` are the same.
    ///
    /// # Errors
    ///
    /// The GPU has none of that name; the error says which it has.
    pub fn kind(&self, name: &str) -> Result<&'static Kind> {
        let shares = self.shares();
        let found = find_kind(&shares, self.attachment.device().model().platform, name);
        found.with_context(|| {
            let names: Vec<String> = shares
                .kinds()
                .map(|kind| self.name(kind).to_string())
                .collect();
            format!("no type is called {name}: there are {}", names.join(", "))
        })
    }

    /// The name of a type.
    pub fn name(&self, kind: &Kind) -> Name {
        kind.name(self.attachment.device().model().platform)
    }

    /// The smallest type.
    pub fn smallest_kind(&self) -> &'static Kind {
        self.shares().kinds().next().unwrap_or(&KINDS[0])
    }

    /// Makes a vGPU.
    ///
    /// # Errors
    ///
    /// What the GPU lacks for it, or what the host half said.
    ///
    /// # Panics
    ///
    /// Not for a number that [`Shares`] gives.
    pub fn create(&'a self, kind: &'static Kind) -> Result<VgpuDevice<'a>> {
        let id = self
            .shares()
            .take(kind)
            .map_err(|shortage| anyhow!("{shortage}"))?;
        let made = Vgpu::new(self.attachment.device(), self.attachment.host(), id, kind);
        let vgpu = made.map_err(|refusal| {
            self.shares().give_back(id, kind);
            anyhow!("{refusal}")
        })?;
        self.given().extend(self.card.pages_taken());
        let bus = &self.buses[id.number() as usize - 1];
        Ok(VgpuDevice::new(self, vgpu, bus.clone()))
    }

    /// How many more vGPUs of a type there can be.
    pub fn available(&self, kind: &Kind) -> u32 {
        self.shares().available(kind)
    }

    /// Pages of a vGPU's VM that the GPU reaches.
    pub fn pinned(&self, id: VgpuId) -> usize {
        self.memory.pinned(id)
    }

    /// Windows of memory that a vGPU's client has mapped for DMA.
    pub fn windows(&self, id: VgpuId) -> usize {
        self.buses[id.number() as usize - 1].memory.windows().len()
    }

    /// How much of all that vGPUs take is taken.
    pub fn counts(&self) -> Counts {
        Counts::of(self, self.card)
    }

    /// The pages of the GGTT that vGPUs have had, and that nobody has now.
    pub fn released_pages(&self) -> BTreeSet<u64> {
        let pages = |(first, pages): (u64, u64)| first..first + pages;
        let given: BTreeSet<u64> = self.given().iter().copied().flat_map(pages).collect();
        let taken: BTreeSet<u64> = self
            .card
            .pages_taken()
            .into_iter()
            .flat_map(pages)
            .collect();
        given.difference(&taken).copied().collect()
    }

    /// Pages that shadow page tables of VMs.
    pub fn shadow_pages(&self) -> usize {
        self.shadow.used()
    }

    /// Does what the schedules order whenever it is time, until [`end`](Self::end). A thread's
    /// whole work.
    pub fn clerk(&self) {
        self.turns().clerk(self.attachment.host());
    }

    /// Makes [`clerk`](Self::clerk) return. By then no vGPU is open, or none goes on.
    pub fn end(&self) {
        self.turns().end();
    }

    /// What a vGPU has had of the engines until now.
    pub fn tally(&self, id: VgpuId) -> Tally {
        self.attachment.events().tally(id)
    }

    pub(crate) fn attachment(&self) -> &Attachment<'a, Turns<'a>> {
        &self.attachment
    }

    pub(crate) fn turns(&self) -> &Turns<'a> {
        self.attachment.events()
    }

    pub(crate) fn shadow(&self) -> &ShadowPool {
        &self.shadow
    }

    pub(crate) fn machine(&self) -> &machine::Machine {
        self.machine
    }

    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    fn given(&self) -> MutexGuard<'_, BTreeSet<(u64, u64)>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn shares(&self) -> MutexGuard<'_, Shares> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
