// SPDX-License-Identifier: GPL-2.0 OR MIT
//! vGPUs over the real host half and the software GPU, each driven as its VM's accesses do.

mod config;
mod ggtt;
mod lifecycle;
mod property;

use gen9_gpu::{Options, VecMemory};
use hosted_glue::bed::Bed;
use hosted_glue::client::Attachment;
use hosted_glue::i915::I915;
use hosted_glue::machine::{Machine, MEMORY_SIZE};
use hosted_glue::raw::Raw;
use hosted_glue::shadow::ShadowPool;
use hosted_glue::vm::Surroundings;
use iface::types::GGTT_PAGE_SIZE;
use kernel::error::Result;
use kvmgt_core::guest::World;
use kvmgt_core::host::Host;
use kvmgt_core::message::NotMade;
use kvmgt_core::vgpu::kind::Kind;
use kvmgt_core::vgpu::shares::{Refusal, Shares, VgpuId};
use kvmgt_core::vgpu::{Region, Vgpu};
use std::ops::Range;
use std::sync::Arc;

const MIB: u64 = 1 << 20;
/// Memory of two VMs, 1 GiB each.
const MEMORY: [Range<u64>; 2] = [4 << 30..5 << 30, 5 << 30..6 << 30];
/// Where the table of the GGTT begins in BAR 0.
const TABLE: u64 = 8 * MIB;

/// A machine with a bound GPU, and its memory.
fn bed_with_memory(gpu: &str) -> (Bed, Arc<VecMemory>) {
    let memory = Arc::new(VecMemory::new(MEMORY_SIZE));
    let machine = Machine::with_memory(Options::parse(gpu).unwrap(), memory.clone());
    let mut i915 = I915::load(machine);
    i915.bind(0);
    (Bed { i915 }, memory)
}

/// A GPU with its shares, as a front keeps them.
struct Gpu<'b> {
    bed: &'b Bed,
    kvmgt: Attachment<'b>,
    shares: Shares,
    shadow: ShadowPool,
}

impl<'b> Gpu<'b> {
    fn new(bed: &'b Bed) -> Self {
        let kvmgt = bed.attach();
        let shares = Shares::new(&Host::info(kvmgt.host()).unwrap());
        Gpu {
            bed,
            kvmgt,
            shares,
            shadow: ShadowPool::new(),
        }
    }

    fn make(&self, id: VgpuId, kind: &'static Kind) -> Result<Vgpu, Refusal> {
        Vgpu::new(self.kvmgt.device(), self.kvmgt.host(), id, kind)
    }

    fn create(&mut self, kind: &'static Kind) -> Result<Vgpu, NotMade> {
        let name = kind.name(self.kvmgt.device().model().platform);
        let id = self.shares.take(kind);
        let id = id.map_err(|shortage| NotMade::Shortage(name, shortage))?;
        self.make(id, kind).map_err(|refusal| {
            self.shares.give_back(id, kind);
            NotMade::Refusal(name, refusal)
        })
    }

    fn remove(&mut self, vgpu: Vgpu) {
        let (id, kind) = (vgpu.id(), vgpu.kind());
        vgpu.destroy(self.kvmgt.host());
        self.shares.give_back(id, kind);
    }

    /// How many more vGPUs of each listed type there can be.
    fn available(&self) -> Vec<(u32, u32)> {
        let kinds = self.shares.kinds();
        kinds
            .map(|kind| (kind.share, self.shares.available(kind)))
            .collect()
    }

    /// Pages and fences of the GPU that are taken.
    fn taken(&self) -> (u64, usize) {
        let card = self.bed.card();
        let pages = card.pages_taken().iter().map(|(_, pages)| pages).sum();
        (pages, card.fences_taken().len())
    }

    /// What the GPU has for a page of the GGTT.
    fn entry(&self, page: u64) -> u64 {
        self.bed.machine().ggtt_entry(page)
    }

    /// What it has for pages that nobody mapped.
    fn scratch(&self) -> u64 {
        Raw::new(self.bed).scratch()
    }

    /// What the CPU sees at the start of a page of the aperture.
    fn aperture(&self, page: u64) -> u64 {
        let mut data = [0; 8];
        let mut gpu = self.bed.machine().gpu();
        gpu.bar2_read(page * GGTT_PAGE_SIZE, &mut data);
        u64::from_le_bytes(data)
    }

    /// The CPU writes there.
    fn aperture_write(&self, page: u64, value: u64) {
        let mut gpu = self.bed.machine().gpu();
        gpu.bar2_write(page * GGTT_PAGE_SIZE, &value.to_le_bytes());
    }
}

/// A vGPU and the VM that has it open.
struct Guest<'g, 'b> {
    gpu: &'g Gpu<'b>,
    around: Surroundings<'b>,
    vgpu: Vgpu,
}

impl<'g, 'b> Guest<'g, 'b> {
    fn new(gpu: &'g Gpu<'b>, vgpu: Vgpu, memory: Range<u64>) -> Self {
        let around = Surroundings::new(gpu.bed.machine().memory(), &gpu.shadow, memory);
        let mut guest = Guest { gpu, around, vgpu };
        guest.with(Vgpu::open).unwrap();
        guest
    }

    fn with<R>(&mut self, f: impl FnOnce(&mut Vgpu, &mut World<'_>) -> R) -> R {
        let kvmgt = &self.gpu.kvmgt;
        self.around.with(kvmgt.device(), kvmgt.host(), |world| {
            f(&mut self.vgpu, world)
        })
    }

    fn read<const N: usize>(&mut self, region: Region, at: u64) -> Result<[u8; N]> {
        let mut data = [0xa5; N];
        self.with(|vgpu, world| vgpu.read(world, region, at, &mut data))?;
        Ok(data)
    }

    fn write(&mut self, region: Region, at: u64, data: &[u8]) -> Result {
        self.with(|vgpu, world| vgpu.write(world, region, at, data))
    }

    /// Writes the entry of a page, counted from GGTT address 0.
    fn map(&mut self, page: u64, entry: u64) {
        let at = TABLE + page * 8;
        self.write(Region::Bar0, at, &entry.to_le_bytes()).unwrap();
    }

    /// Reads the entry of a page.
    fn mapped(&mut self, page: u64) -> u64 {
        let bytes = self.read(Region::Bar0, TABLE + page * 8).unwrap();
        u64::from_le_bytes(bytes)
    }

    /// The first page of its part of the aperture.
    fn first(&self) -> u64 {
        self.vgpu.aperture().start / GGTT_PAGE_SIZE
    }

    /// Its VM lets go of it; nothing of the VM is pinned then.
    fn close(mut self) -> Vgpu {
        self.with(Vgpu::close);
        assert!(self.around.vm.pinned().is_empty());
        self.vgpu
    }
}
