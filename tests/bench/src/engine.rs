// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Submissions of a guest end to end, and what is switched between the owners of an engine.
//!
//! Counted is kvmgt: from the writes to the submit port to the hand-over of the commands, and from
//! the news that they are done to the guest's interrupt. Contexts and buffers cost nothing below.

use std::cell::{Cell, RefCell};
use std::hint::black_box;

use anyhow::{anyhow, ensure, Context as _, Result};
use hosted_glue::bed::Bed;
use hosted_glue::lacking::Unwatched;
use iface::client::{self, Outcome};
use iface::registers::named;
use iface::types::{
    Buffer, Context, ContextRequest, GgttRange, GgttRequest, Info, MmioOp, ENGINE_RENDER,
};
use kernel::error::Result as Done;
use kernel::prelude::KVVec;
use kvmgt_core::address::{DmaAddress, Gfn, Gma, PAGE_SHIFT, PAGE_SIZE};
use kvmgt_core::device::Device;
use kvmgt_core::engines::switch::SwitchList;
use kvmgt_core::gtt::ppgtt::{GuestMemory, ShadowMemory, ShadowPage};
use kvmgt_core::guest::{Event, Guest, World};
use kvmgt_core::hardware::Engine;
use kvmgt_core::host::Host;
use kvmgt_core::schedule::time::Time;
use kvmgt_core::schedule::{self, Submitted, Tag, Weight};
use kvmgt_core::vgpu::kind::KINDS;
use kvmgt_core::vgpu::shares::{Shares, VgpuId};
use kvmgt_core::vgpu::{Region, Vgpu};

use crate::cases::{open, plain};
use crate::null::Null;

/// Where the GGTT begins in BAR 0, and bytes of an entry.
const TABLE: u64 = 8 << 20;
const ENTRY: u64 = 8;
/// Pages of the guest's memory.
const PAGES: u64 = 0x400;
/// Its page that is the first of its part of the aperture, and how many follow.
const FIRST: u64 = 0x100;
const MAPPED: u64 = 40;
/// Pages of its part, by number: status page, ring, what is written to, a context's image.
const STATUS: u64 = 0;
const RING: u64 = 2;
const DATA: u64 = 5;
const IMAGE: u64 = 8;
/// The page map level 4; a table of each other level follows, and a page that is mapped.
const PML4: u64 = 0x200;
/// Entries: present, writable.
const BITS: u64 = 3;
/// Where the guest's pages, and those of shadows, are to the GPU.
const MEMORY: u64 = 4 << 30;
const SHADOW: u64 = 8 << 30;
/// The buffer of a context.
const BUFFER: u64 = 0x1000_0000;
/// A descriptor: valid, four levels, with a page table.
const DESCRIPTOR: u32 = 0x119;
/// RING_MODE: contexts are taken, in the masked form.
const RUN_LISTS: u32 = 0x8000_8000;
/// CTX_CONTEXT_CONTROL of a context that ran before.
const USED: u32 = 0x0009_0008;

/// What the host half was given.
#[derive(Default)]
struct Given {
    tag: u64,
    dwords: usize,
}

/// The first context, of which kvmgt reads the engine's default state when it attaches.
const FRESH: u64 = 1;

/// The host half, with an engine whose contexts cost nothing.
struct WithEngine<'a> {
    host: &'a client::Host<'a>,
    state: Vec<u8>,
    /// Contexts that were made.
    made: Cell<u64>,
    given: RefCell<Given>,
}

impl Host for WithEngine<'_> {
    fn info(&self) -> Done<Info> {
        let mut info = Host::info(self.host)?;
        info.engine_count = 1;
        info.engines[0] = iface::types::Engine {
            class: ENGINE_RENDER,
            instance: 0,
            mask: 1,
            context_size: self.state.len() as u64,
        };
        Ok(info)
    }

    fn awake(&self, act: &mut dyn FnMut() -> Done) -> Done {
        Host::awake(self.host, act)
    }

    fn snapshot(&self) -> Done<&[u8]> {
        Host::snapshot(self.host)
    }

    fn mmio_exec(&self, ops: &mut [MmioOp]) -> Done {
        Host::mmio_exec(self.host, ops)
    }

    fn ggtt_reserve(&self, request: &GgttRequest) -> Done<GgttRange> {
        Host::ggtt_reserve(self.host, request)
    }

    fn ggtt_release(&self, range: u64) -> Done {
        Host::ggtt_release(self.host, range)
    }

    fn ggtt_write(&self, range: u64, first: u32, entries: &[u64]) -> Done {
        Host::ggtt_write(self.host, range, first, entries)
    }

    fn fences_reserve(&self, count: u32) -> Done<u64> {
        Host::fences_reserve(self.host, count)
    }

    fn fences_release(&self, fences: u64) -> Done {
        Host::fences_release(self.host, fences)
    }

    fn fence_write(&self, fences: u64, index: u32, value: u64, range: u64) -> Done {
        Host::fence_write(self.host, fences, index, value, range)
    }

    fn buffer_alloc(&self, size: u64) -> Done<Buffer> {
        Ok(Buffer {
            handle: 1,
            start: BUFFER,
            size,
        })
    }

    fn buffer_free(&self, _: u64) -> Done {
        Ok(())
    }

    fn buffer_read(&self, _: u64, _: u64, data: &mut [u8]) -> Done {
        black_box(data);
        Ok(())
    }

    fn buffer_write(&self, _: u64, _: u64, data: &[u8]) -> Done {
        black_box(data);
        Ok(())
    }

    fn ctx_create(&self, request: &ContextRequest) -> Done<Context> {
        self.made.set(self.made.get() + 1);
        Ok(Context {
            handle: self.made.get(),
            image: self.state.len() as u64,
            commands: request.commands,
        })
    }

    fn ctx_destroy(&self, _: u64) -> Done {
        Ok(())
    }

    fn ctx_read(&self, context: u64, offset: u64, data: &mut [u8]) -> Done {
        match context {
            FRESH => data.copy_from_slice(&self.state[offset as usize..][..data.len()]),
            _ => drop(black_box(data)),
        }
        Ok(())
    }

    fn ctx_write(&self, _: u64, _: u64, data: &[u8]) -> Done {
        black_box(data);
        Ok(())
    }

    fn ctx_submit(&self, _: u64, _: u64, commands: &[&[u32]], tag: u64) -> Done {
        let dwords = commands.iter().map(|segment| segment.len()).sum();
        *self.given.borrow_mut() = Given { tag, dwords };
        Ok(())
    }

    fn ctx_kill(&self, _: u64, _: u64) -> Done {
        Ok(())
    }
}

/// It is always its turn.
struct Always;

impl schedule::Turns for Always {
    fn join(&self, _: VgpuId, _: Weight) -> Done {
        Ok(())
    }

    fn leave(&self, _: VgpuId) {}

    fn ready(&self, _: Engine, _: VgpuId, _: bool) {}

    fn take(&self, _: Engine, _: VgpuId) -> bool {
        true
    }

    fn started(&self, _: Submitted) {}

    fn gave_up(&self, _: Engine) -> bool {
        false
    }

    fn await_end(&self, _: Tag) -> Outcome {
        Outcome::Cancelled
    }
}

/// The VM: how often it was complained about.
#[derive(Default)]
struct Vm(usize);

impl Guest for Vm {
    fn pin(&mut self, gfn: Gfn) -> Done<DmaAddress> {
        Ok(DmaAddress(MEMORY + (gfn.0 << PAGE_SHIFT)))
    }

    fn unpin(&mut self, gfn: Gfn, address: DmaAddress) {
        black_box((gfn, address));
    }

    fn send_msi(&mut self) {}

    fn note(&mut self, event: Event) {
        self.0 += usize::from(matches!(event, Event::Complaint(_)));
    }
}

/// Its memory.
struct Memory(Vec<u8>);

impl Memory {
    fn range(gfn: Gfn, offset: usize, length: usize) -> std::ops::Range<usize> {
        let first = (gfn.0 << PAGE_SHIFT) as usize + offset;
        first..first + length
    }

    fn set(&mut self, page: u64, dword: usize, value: u32) {
        let range = Self::range(Gfn(page), dword * 4, 4);
        self.0[range].copy_from_slice(&value.to_le_bytes());
    }
}

impl GuestMemory for Memory {
    fn read(&mut self, gfn: Gfn, offset: usize, data: &mut [u8]) -> Done {
        data.copy_from_slice(&self.0[Self::range(gfn, offset, data.len())]);
        Ok(())
    }

    fn write(&mut self, gfn: Gfn, offset: usize, data: &[u8]) -> Done {
        self.0[Self::range(gfn, offset, data.len())].copy_from_slice(data);
        Ok(())
    }
}

/// Pages of shadows: so many were taken.
struct Shadows(usize);

impl ShadowMemory for Shadows {
    fn allocate(&mut self) -> Done<ShadowPage> {
        self.0 += 1;
        Ok(ShadowPage {
            handle: self.0,
            address: DmaAddress(SHADOW + self.0 as u64 * PAGE_SIZE),
        })
    }

    fn write(&mut self, page: ShadowPage, index: usize, entry: u64) {
        black_box((page, index, entry));
    }

    fn fill(&mut self, page: ShadowPage, entry: u64) {
        black_box((page, entry));
    }

    fn free(&mut self, _: ShadowPage) {}
}

/// A vGPU whose guest has set up its render engine.
struct Opened<'a> {
    device: &'a Device,
    host: &'a WithEngine<'a>,
    vgpu: Vgpu,
    vm: Vm,
    memory: Memory,
    shadows: Shadows,
}

/// The default state of a render engine, as the software GPU records it.
fn default_state() -> Result<Vec<u8>> {
    let bed = Bed::new("kbl,display=off");
    let kvmgt = bed.attach();
    let info = kvmgt.device().engine(Engine::Rcs).context("no engine")?;
    let default = info.default.as_ref().context("no default state")?;
    Ok(default.image.to_vec())
}

/// Writes to the submit port, and callgrind counts them.
#[inline(never)]
fn counted_port(opened: &mut Opened<'_>, port: u64, values: [u32; 4]) -> Result<()> {
    black_box(opened.write_each(port, values))
}

/// Tells that a submission is done, and callgrind counts it.
#[inline(never)]
fn counted_end(opened: &mut Opened<'_>, tag: Tag) {
    opened.with(|vgpu, world| vgpu.ended(world, tag, Outcome::Done));
    black_box(&opened.vm);
}

impl<'a> Opened<'a> {
    fn new(device: &'a Device, host: &'a WithEngine<'a>) -> Result<Self> {
        let [kind, ..] = &KINDS;
        let info = Host::info(host).map_err(plain)?;
        let id = Shares::new(&info).take(kind);
        let id = id.map_err(|shortage| anyhow!("{shortage}"))?;
        let vgpu = Vgpu::new(device, host, id, kind);
        let mut opened = Self {
            device,
            host,
            vgpu: vgpu.map_err(|refusal| anyhow!("{refusal}"))?,
            vm: Vm::default(),
            memory: Memory(vec![0; (PAGES * PAGE_SIZE) as usize]),
            shadows: Shadows(0),
        };
        opened.with(Vgpu::open).map_err(plain)?;
        opened.set_up()?;
        Ok(opened)
    }

    fn with<R>(&mut self, act: impl FnOnce(&mut Vgpu, &mut World<'_>) -> R) -> R {
        let mut world = World {
            device: self.device,
            host: self.host,
            guest: &mut self.vm,
            memory: &mut self.memory,
            tracker: &mut Unwatched,
            shadow: &mut self.shadows,
            turns: &Always,
            now: Time::default(),
        };
        act(&mut self.vgpu, &mut world)
    }

    fn write(&mut self, at: u64, data: &[u8]) -> Result<()> {
        let written = self.with(|vgpu, world| vgpu.write(world, Region::Bar0, at, data));
        written.map_err(plain)
    }

    fn write_each(&mut self, at: u64, values: [u32; 4]) -> Result<()> {
        let mut values = values.iter();
        values.try_for_each(|value| self.write(at, &value.to_le_bytes()))
    }

    fn gma(&self, page: u64) -> u64 {
        self.vgpu.aperture().start + page * PAGE_SIZE
    }

    fn set_up(&mut self) -> Result<()> {
        let aware = u64::from(named("PVINFO"));
        self.with(|vgpu, world| vgpu.read(world, Region::Bar0, aware, &mut [0; 4]))
            .map_err(plain)?;
        for page in 0..MAPPED {
            let at = TABLE + (self.gma(page) >> PAGE_SHIFT) * ENTRY;
            let entry = (FIRST + page) << PAGE_SHIFT | 1;
            self.write(at, &entry.to_le_bytes())?;
        }
        let status = self.gma(STATUS) as u32;
        for (name, value) in [
            ("RCS_RING_HWS_PGA", status),
            ("RCS_RING_MODE", RUN_LISTS),
            ("GEN8_GT_IER_0", u32::MAX),
            ("GEN8_GT_IMR_0", 0),
            ("RCS_RING_IMR", 0),
            ("GEN8_MASTER_IRQ", 1 << 31),
        ] {
            self.write(named(name).into(), &value.to_le_bytes())?;
        }
        for level in 0..4 {
            let entry = (PML4 + level + 1) << PAGE_SHIFT | BITS;
            let range = Memory::range(Gfn(PML4 + level), 0, 8);
            self.memory.0[range].copy_from_slice(&entry.to_le_bytes());
        }
        Ok(())
    }

    /// Writes a context with these commands in its ring.
    fn context(&mut self, commands: &[u32]) {
        let ring = self.gma(RING) as u32;
        for (dword, value) in [
            (0x03, USED),
            (0x05, 0),
            (0x07, commands.len() as u32 * 4),
            (0x09, ring),
            (0x0b, 1),
            (0x33, (PML4 << PAGE_SHIFT) as u32),
        ] {
            self.memory.set(FIRST + IMAGE + 1, dword, value);
        }
        for (dword, command) in commands.iter().enumerate() {
            self.memory.set(FIRST + RING, dword, *command);
        }
    }

    /// What i915 submits for one batch of a program, on the render engine.
    fn request(&self) -> Vec<u32> {
        let to = self.gma(DATA) as u32;
        let flush = |bits: u32| [0x7a00_0004, bits, 0, 0, 0, 0];
        [
            &[0x0280_0000, 0x1040_0002, to, 0, 41][..],
            &flush(0x0030_001d),
            &[0x0400_0001, 0x1880_0101, 0x1000, 0, 0x0400_0000, 0],
            &flush(0x0010_10a1),
            &[0x7a00_0004, 0x0110_4080, to, 0, 42, 0],
            &[0x0100_0000, 0x0400_0001, 0x0280_0000],
        ]
        .concat()
    }
}

/// Runs something with such a vGPU.
fn with(act: impl FnOnce(&mut Opened<'_>) -> Result<()>) -> Result<()> {
    let gpu = Null::new().map_err(plain)?;
    let table = gpu.table();
    let (offer, host) = open(&table)?;
    let host = WithEngine {
        host: &host,
        state: default_state()?,
        made: Cell::default(),
        given: RefCell::default(),
    };
    let device = Device::new(&host, offer.version(), offer.features())
        .map_err(|failure| anyhow!("{failure}"))?;
    let mut opened = Opened::new(&device, &host)?;
    let result = act(&mut opened);
    ensure!(opened.vm.0 == 0, "kvmgt complains");
    opened.with(Vgpu::close);
    opened.vgpu.destroy(&host);
    result
}

/// A guest submits one request after the other, and each is done. What is counted: the
/// submission, or its end.
pub fn submissions(rounds: u32, ends: bool) -> Result<()> {
    with(|opened| {
        let commands = opened.request();
        let image = opened.gma(IMAGE) as u32;
        let port = named("RCS_RING_ELSP").into();
        for _ in 0..rounds {
            opened.context(&commands);
            let values = [0, 0, 77, image | DESCRIPTOR];
            match ends {
                false => counted_port(opened, port, values)?,
                true => opened.write_each(port, values)?,
            }
            let Given { tag, dwords } = std::mem::take(&mut *opened.host.given.borrow_mut());
            ensure!(dwords > commands.len(), "nothing was submitted");
            let tag = Tag::from_raw(tag).context("it has no tag")?;
            match ends {
                false => opened.with(|vgpu, world| vgpu.ended(world, tag, Outcome::Done)),
                true => counted_end(opened, tag),
            }
        }
        Ok(())
    })
}

/// Makes the commands that switch an engine to a vGPU and back, and callgrind counts it.
#[inline(never)]
fn counted_switch(list: &SwitchList, commands: &mut KVVec<u32>) -> Done {
    let guest = |_| 0;
    let plan = list.plan(guest, |_| false);
    list.enter(&plan, guest, Gma(BUFFER), commands)?;
    list.leave(&plan, Gma(BUFFER), commands)?;
    black_box(commands);
    Ok(())
}

/// Engines are switched to a vGPU and back, so often.
pub fn switches(rounds: u32) -> Result<()> {
    (0..rounds).try_for_each(|_| switch().map(drop))
}

/// The commands of one switch to a vGPU and back.
fn switch() -> Result<usize> {
    let bed = Bed::new("kbl,display=off");
    let kvmgt = bed.attach();
    let info = kvmgt.device().engine(Engine::Rcs).context("no engine")?;
    let mut commands = KVVec::new();
    counted_switch(&info.switch, &mut commands).map_err(plain)?;
    Ok(commands.len())
}

/// How many dwords an engine executes to be switched, there and back.
pub fn switch_dwords() -> Result<u64> {
    Ok(switch()? as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submissions_reach_the_host_half_and_end() {
        submissions(3, false).unwrap();
        submissions(3, true).unwrap();
    }

    #[test]
    fn switch_takes_commands() {
        assert!(switch_dwords().unwrap() > 100);
    }
}
