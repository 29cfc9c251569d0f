// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Stand-ins for the host half and the VM, for unit tests.

use crate::address::{DmaAddress, Gfn};
use crate::device::Device;
use crate::golden::PciIds;
use crate::gtt::ppgtt::{GuestMemory, PageTracker, ShadowMemory, ShadowPage};
use crate::guest::{Event, Guest, World};
use crate::hardware::Engine;
use crate::host::Host;
use crate::schedule::time::Time;
use crate::schedule::{Submitted, Tag, Turns, Weight};
use crate::vgpu::shares::VgpuId;
use iface::client::Outcome;
use iface::registers::Platform;
use iface::snapshot::{blob_size, BlobWriter, CONFIG_SIZE};
use iface::types::{
    mmio, Buffer, Context, ContextRequest, GgttRange, GgttRequest, Info, MmioOp, MAX_SEGMENTS,
    REGION_APERTURE,
};
use iface::version::Version;
use kernel::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::vec::Vec;

/// The family of the GPU of the stand-ins.
pub const PLATFORM: Platform = Platform::Skl;
/// What identifies it.
pub const IDS: PciIds = PciIds {
    vendor: 0x8086,
    device: 0x1912,
    revision: 6,
};

/// What a reserved entry leads to as long as nobody wrote it.
pub const SCRATCH: u64 = 0;

/// A Skylake's description, with so many bytes of aperture.
pub fn info(aperture_size: u64) -> Info {
    Info {
        platform: PLATFORM as u32,
        vendor: IDS.vendor,
        device: IDS.device,
        revision: IDS.revision.into(),
        drm_minor: 0,
        ggtt_size: 4 << 30,
        aperture_size,
        aperture_base: 0,
        gttmmadr_size: 16 << 20,
        fence_count: 32,
        page_sizes: 0,
        engine_count: 0,
        reserved: 0,
        engines: Default::default(),
        parent: core::ptr::null_mut(),
        card: core::ptr::null_mut(),
        debugfs: core::ptr::null_mut(),
    }
}

/// The configuration space of a Skylake as a snapshot has it, with a list of four capabilities
/// like that of real ones: vendor-specific, PCI Express, MSI, power management.
pub fn config() -> [u8; CONFIG_SIZE] {
    let mut config = [0; CONFIG_SIZE];
    let mut set = |at: usize, bytes: &[u8]| config[at..at + bytes.len()].copy_from_slice(bytes);
    set(0x00, &IDS.vendor.to_le_bytes());
    set(0x02, &IDS.device.to_le_bytes());
    set(0x04, &[0x00, 0x04, 0x10, 0x00]);
    set(0x08, &[IDS.revision, 0x00, 0x00, 0x03]);
    set(0x10, &[0x04]);
    set(0x18, &[0x0c]);
    set(0x20, &[0x01]);
    set(0x2c, &[0x86, 0x80, 0x12, 0x22]);
    set(0x34, &[0x40]);
    set(0x3d, &[0x01]);
    set(0x40, &[0x09, 0x70, 0x0c, 0x01]);
    // 64 MiB of stolen memory, 8 MiB of entries.
    set(0x50, &[0xc0, 0x02]);
    set(0x70, &[0x10, 0xac, 0x92, 0x00]);
    set(0xac, &[0x05, 0xd0, 0x00, 0x00]);
    set(0xd0, &[0x01, 0x00, 0x22, 0x00]);
    config
}

/// The host half of a Skylake with a snapshot that has no register, and so many bytes of aperture.
pub fn host(aperture_size: u64) -> FakeHost {
    let snapshot = snapshot_of(&config());
    FakeHost::new(info(aperture_size), Ok(snapshot))
}

/// The same of another family.
pub fn host_of(platform: Platform, aperture_size: u64) -> FakeHost {
    let mut info = info(aperture_size);
    info.platform = platform as u32;
    FakeHost::new(info, Ok(snapshot(platform, &config())))
}

/// A snapshot without registers.
pub fn snapshot_of(config: &[u8; CONFIG_SIZE]) -> Vec<u8> {
    snapshot(PLATFORM, config)
}

fn snapshot(platform: Platform, config: &[u8; CONFIG_SIZE]) -> Vec<u8> {
    let mut bytes = std::vec![0; blob_size(0, 0).unwrap()];
    let writer = BlobWriter::new(&mut bytes, platform, false, 0, 0, config);
    writer.unwrap().finish().unwrap();
    bytes
}

/// What kvmgt knows of such a GPU.
pub fn device(host: &FakeHost) -> Device {
    Device::new(host, Version::CURRENT, 1).unwrap()
}

/// A host half that says what a test wants, with a GGTT, fences and registers of its own.
pub struct FakeHost {
    /// The description.
    pub info: Info,
    /// The snapshot.
    pub snapshot: Result<Vec<u8>>,
    /// The default state of its engines, if one was recorded.
    pub default_state: Option<Vec<u8>>,
    /// What happened.
    pub state: RefCell<FakeState>,
}

/// What a [`FakeHost`] holds.
#[derive(Default)]
pub struct FakeState {
    /// Reserved ranges by handle: their place, and their entries.
    pub ranges: BTreeMap<u64, (GgttRange, Vec<u64>)>,
    /// Reserved fences by handle.
    pub fences: BTreeMap<u64, Vec<u64>>,
    /// Registers; those that are not there read as zero.
    pub registers: BTreeMap<u32, u32>,
    /// How often entries were written and flushed.
    pub flushes: usize,
    /// Buffers by handle.
    pub buffers: BTreeMap<u64, Vec<u8>>,
    /// Contexts by handle.
    pub contexts: BTreeMap<u64, FakeContext>,
    /// What a submission fails with, if it is to fail.
    pub refuses_submissions: Option<Error>,
    /// What a write of entries fails with, if it is to fail.
    pub refuses_writes: Option<Error>,
    next: u64,
}

impl FakeState {
    fn handle(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl FakeHost {
    /// A host half with that description and snapshot.
    pub fn new(info: Info, snapshot: Result<Vec<u8>>) -> Self {
        Self {
            info,
            snapshot,
            default_state: None,
            state: RefCell::default(),
        }
    }

    /// The entry of the GGTT that translates `gma`; `None` if that is not reserved.
    pub fn entry(&self, gma: u64) -> Option<u64> {
        let state = self.state.borrow();
        let (range, entries) = state
            .ranges
            .values()
            .find(|(range, _)| (range.start..range.start + range.size).contains(&gma))?;
        Some(entries[((gma - range.start) >> 12) as usize])
    }
}

impl Host for FakeHost {
    fn info(&self) -> Result<Info> {
        Ok(self.info)
    }

    fn snapshot(&self) -> Result<&[u8]> {
        self.snapshot.as_deref().map_err(|error| *error)
    }

    fn mmio_exec(&self, ops: &mut [MmioOp]) -> Result {
        let registers = &mut self.state.borrow_mut().registers;
        for op in ops {
            let register = registers.entry(op.offset).or_default();
            match op.kind {
                mmio::READ | mmio::POLL => op.value = *register,
                mmio::WRITE => *register = op.value,
                _ => return Err(EINVAL),
            }
        }
        Ok(())
    }

    fn awake(&self, act: &mut dyn FnMut() -> Result) -> Result {
        act()
    }

    fn ggtt_reserve(&self, request: &GgttRequest) -> Result<GgttRange> {
        let mut state = self.state.borrow_mut();
        let (first, end) = match request.region {
            REGION_APERTURE => (0, self.info.aperture_size),
            _ => (self.info.aperture_size, self.info.ggtt_size),
        };
        let taken = state.ranges.values().map(|(range, _)| range);
        let start = taken
            .filter(|range| (first..end).contains(&range.start))
            .map(|range| range.start + range.size)
            .max()
            .unwrap_or(first)
            .next_multiple_of(request.align);
        if start + request.size > end {
            return Err(ENOSPC);
        }
        let range = GgttRange {
            handle: state.handle(),
            start,
            size: request.size,
        };
        let entries = std::vec![SCRATCH; (request.size >> 12) as usize];
        state.ranges.insert(range.handle, (range, entries));
        Ok(range)
    }

    fn ggtt_release(&self, range: u64) -> Result {
        let removed = self.state.borrow_mut().ranges.remove(&range);
        removed.map(drop).ok_or(EBADF)
    }

    fn ggtt_write(&self, range: u64, first: u32, entries: &[u64]) -> Result {
        let mut state = self.state.borrow_mut();
        if let Some(error) = state.refuses_writes {
            return Err(error);
        }
        state.flushes += 1;
        let (_, of_range) = state.ranges.get_mut(&range).ok_or(EBADF)?;
        let first = first as usize;
        of_range
            .get_mut(first..first + entries.len())
            .ok_or(ERANGE)?
            .copy_from_slice(entries);
        Ok(())
    }

    fn fences_reserve(&self, count: u32) -> Result<u64> {
        let mut state = self.state.borrow_mut();
        let taken: usize = state.fences.values().map(Vec::len).sum();
        if taken + count as usize > self.info.fence_count as usize {
            return Err(ENOSPC);
        }
        let handle = state.handle();
        state.fences.insert(handle, std::vec![0; count as usize]);
        Ok(handle)
    }

    fn fences_release(&self, fences: u64) -> Result {
        let removed = self.state.borrow_mut().fences.remove(&fences);
        removed.map(drop).ok_or(EBADF)
    }

    fn fence_write(&self, fences: u64, index: u32, value: u64, range: u64) -> Result {
        let mut state = self.state.borrow_mut();
        if value & 1 != 0 && !state.ranges.contains_key(&range) {
            return Err(EBADF);
        }
        let fences = state.fences.get_mut(&fences).ok_or(EBADF)?;
        *fences.get_mut(index as usize).ok_or(ERANGE)? = value;
        Ok(())
    }

    fn buffer_alloc(&self, size: u64) -> Result<Buffer> {
        let mut state = self.state.borrow_mut();
        let handle = state.handle();
        state.buffers.insert(handle, std::vec![0; size as usize]);
        let start = BUFFERS + (handle << 20);
        Ok(Buffer {
            handle,
            start,
            size,
        })
    }

    fn buffer_free(&self, buffer: u64) -> Result {
        let removed = self.state.borrow_mut().buffers.remove(&buffer);
        removed.map(drop).ok_or(EBADF)
    }

    fn buffer_read(&self, buffer: u64, offset: u64, data: &mut [u8]) -> Result {
        let state = self.state.borrow();
        let bytes = state.buffers.get(&buffer).ok_or(EBADF)?;
        copy(data, bytes.get(offset as usize..).ok_or(ERANGE)?)
    }

    fn buffer_write(&self, buffer: u64, offset: u64, data: &[u8]) -> Result {
        let mut state = self.state.borrow_mut();
        let bytes = state.buffers.get_mut(&buffer).ok_or(EBADF)?;
        let bytes = bytes.get_mut(offset as usize..).ok_or(ERANGE)?;
        copy(bytes.get_mut(..data.len()).ok_or(ERANGE)?, data)
    }

    fn ctx_create(&self, request: &ContextRequest) -> Result<Context> {
        let image = self
            .default_state
            .clone()
            .ok_or(Error::from_errno(-iface::errno::ENODATA))?;
        let mut state = self.state.borrow_mut();
        let handle = state.handle();
        let size = image.len() as u64;
        state.contexts.insert(handle, FakeContext::new(image));
        Ok(Context {
            handle,
            image: size,
            commands: request.commands,
        })
    }

    fn ctx_destroy(&self, context: u64) -> Result {
        let mut state = self.state.borrow_mut();
        let busy = state
            .contexts
            .get(&context)
            .ok_or(EBADF)?
            .submitted
            .is_some();
        assert!(!busy, "a context is destroyed that executes");
        state.contexts.remove(&context);
        Ok(())
    }

    fn ctx_read(&self, context: u64, offset: u64, data: &mut [u8]) -> Result {
        let state = self.state.borrow();
        let context = state.contexts.get(&context).ok_or(EBADF)?;
        copy(data, context.image.get(offset as usize..).ok_or(ERANGE)?)
    }

    fn ctx_write(&self, context: u64, offset: u64, data: &[u8]) -> Result {
        for at in (offset..offset + data.len() as u64).step_by(4) {
            assert!(
                iface::image::is_client_writable(at),
                "{at:#x} is the host's"
            );
        }
        let mut state = self.state.borrow_mut();
        let context = state.contexts.get_mut(&context).ok_or(EBADF)?;
        let bytes = context.image.get_mut(offset as usize..).ok_or(ERANGE)?;
        copy(bytes.get_mut(..data.len()).ok_or(ERANGE)?, data)
    }

    fn ctx_submit(&self, context: u64, root: u64, commands: &[&[u32]], tag: u64) -> Result {
        let mut state = self.state.borrow_mut();
        if let Some(error) = state.refuses_submissions {
            return Err(error);
        }
        let context = state.contexts.get_mut(&context).ok_or(EBADF)?;
        assert!(context.submitted.is_none(), "a context is submitted twice");
        assert!(commands.len() <= MAX_SEGMENTS);
        let commands = commands.concat();
        assert_eq!(commands.len() % 2, 0);
        context.submitted = Some(FakeSubmission {
            root,
            commands,
            tag,
        });
        Ok(())
    }

    fn ctx_kill(&self, context: u64, tag: u64) -> Result {
        let mut state = self.state.borrow_mut();
        let context = state.contexts.get_mut(&context).ok_or(EBADF)?;
        let executes = context.submitted.as_ref();
        executes.filter(|it| it.tag == tag).ok_or(ESRCH)?;
        context.killed = true;
        Ok(())
    }
}

/// Where buffers of a [`FakeHost`] begin in the GGTT.
const BUFFERS: u64 = 0xf000_0000;

/// Fills `to` from the front of `from`.
fn copy(to: &mut [u8], from: &[u8]) -> Result {
    to.copy_from_slice(from.get(..to.len()).ok_or(ERANGE)?);
    Ok(())
}

/// A context of a [`FakeHost`].
pub struct FakeContext {
    /// Its image.
    pub image: Vec<u8>,
    /// What it executes.
    pub submitted: Option<FakeSubmission>,
    /// Whether it was killed.
    pub killed: bool,
}

impl FakeContext {
    fn new(image: Vec<u8>) -> Self {
        Self {
            image,
            submitted: None,
            killed: false,
        }
    }
}

/// What a context of a [`FakeHost`] executes.
#[derive(Clone, Debug)]
pub struct FakeSubmission {
    /// The PML4 table.
    pub root: u64,
    /// The commands.
    pub commands: Vec<u32>,
    /// What it is called.
    pub tag: u64,
}

/// A VM whose pages all exist, but for those that a test takes away.
#[derive(Default)]
pub struct FakeGuest {
    /// Pages that are pinned.
    pub pinned: BTreeMap<Gfn, DmaAddress>,
    /// Pages from this one on do not exist, if there is one.
    pub end: Option<Gfn>,
    /// Messages that were sent.
    pub messages: usize,
    /// What was noted.
    pub events: Vec<Event>,
}

/// Where the pages of a [`FakeGuest`] are for the GPU.
const DMA_OFFSET: u64 = 1 << 40;

impl Guest for FakeGuest {
    fn pin(&mut self, gfn: Gfn) -> Result<DmaAddress> {
        if self.end.is_some_and(|end| gfn >= end) {
            return Err(EFAULT);
        }
        let address = DmaAddress(DMA_OFFSET + (gfn.0 << 12));
        let before = self.pinned.insert(gfn, address);
        assert_eq!(before, None, "{gfn:?} is pinned twice");
        Ok(address)
    }

    fn unpin(&mut self, gfn: Gfn, address: DmaAddress) {
        assert_eq!(self.pinned.remove(&gfn), Some(address));
    }

    fn send_msi(&mut self) {
        self.messages += 1;
    }

    fn note(&mut self, event: Event) {
        self.events.push(event);
    }
}

/// All that surrounds a vGPU besides its GPU.
#[derive(Default)]
pub struct FakeVm {
    /// The VM.
    pub guest: FakeGuest,
    /// Its memory.
    pub memory: FakeMemory,
    /// Who watches it.
    pub tracker: NoTracker,
    /// Pages for shadows.
    pub shadow: FakeShadow,
    /// Turns on engines.
    pub turns: FakeTurns,
    /// What time it is.
    pub now: Time,
}

impl FakeVm {
    /// All of it around a vGPU of a GPU.
    pub fn world<'a>(&'a mut self, device: &'a Device, host: &'a FakeHost) -> World<'a> {
        World {
            device,
            host,
            guest: &mut self.guest,
            memory: &mut self.memory,
            tracker: &mut self.tracker,
            shadow: &mut self.shadow,
            turns: &self.turns,
            now: self.now,
        }
    }
}

/// Memory of a VM: pages that nobody wrote are zero.
#[derive(Default)]
pub struct FakeMemory(pub BTreeMap<Gfn, Vec<u8>>);

impl FakeMemory {
    fn page(&mut self, gfn: Gfn) -> &mut Vec<u8> {
        self.0.entry(gfn).or_insert_with(|| std::vec![0; 4096])
    }
}

impl GuestMemory for FakeMemory {
    fn read(&mut self, gfn: Gfn, offset: usize, data: &mut [u8]) -> Result {
        copy(data, &self.page(gfn)[offset..])
    }

    fn write(&mut self, gfn: Gfn, offset: usize, data: &[u8]) -> Result {
        self.page(gfn)[offset..offset + data.len()].copy_from_slice(data);
        Ok(())
    }
}

/// Nobody watches.
#[derive(Default)]
pub struct NoTracker;

impl PageTracker for NoTracker {
    fn start(&mut self, _gfn: Gfn) -> Result {
        Err(ENOTSUPP)
    }

    fn stop(&mut self, gfn: Gfn) {
        panic!("{gfn:?} is not watched");
    }
}

/// Pages for shadows by handle.
#[derive(Default)]
pub struct FakeShadow {
    /// The pages.
    pub pages: BTreeMap<usize, Vec<u64>>,
    next: usize,
}

/// Where the pages of a [`FakeShadow`] are for the GPU.
const SHADOW_OFFSET: u64 = 1 << 41;

impl ShadowMemory for FakeShadow {
    fn allocate(&mut self) -> Result<ShadowPage> {
        self.next += 1;
        self.pages.insert(self.next, std::vec![0; 512]);
        Ok(ShadowPage {
            handle: self.next,
            address: DmaAddress(SHADOW_OFFSET + ((self.next as u64) << 12)),
        })
    }

    fn write(&mut self, page: ShadowPage, index: usize, entry: u64) {
        self.pages.get_mut(&page.handle).unwrap()[index] = entry;
    }

    fn fill(&mut self, page: ShadowPage, entry: u64) {
        self.pages.get_mut(&page.handle).unwrap().fill(entry);
    }

    fn free(&mut self, page: ShadowPage) {
        assert!(self.pages.remove(&page.handle).is_some());
    }
}

/// One vGPU's turns: it gets them when a test says so.
#[derive(Default)]
pub struct FakeTurns {
    /// Whether the host has suspended since a turn was taken.
    pub has_slept: Cell<bool>,
    /// Engines whose turn it is.
    pub offered: RefCell<Vec<Engine>>,
    /// What was said, in its order.
    pub said: RefCell<Vec<Said>>,
}

/// What a vGPU says of its turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It contends.
    Join,
    /// It does no more.
    Leave,
    /// It has work, or has none.
    Ready(Engine, bool),
    /// It has submitted something.
    Started(Submitted),
    /// It has nothing to start.
    GaveUp(Engine),
    /// It waited for the end of what it killed.
    Awaited(Tag),
}

impl FakeTurns {
    fn say(&self, said: Said) {
        self.said.borrow_mut().push(said);
    }
}

impl Turns for FakeTurns {
    fn join(&self, _id: VgpuId, _weight: Weight) -> Result {
        self.say(Said::Join);
        Ok(())
    }

    fn leave(&self, _id: VgpuId) {
        self.say(Said::Leave);
    }

    fn ready(&self, engine: Engine, _id: VgpuId, is_ready: bool) {
        self.say(Said::Ready(engine, is_ready));
    }

    fn take(&self, engine: Engine, _id: VgpuId) -> bool {
        let mut offered = self.offered.borrow_mut();
        let place = offered.iter().position(|other| *other == engine);
        place.map(|place| offered.remove(place)).is_some()
    }

    fn started(&self, submitted: Submitted) {
        self.say(Said::Started(submitted));
    }

    fn gave_up(&self, engine: Engine) -> bool {
        self.say(Said::GaveUp(engine));
        self.has_slept.get()
    }

    fn await_end(&self, tag: Tag) -> Outcome {
        self.say(Said::Awaited(tag));
        Outcome::Cancelled
    }
}
