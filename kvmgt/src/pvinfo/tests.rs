// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::guest::Event as GuestEvent;
use crate::mmio::tests::Machine;
use crate::testing::{self, FakeVm};
use crate::vgpu::kind::KINDS;
use crate::vgpu::shares::Shares;
use crate::vgpu::{Region, Vgpu};
use iface::registers::Platform;
use std::vec::Vec;

fn at(offset: u32) -> u32 {
    PAGE.0 + offset
}

#[test]
fn page_tells_a_guest_what_it_has() {
    let mut machine = Machine::new(Platform::Skl);
    let (low, high) = (machine.aperture(), machine.ggtt.high());

    // As i915 looks: the magic in one, the version in two bytes.
    assert_eq!(machine.read(at(0), 8), *b"vGTvGTvG");
    assert_eq!(machine.read(at(8), 2), [1, 0]);
    assert_eq!(machine.read(at(10), 2), [0, 0]);
    assert_eq!(machine.read32(at(0xc)), 2, "the second vGPU");
    assert_eq!(machine.read32(at(0x10)), 0x1c);
    let fields: Vec<_> = (0x40..0x54)
        .step_by(4)
        .map(|o| machine.read32(at(o)))
        .collect();
    assert_eq!(
        fields,
        [
            low.start as u32,
            (low.end - low.start) as u32,
            high.start as u32,
            (high.end - high.start) as u32,
            4
        ]
    );
    assert_eq!(machine.read32(at(0x81c)), 0);
    assert_eq!(machine.complaints(), []);
    assert_eq!(machine.read32(at(0x830)), u32::MAX);
    assert_eq!(machine.read32(at(0x834)), u32::MAX);
}

#[test]
fn reads_of_nothing_are_complained_about_and_read_what_is_there() {
    let mut machine = Machine::new(Platform::Bdw);
    for offset in [0x14, 0x54, 0x804, 0x818, 0x860, 0xffc] {
        assert_eq!(machine.read32(at(offset)), 0);
        let offset = MmioOffset(at(offset));
        assert_eq!(machine.complaints(), [Complaint::PvinfoRead { offset }]);
    }
}

#[test]
fn any_read_tells_that_the_guest_knows() {
    let mut machine = Machine::new(Platform::Skl);
    machine.read(at(9), 1);
    machine.set("RCS_RING_MODE", 0x8000_8000);
    assert!(!machine.mmio.is_failsafe());
    machine.reset();
    machine.set("RCS_RING_MODE", 0x8000_8000);
    assert!(
        machine.mmio.is_failsafe(),
        "after a reset it is another guest"
    );
}

#[test]
fn display_ready_is_told() {
    let mut machine = Machine::new(Platform::Skl);
    for (value, ready) in [(1_u32, true), (0, false), (0x100, true)] {
        machine.vm.guest.events.clear();
        machine.write32(at(0x804), value);
        assert_eq!(machine.vm.guest.events, [GuestEvent::DisplayReady(ready)]);
        assert_eq!(machine.mmio.peek(MmioOffset(at(0x804))), value);
    }
}

#[test]
fn notifications_are_checked() {
    let mut machine = Machine::new(Platform::Skl);
    for number in 1..=7 {
        machine.write32(at(0x818), number);
    }
    assert_eq!(machine.complaints(), []);
    for number in [0, 8, 0x102, u32::MAX] {
        machine.write32(at(0x818), number);
        assert_eq!(machine.complaints(), [Complaint::Notification(number)]);
    }
    assert!(!machine.mmio.is_failsafe());
}

#[test]
fn arguments_are_remembered_at_each_width() {
    let mut machine = Machine::new(Platform::Skl);
    let arguments = (0x838..0x860).step_by(8).chain([0x830]);
    for offset in arguments {
        machine.write(at(offset), &[1, 2, 3, 4, 5, 6, 7, 8]);
        machine.write(at(offset) + 3, &[9]);
        machine.write(at(offset) + 4, &[10, 11]);
        assert_eq!(machine.complaints(), []);
        assert_eq!(machine.read(at(offset), 8), [1, 2, 3, 9, 10, 11, 7, 8]);
        machine.vm.guest.events.clear();
    }
}

#[test]
fn whole_page_has_a_field_for_each_dword() {
    let count = |field| {
        let dwords = (0..0x1000).step_by(4);
        dwords.filter(|offset| Field::at(*offset) == field).count()
    };
    assert_eq!(count(Field::Read), 5 + 5 + 1);
    assert_eq!(count(Field::Argument), 2 + 8 + 2);
    assert_eq!(count(Field::Request), 4);
    assert_eq!(count(Field::DisplayReady) + count(Field::Notify), 2);
}

#[test]
fn page_is_filled_again_at_reset() {
    let mut machine = Machine::new(Platform::Skl);
    for reset in [
        |m: &mut Machine| m.reset(),
        |m: &mut Machine| m.set("GEN6_GDRST", 1),
    ] {
        machine.write32(at(0x804), 1);
        machine.write32(at(0x830), 1);
        reset(&mut machine);
        assert_eq!(machine.mmio.peek(MmioOffset(at(0x804))), 0);
        assert_eq!(machine.mmio.peek(MmioOffset(at(0x830))), u32::MAX);
    }
}

#[test]
fn guest_that_slept_through_a_reset_still_knows() {
    /// PMCSR of the stand-in's configuration space, and what it puts to sleep.
    const PMCSR: u64 = 0xd4;
    const D3_HOT: u8 = 3;
    let host = testing::host(512 << 20);
    let device = testing::device(&host);
    let kind = &KINDS[0];
    let id = Shares::new(&host.info).take(kind).unwrap();
    let mut vgpu = Vgpu::new(&device, &host, id, kind).unwrap();
    let mut failsafe = std::vec![];
    let mode = named("RCS_RING_MODE").0.into();
    let execlists = 0x8000_8000_u32.to_le_bytes();
    for slept in [true, false] {
        let mut vm = FakeVm::default();
        let mut world = vm.world(&device, &host);
        vgpu.read(&mut world, Region::Bar0, PAGE.0.into(), &mut [0; 8])
            .unwrap();
        if slept {
            vgpu.write(&mut world, Region::Config, PMCSR, &[D3_HOT])
                .unwrap();
        }
        vgpu.reset(&mut world);

        vgpu.write(&mut world, Region::Bar0, mode, &execlists)
            .unwrap();

        let complaint = Complaint::Failsafe(Failsafe::UnsupportedGuest);
        let complained = GuestEvent::Complaint(complaint);
        failsafe.push(vm.guest.events.contains(&complained));
    }
    assert_eq!(failsafe, [false, true]);
    vgpu.destroy(&host);
}
