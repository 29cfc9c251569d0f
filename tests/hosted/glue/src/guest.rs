// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A VM with a vGPU, whose driver is a test: sets up its GGTT, contexts and page tables by hand.

use crate::ends::Ends;
use crate::machine::SHADOW_MEMORY;
use crate::shadow::ShadowPool;
use crate::vm::Surroundings;
use gen9_gpu::{DmaAddress, DmaMemory};
use iface::registers::named;
use kernel::error::Result;
use kvmgt_core::address::{Gfn, PAGE_SHIFT, PAGE_SIZE};
use kvmgt_core::device::Device;
use kvmgt_core::guest::{Event, World};
use kvmgt_core::hardware::Engine;
use kvmgt_core::host::Host;
use kvmgt_core::vgpu::kind::Kind;
use kvmgt_core::vgpu::shares::{VgpuId, MAX_VGPUS};
use kvmgt_core::vgpu::{Region, Vgpu};
use std::collections::BTreeSet;
use std::ops::Range;

mod contexts;
mod tables;

pub use contexts::{Spot, Tables};
pub use tables::{Notice, Pages, ALL_PAGES, LARGE, SMALLER};

/// Where the table of the GGTT begins in BAR 0, and bytes of an entry.
const TABLE: u64 = 8 << 20;
const ENTRY: u64 = 8;
/// Entries of all tables: present, and writable.
pub const PRESENT: u64 = 1 << 0;
/// See [`PRESENT`].
pub const WRITABLE: u64 = 1 << 1;

/// The engines that guests use.
pub const ENGINES: [Engine; 4] = [Engine::Rcs, Engine::Bcs, Engine::Vcs, Engine::Vecs];
/// Pages of a guest's part of the aperture, by number: status pages of [`ENGINES`].
pub const STATUS: [u64; ENGINES.len()] = [0, 1, 3, 6];
/// The ring.
pub const RING: u64 = 2;
/// A privileged batch.
pub const BATCH: u64 = 4;
/// What commands reach.
pub const DATA: u64 = 5;
/// A page that nobody is to touch.
pub const SECRET: u64 = 7;
/// The first page of a context's image.
pub const CONTEXT: u64 = 8;
/// Pages that are mapped.
const PAGES: u64 = 40;
/// The page of the guest's memory that the first of them is.
pub const FIRST: Gfn = Gfn(0x180);
/// Tables of the guest, the PML4 table first, then one of each level.
pub const TABLES: Gfn = Gfn(0x200);
/// Pages that the last of them maps.
pub const MAPPED: Gfn = Gfn(0x300);
/// How many it maps, at [`PPGTT`].
const MAPPED_PAGES: u64 = 8;
/// The address of the first page that is mapped in a PPGTT.
pub const PPGTT: u64 = 0x20_0000;
/// A batch that is not privileged, of the mapped pages.
pub const USER_BATCH: u64 = 4;
/// A page of memory that is neither mapped nor pinned.
pub const UNMAPPED: Gfn = Gfn(0x1000);

/// Dwords of a ring context (PRM Vol 7, Register State Context).
const CONTROL: u64 = 0x03;
const HEAD: u64 = 0x05;
/// The tail of its ring.
pub const TAIL: u64 = 0x07;
/// Where its ring begins.
pub const START: u64 = 0x09;
/// The size of its ring.
pub const RING_CONTROL: u64 = 0x0b;
/// The batch behind each restore.
pub const PER_CONTEXT: u64 = 0x19;
/// The batch in the midst of a restore.
pub const INDIRECT: u64 = 0x1b;
/// The upper half of PDP 3; the other seven halves follow, each behind the offset of its register.
const PDP3_HIGH: u64 = 0x25;
const PDP0_HIGH: u64 = 0x31;
/// The PML4 table.
pub const PDP0: u64 = 0x33;
/// CTX_CONTEXT_CONTROL of a context that never ran, and of one that did.
const NEW: u32 = 0x0009_0009;
const USED: u32 = 0x0009_0008;
/// A descriptor of a context with a PML4 table: valid, privilege access.
const DESCRIPTOR: u64 = 0x119;
/// PVINFO, and where in it start and size of the part behind the aperture are (observed: i915,
/// vgt_if).
const PVINFO: u32 = 0x7_8000;
const HIGH: [u32; 2] = [0x48, 0x4c];
/// RING_MODE: execlists are enabled, in the masked form.
const RUN_LISTS: u32 = 0x8000_8000;

/// The host half, as a guest's vGPU has it: borrowed, or with something around it that is its own.
pub trait AsHost {
    /// The host half.
    fn as_host(&self) -> &dyn Host;
}

impl<H: Host> AsHost for &H {
    fn as_host(&self) -> &dyn Host {
        *self
    }
}

/// A VM and its vGPU.
pub struct Guest<'b, H> {
    vgpu: Vgpu,
    around: Surroundings<'b>,
    /// Pages of its shadows.
    pub pool: ShadowPool,
    /// The host half.
    pub host: H,
    part: Range<u64>,
    memory: &'b dyn DmaMemory,
    device: &'b Device,
    turns: &'b dyn Ends,
}

/// What surrounds all guests.
#[derive(Clone, Copy)]
pub struct Place<'b> {
    /// The machine's memory.
    pub memory: &'b dyn DmaMemory,
    /// The GPU.
    pub device: &'b Device,
    /// Whose turn it is.
    pub turns: &'b dyn Ends,
}

impl<'b, H: AsHost> Guest<'b, H> {
    /// A VM with that part of the machine's memory, which has opened its vGPU and set it up.
    ///
    /// # Panics
    ///
    /// If it cannot have one.
    pub fn new(
        place: Place<'b>,
        host: H,
        (id, kind): (VgpuId, &'static Kind),
        part: Range<u64>,
    ) -> Self {
        Self::try_new(place, host, (id, kind), part).expect("there is room")
    }

    /// The same, if it can have one.
    ///
    /// # Errors
    ///
    /// As [`Vgpu::new`] and [`Vgpu::open`]. Nothing is held then.
    pub fn try_new(
        place: Place<'b>,
        host: H,
        (id, kind): (VgpuId, &'static Kind),
        part: Range<u64>,
    ) -> Result<Self> {
        let vgpu = Vgpu::new(place.device, host.as_host(), id, kind)?;
        let share = (SHADOW_MEMORY.end - SHADOW_MEMORY.start) / u64::from(MAX_VGPUS);
        let share = share & !(PAGE_SIZE - 1);
        let first = SHADOW_MEMORY.start + share * u64::from(id.number() - 1);
        let pool = ShadowPool::within(&(first..first + share));
        let mut guest = Self {
            vgpu,
            around: Surroundings::new(place.memory, &pool, part.clone()),
            pool,
            host,
            part,
            memory: place.memory,
            device: place.device,
            turns: place.turns,
        };
        if let Err(error) = guest.with(|vgpu, world| vgpu.open(world)) {
            guest.destroy();
            return Err(error);
        }
        guest.set_up();
        Ok(guest)
    }

    /// Lets the core do something.
    pub fn with<R>(&mut self, act: impl FnOnce(&mut Vgpu, &mut World<'_>) -> R) -> R {
        let host = self.host.as_host();
        self.around
            .with_turns(self.device, host, self.turns.turns(), |world| {
                act(&mut self.vgpu, world)
            })
    }

    /// Its driver starts: the GGTT, engines, page tables.
    pub fn set_up(&mut self) {
        self.get("PVINFO");
        self.map_all();
        for (engine, page) in ENGINES.into_iter().zip(STATUS) {
            let status = self.gma(page) as u32;
            self.set_of(engine, "HWS_PGA", status);
        }
        self.start_engines();
        self.lay_out(TABLES, MAPPED);
    }

    /// Maps all pages that it has in its part of the aperture.
    pub fn map_all(&mut self) {
        for page in 0..PAGES {
            let entry = (FIRST.0 + page) << PAGE_SHIFT | PRESENT;
            self.map(page, entry);
        }
    }

    /// The VM starts again: its vGPU is reset, and what its driver uses of its memory is empty.
    pub fn start_again(&mut self) {
        self.with(Vgpu::reset);
        let empty = [0; PAGE_SIZE as usize];
        let pages = [(FIRST, PAGES), (TABLES, 4), (MAPPED, MAPPED_PAGES)];
        for (first, count) in pages {
            for gfn in (first.0..first.0 + count).map(Gfn) {
                let at = DmaAddress(self.address(gfn));
                let written = self.memory.write(at, &empty);
                written.expect("it is the machine's memory");
            }
        }
        self.set_up();
    }

    /// Its driver resets its engines, as after a hang.
    pub fn reset_engines(&mut self) {
        self.set("GEN6_GDRST", 1);
        self.start_engines();
    }

    /// Its engines take contexts.
    pub fn start_engines(&mut self) {
        for engine in ENGINES {
            self.set_of(engine, "MODE", RUN_LISTS);
        }
    }

    /// Its vGPU.
    pub fn id(&self) -> VgpuId {
        self.vgpu.id()
    }

    /// The type of it.
    pub fn kind(&self) -> &'static Kind {
        self.vgpu.kind()
    }

    /// Its part of the aperture.
    pub fn aperture(&self) -> Range<u64> {
        self.vgpu.aperture()
    }

    /// Its part behind the aperture.
    pub fn high(&mut self) -> Range<u64> {
        let [start, size] = HIGH.map(|at| u64::from(self.get_at(PVINFO + at)));
        start..start + size
    }

    /// The GGTT address of a page of its part.
    pub fn gma(&self, page: u64) -> u64 {
        self.vgpu.aperture().start + page * PAGE_SIZE
    }

    /// Writes the entry of a page of its part.
    pub fn map(&mut self, page: u64, entry: u64) {
        let at = self.gma(page);
        self.map_address(at, entry);
    }

    /// Writes the entry of any address.
    pub fn map_address(&mut self, at: u64, entry: u64) {
        let at = TABLE + (at >> PAGE_SHIFT) * ENTRY;
        self.write(at, &entry.to_le_bytes());
    }

    /// Writes BAR 0; what is refused is ignored.
    pub fn write(&mut self, at: u64, data: &[u8]) {
        // A VM can do no more about it.
        let _ = self.with(|vgpu, world| vgpu.write(world, Region::Bar0, at, data));
    }

    /// Reads BAR 0; what is refused is ignored.
    pub fn read(&mut self, at: u64, data: &mut [u8]) {
        // A VM finds ones then.
        let _ = self.with(|vgpu, world| vgpu.read(world, Region::Bar0, at, data));
    }

    /// Writes a register.
    pub fn set(&mut self, name: &str, value: u32) {
        self.write(named(name).into(), &value.to_le_bytes());
    }

    /// Writes a register of an engine.
    pub fn set_of(&mut self, engine: Engine, name: &str, value: u32) {
        self.set(&format!("{}_RING_{name}", engine.name()), value);
    }

    /// Reads a register.
    pub fn get(&mut self, name: &str) -> u32 {
        self.get_at(named(name))
    }

    /// Reads the register at an offset.
    pub fn get_at(&mut self, at: u32) -> u32 {
        let mut data = [0; 4];
        let read = self.with(|vgpu, world| vgpu.read(world, Region::Bar0, at.into(), &mut data));
        read.expect("it is a register");
        u32::from_le_bytes(data)
    }

    /// Where a page of its memory is in the machine's.
    pub fn address(&self, gfn: Gfn) -> u64 {
        self.part.start + (gfn.0 << PAGE_SHIFT)
    }

    /// Pages of the machine's memory that are pinned for it, and that it still has.
    pub fn pinned(&self) -> BTreeSet<u64> {
        let vm = &self.around.vm;
        vm.pinned()
            .iter()
            .filter_map(|gfn| vm.address(*gfn))
            .collect()
    }

    /// Reads a dword of its memory.
    pub fn load(&self, gfn: Gfn, dword: u64) -> u32 {
        let at = DmaAddress(self.address(gfn) + dword * 4);
        let read = self.memory.read_u32(at);
        read.expect("it is the machine's memory")
    }

    /// Writes a dword of its memory.
    pub fn store(&self, gfn: Gfn, dword: u64, value: u32) {
        let at = DmaAddress(self.address(gfn) + dword * 4);
        let written = self.memory.write_u32(at, value);
        written.expect("it is the machine's memory");
    }

    /// Writes dwords to the front of a page of its part of the aperture.
    pub fn put(&self, page: u64, dwords: &[u32]) {
        self.put_memory(Gfn(FIRST.0 + page), dwords);
    }

    /// Writes dwords to the front of a page of its memory.
    pub fn put_memory(&self, gfn: Gfn, dwords: &[u32]) {
        for (index, dword) in (0..).zip(dwords) {
            self.store(gfn, index, *dword);
        }
    }

    /// Changes a dword of the ring context of its context.
    pub fn set_image(&self, dword: u64, value: u32) {
        self.store(Gfn(FIRST.0 + CONTEXT + 1), dword, value);
    }

    /// Writes a context that never ran, with these commands in its ring.
    pub fn context(&self, commands: &[u32]) {
        let values = [
            (CONTROL, NEW),
            (HEAD, 0),
            (TAIL, 0),
            (START, self.gma(RING) as u32),
            (RING_CONTROL, 1),
            (PER_CONTEXT, 0),
            (INDIRECT, 0),
            (PDP0_HIGH, 0),
            (PDP0, (TABLES.0 << PAGE_SHIFT) as u32),
        ];
        for (dword, value) in values {
            self.set_image(dword, value);
        }
        self.ring(commands);
    }

    /// Lets the context go on, from the front of its ring, with these commands.
    pub fn go_on(&self, commands: &[u32]) {
        self.set_image(CONTROL, USED);
        self.set_image(HEAD, 0);
        self.ring(commands);
    }

    fn ring(&self, commands: &[u32]) {
        self.put(RING, commands);
        let bytes = commands.len() as u64 * 4;
        if bytes % 8 != 0 {
            self.store(Gfn(FIRST.0 + RING), bytes / 4, crate::commands::NOOP);
        }
        self.set_image(TAIL, bytes.next_multiple_of(8) as u32);
    }

    /// Submits its context.
    pub fn submit(&mut self, engine: Engine) {
        let descriptor = self.descriptor(self.gma(CONTEXT));
        self.submit_as(engine, descriptor);
    }

    /// The descriptor of a context whose image is at an address.
    pub fn descriptor(&self, lrca: u64) -> u64 {
        77 << 32 | lrca | DESCRIPTOR
    }

    /// Submits anything.
    pub fn submit_as(&mut self, engine: Engine, descriptor: u64) {
        self.submit_list(engine, [descriptor, 0]);
    }

    /// Tells the vGPU what has ended, and lets it start what it can; whether anything had.
    pub fn work(&mut self) -> bool {
        let mut any = false;
        while let Some((tag, outcome)) = self.turns.take_ended(self.id()) {
            self.with(|vgpu, world| vgpu.ended(world, tag, outcome));
            any = true;
        }
        self.with(Vgpu::run);
        any
    }

    /// What the mediator has complained about since this was last asked for.
    pub fn complaints(&mut self) -> Vec<String> {
        let events = self.around.vm.take_events().into_iter();
        events
            .filter_map(|event| match event {
                Event::Complaint(complaint) => Some(complaint.to_string()),
                _ => None,
            })
            .collect()
    }

    /// Pages of its memory that are pinned, those that it has no more among them.
    pub fn pins(&self) -> usize {
        self.around.vm.pinned().len()
    }

    /// It lets go of its vGPU.
    pub fn let_go(&mut self) {
        self.with(Vgpu::close);
    }

    /// Its vGPU goes away, which it has let go of.
    pub fn destroy(self) {
        self.vgpu.destroy(self.host.as_host());
    }
}
