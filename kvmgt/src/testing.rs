// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Stand-ins for the host half and the VM, for unit tests.

use crate::address::{DmaAddress, Gfn};
use crate::device::Device;
use crate::golden::PciIds;
use crate::guest::{Event, Guest};
use crate::host::Host;
use iface::registers::Platform;
use iface::snapshot::{blob_size, BlobWriter, CONFIG_SIZE};
use iface::types::{mmio, GgttRange, GgttRequest, Info, MmioOp, REGION_APERTURE};
use iface::version::Version;
use kernel::prelude::*;
use std::cell::RefCell;
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
        stepping: 0,
        vendor: IDS.vendor,
        device: IDS.device,
        subsystem_vendor: 0,
        subsystem: 0,
        revision: IDS.revision.into(),
        drm_minor: 0,
        ggtt_size: 4 << 30,
        aperture_size,
        aperture_base: 0,
        gttmmadr_base: 0,
        gttmmadr_size: 16 << 20,
        fence_count: 32,
        page_sizes: 0,
        pipe_offsets: Default::default(),
        transcoder_offsets: Default::default(),
        cursor_offsets: Default::default(),
        pipe_mask: 0,
        engine_count: 0,
        engines: Default::default(),
        flags: 0,
        parent: core::ptr::null_mut(),
        dma_device: core::ptr::null_mut(),
        card: core::ptr::null_mut(),
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

/// A snapshot without registers.
pub fn snapshot_of(config: &[u8; CONFIG_SIZE]) -> Vec<u8> {
    let mut bytes = std::vec![0; blob_size(0, 0).unwrap()];
    let writer = BlobWriter::new(&mut bytes, PLATFORM, false, 0, 0, config);
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
                mmio::UPDATE => *register = *register & !op.mask | op.value & op.mask,
                _ => return Err(EINVAL),
            }
        }
        Ok(())
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
