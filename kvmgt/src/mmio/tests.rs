// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Accesses to BAR 0: sizes, places, bytes. What registers do is in the files below.

mod bounds;
mod display;
mod engines;
mod monitor;
mod pipes;
mod sweep;
mod table;

use super::dispatch::{Rule, PLAIN};
use super::*;
use crate::golden::Model;
use crate::guest::Event as GuestEvent;
use crate::message::{Complaint, Failsafe};
use crate::testing::{self, FakeHost, FakeVm};
use crate::vgpu::kind::KINDS;
use crate::vgpu::shares::Shares;
use iface::registers::{named, Platform};
use iface::snapshot::{blob_size, BlobWriter};
use iface::types::Info;
use std::vec;
use std::vec::Vec;

/// Bytes of the GPU's aperture.
const APERTURE: u64 = 512 << 20;

/// A vGPU's registers, and all around them.
pub(crate) struct Machine {
    pub(crate) host: FakeHost,
    device: Device,
    pub(crate) vm: FakeVm,
    pins: Pins,
    pub(crate) mmio: Mmio,
    pub(crate) ggtt: Ggtt,
    fences: Fences,
}

impl Machine {
    /// Of a GPU whose golden registers are all at their defaults.
    pub(crate) fn new(platform: Platform) -> Self {
        Self::with(platform, true, |_| 0)
    }

    /// Of a GPU whose snapshot has the given values.
    pub(crate) fn with(platform: Platform, vcs1: bool, value: fn(u32) -> u32) -> Self {
        let mut host = testing::host(APERTURE);
        host.info.platform = platform as u32;
        host.snapshot = Ok(snapshot(platform, vcs1, value));
        Self::on(host)
    }

    /// Of a GPU that has something else than others.
    pub(crate) fn of(platform: Platform, change: fn(&mut Info)) -> Self {
        let mut host = testing::host(APERTURE);
        host.info.platform = platform as u32;
        host.snapshot = Ok(snapshot(platform, false, |_| 0));
        change(&mut host.info);
        Self::on(host)
    }

    fn on(host: FakeHost) -> Self {
        let device = testing::device(&host);
        let kind = &KINDS[0];
        let mut shares = Shares::new(&host.info);
        shares.take(kind).unwrap();
        let id = shares.take(kind).unwrap();
        // Another vGPU has the first part.
        drop(Ggtt::new(&device, &host, kind).unwrap());
        let ggtt = Ggtt::new(&device, &host, kind).unwrap();
        let fences = Fences::new(&host, kind.fences).unwrap();
        let mut mmio = Mmio::new(id, kind).unwrap();
        mmio.reset(&device, kind, &ggtt);
        Self {
            host,
            device,
            vm: FakeVm::default(),
            pins: Pins::new(),
            mmio,
            ggtt,
            fences,
        }
    }

    /// The same after the guest's driver has looked for PVINFO.
    pub(crate) fn aware(platform: Platform) -> Self {
        let mut machine = Self::new(platform);
        machine.read32(named("PVINFO"));
        machine
    }

    pub(crate) fn reset(&mut self) {
        self.mmio.reset(&self.device, &KINDS[0], &self.ggtt);
    }

    pub(crate) fn try_read(&mut self, at: u64, data: &mut [u8]) -> Result {
        let mut world = self.vm.world(&self.device, &self.host);
        let mut reach = Reach {
            ggtt: &mut self.ggtt,
            fences: &mut self.fences,
            pins: &mut self.pins,
        };
        self.mmio.read(&mut world, &mut reach, at, data)
    }

    pub(crate) fn try_write(&mut self, at: u64, data: &[u8]) -> Result {
        let mut world = self.vm.world(&self.device, &self.host);
        let mut reach = Reach {
            ggtt: &mut self.ggtt,
            fences: &mut self.fences,
            pins: &mut self.pins,
        };
        self.mmio.write(&mut world, &mut reach, at, data)
    }

    pub(crate) fn read(&mut self, at: u32, len: usize) -> Vec<u8> {
        let mut data = vec![0xa5; len];
        self.try_read(at.into(), &mut data).unwrap();
        data
    }

    pub(crate) fn write(&mut self, at: u32, data: &[u8]) {
        self.try_write(at.into(), data).unwrap();
    }

    pub(crate) fn read32(&mut self, at: u32) -> u32 {
        u32::from_le_bytes(self.read(at, 4).try_into().unwrap())
    }

    pub(crate) fn write32(&mut self, at: u32, value: u32) {
        self.write(at, &value.to_le_bytes());
    }

    /// Writes a register by name.
    pub(crate) fn set(&mut self, name: &str, value: u32) {
        self.write32(named(name), value);
    }

    /// Reads a register by name.
    pub(crate) fn get(&mut self, name: &str) -> u32 {
        self.read32(named(name))
    }

    /// What a register holds by name, without reading it.
    pub(crate) fn peek(&self, name: &str) -> u32 {
        self.mmio.peek(MmioOffset(named(name)))
    }

    /// Writes a register, and reads it again.
    pub(crate) fn exchange(&mut self, name: &str, value: u32) -> u32 {
        self.set(name, value);
        self.get(name)
    }

    pub(crate) fn raise(&mut self, event: Event) {
        let mut world = self.vm.world(&self.device, &self.host);
        self.mmio.raise(&mut world, &mut self.fences, event);
    }

    /// When time has to be told of.
    pub(crate) fn alarm(&self) -> Option<Time> {
        self.mmio.alarm()
    }

    /// Tells of the time that it is.
    pub(crate) fn tick(&mut self) {
        let mut world = self.vm.world(&self.device, &self.host);
        self.mmio.tick(&mut world, &mut self.fences);
    }

    /// What was complained about since this was last asked.
    pub(crate) fn complaints(&mut self) -> Vec<Complaint> {
        let complaint = |event| match event {
            GuestEvent::Complaint(complaint) => Some(complaint),
            _ => None,
        };
        self.vm
            .guest
            .events
            .drain(..)
            .filter_map(complaint)
            .collect()
    }

    /// The text of the only thing that was complained about.
    pub(crate) fn complaint(&mut self) -> String {
        match self.complaints().as_slice() {
            [complaint] => complaint.to_string(),
            other => panic!("{} complaints", other.len()),
        }
    }

    /// What the host's fences of the vGPU hold.
    pub(crate) fn host_fences(&self) -> Vec<u64> {
        let state = self.host.state.borrow();
        state.fences.values().next().unwrap().clone()
    }

    pub(crate) fn aperture(&self) -> core::ops::Range<u64> {
        self.ggtt.aperture()
    }
}

/// A snapshot of all registers that a snapshot has.
fn snapshot(platform: Platform, vcs1: bool, value: fn(u32) -> u32) -> Vec<u8> {
    let ranges: Vec<_> = iface::registers::hardware_ranges(platform, vcs1).collect();
    let values = ranges.iter().map(|range| range.size as usize / 4).sum();
    let mut bytes = vec![0; blob_size(ranges.len(), values).unwrap()];
    let config = testing::config();
    let mut writer =
        BlobWriter::new(&mut bytes, platform, vcs1, ranges.len(), values, &config).unwrap();
    for range in ranges {
        writer.range(range, value).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

/// Every kind of GPU.
fn each_gpu() -> impl Iterator<Item = (Platform, bool)> {
    let both = |platform| [(platform, false), (platform, true)];
    Platform::ALL.into_iter().flat_map(both)
}

/// The registers of a GPU that do more than to remember: their names and offsets.
fn handled(platform: Platform, vcs1: bool) -> Vec<(&'static str, u32)> {
    let model = Model { platform, vcs1 };
    iface::registers::rows(platform, vcs1)
        .flat_map(|row| (0..row.size / 4).map(move |index| (row, index)))
        .filter(|(row, index)| Rule::of(row, *index, model) != PLAIN)
        .map(|(row, index)| (row.name, row.offset + index * 4))
        .collect()
}

/// A register without a name and without behaviour.
const UNKNOWN: u32 = 0x1f_0000;

#[test]
fn unknown_register_is_memory_at_each_width() {
    let mut machine = Machine::new(Platform::Skl);
    machine.write(UNKNOWN, &[1, 2, 3, 4, 5, 6, 7, 8]);
    machine.write(UNKNOWN + 1, &[0x11]);
    machine.write(UNKNOWN + 2, &[0x22, 0x33]);

    assert_eq!(machine.read(UNKNOWN, 8), [1, 0x11, 0x22, 0x33, 5, 6, 7, 8]);
    assert_eq!(machine.read(UNKNOWN + 6, 2), [7, 8]);
    assert_eq!(machine.read(UNKNOWN + 3, 1), [0x33]);
    assert_eq!(machine.read32(UNKNOWN + 4), 0x0807_0605);
}

#[test]
fn masked_register_changes_only_what_is_selected_at_each_width() {
    let mut machine = Machine::new(Platform::Skl);
    let at = named("GEN7_GT_MODE");
    machine.write32(at, 0x00ff_0055);
    assert_eq!(machine.read32(at), 0x55);

    machine.write32(at, 0x0000_ffff);
    machine.write(at, &[0xff, 0xff]);
    machine.write(at + 1, &[0xff]);
    assert_eq!(machine.read32(at), 0x55, "nothing was selected");

    // The unwritten lower half is zero.
    machine.write(at + 2, &[0x0f, 0x00]);
    assert_eq!(machine.read32(at), 0x50);
}

#[test]
fn masked_register_in_half_of_eight_bytes_leaves_the_other_alone() {
    let mut machine = Machine::new(Platform::Skl);
    let at = named("CACHE_MODE_0_GEN7");
    let value = 0x0004_0004_0003_0001_u64;

    machine.write(at, &value.to_le_bytes());

    assert_eq!(machine.read32(at), 1);
    assert_eq!(machine.read32(at + 4), 4);
}

#[test]
fn read_only_bits_stay_at_each_width() {
    let mut machine = Machine::new(Platform::Skl);
    for name in ["RCS_RING_CSB", "BCS_RING_EXECLIST_STATUS"] {
        machine.set(name, u32::MAX);
        machine.write(named(name), &[0xff]);
        machine.write(named(name) + 2, &[0xff; 2]);
        assert_eq!(machine.get(name), 0, "{name}");
    }
}

#[test]
fn reset_makes_all_registers_golden_but_those_that_tell_of_reset() {
    let golden = |offset| offset ^ 0x5a5a_0001;
    let mut machine = Machine::with(Platform::Kbl, true, golden);
    let before: Vec<u32> = (0..MMIO_SIZE / 4)
        .map(|dword| machine.mmio.peek(MmioOffset(dword * 4)))
        .collect();
    for (at, value) in [(0x8_0000, 1), (UNKNOWN, 2), (named("GEN6_UCGCTL1"), 3)] {
        machine.write32(at, value);
    }
    machine.set("GUC_STATUS", 0);
    machine.set("PVINFO", 5);

    machine.reset();

    let after: Vec<u32> = (0..MMIO_SIZE / 4)
        .map(|dword| machine.mmio.peek(MmioOffset(dword * 4)))
        .collect();
    assert!(before == after);
    assert_eq!(machine.peek("GEN6_UCGCTL1"), golden(named("GEN6_UCGCTL1")));
    assert_eq!(machine.peek("GUC_STATUS"), golden(named("GUC_STATUS")) | 1);
    assert_eq!(machine.peek("GEN6_GT_THREAD_STATUS_REG"), 0);
    assert_eq!(machine.peek("GEN6_GT_CORE_STATUS"), 0);
}

#[test]
fn reset_of_broxton_takes_power_from_the_phys() {
    let machine = Machine::with(Platform::Bxt, false, |_| u32::MAX);

    // PHY 1 is in the mirror of the memory controller, which the snapshot has.
    assert_eq!(machine.peek("BXT_PORT_CL1CM_DW0_DPIO_PHY1"), !(1 << 16));
    assert_eq!(machine.peek("BXT_PORT_CL1CM_DW0_DPIO_PHY0"), 0);
    assert_eq!(machine.peek("BXT_P_CR_GT_DISP_PWRON") & 3, 0);
    for port in ["A", "B", "C"] {
        let name = std::format!("BXT_PHY_CTL_PORT_{port}");
        assert_eq!(machine.peek(&name), 1 << 9 | 1 << 10);
    }
    for phy in ["PHY0", "PHY1"] {
        let name = std::format!("BXT_PHY_CTL_FAMILY_DPIO_{phy}");
        assert_eq!(machine.peek(&name) & 1 << 30, 0);
    }
    assert_eq!(machine.peek("SKL_FUSE_STATUS"), 0x8e00_0000);
}

#[test]
fn new_without_memory_is_enomem_and_leaks_nothing() {
    let host = testing::host(APERTURE);
    let id = Shares::new(&host.info).take(&KINDS[0]).unwrap();

    let sites = kernel::testing::fail_each_alloc(|| Mmio::new(id, &KINDS[0]));

    // Registers; of the monitor its EDID, the region by which it gets one, and its DPCD.
    assert_eq!(sites, 4);
}
