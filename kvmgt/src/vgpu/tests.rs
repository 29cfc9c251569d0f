// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::display::Resolution;
use crate::testing::{self, FakeHost, FakeVm};
use kernel::testing::{fail_each_alloc_with, Ledger};
use kind::KINDS;
use shares::Shares;

mod display;
mod engines;

const MIB: u64 = 1 << 20;

fn make(host: &FakeHost, kind: &'static Kind) -> Result<Vgpu, Refusal> {
    let device = testing::device(host);
    let id = Shares::new(&testing::info(512 * MIB))
        .take(&KINDS[0])
        .unwrap();
    Vgpu::new(&device, host, id, kind)
}

/// What the vGPUs of a host half have taken of it: ranges and fences.
fn taken(host: &FakeHost) -> (usize, usize) {
    let state = host.state.borrow();
    (state.ranges.len(), state.fences.len())
}

#[test]
fn vgpu_can_go_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Vgpu>();
}

#[test]
fn new_takes_what_the_type_has_and_destroy_gives_it_back() {
    let host = testing::host(1024 * MIB);
    for kind in &KINDS {
        let vgpu = make(&host, kind).unwrap();

        let aperture = vgpu.aperture();
        assert_eq!(aperture.end - aperture.start, kind.aperture);
        assert_eq!((vgpu.bar0_size(), vgpu.bar2_size()), (16 * MIB, 1024 * MIB));
        assert_eq!((vgpu.id().number(), vgpu.kind()), (1, kind));
        assert_eq!(taken(&host), (2, 1));
        vgpu.destroy(&host);
        assert_eq!(taken(&host), (0, 0));
    }
}

#[test]
fn new_when_the_host_has_no_fences_names_them_and_takes_nothing() {
    let mut host = testing::host(1024 * MIB);
    host.info.fence_count = 3;

    let refusal = make(&host, &KINDS[0]).err();

    assert_eq!(refusal, Some(KINDS[0].refused(Resource::Fences, ENOSPC)));
    assert_eq!(taken(&host), (0, 0));
}

#[test]
fn new_without_memory_anywhere_takes_nothing() {
    let host = testing::host(512 * MIB);
    let device = testing::device(&host);
    let id = Shares::new(&host.info).take(&KINDS[0]).unwrap();

    let sites = fail_each_alloc_with(
        || {
            let made = Vgpu::new(&device, &host, id, &KINDS[0]);
            let made = made.map(|vgpu| vgpu.destroy(&host));
            assert_eq!(taken(&host), (0, 0));
            made
        },
        |refusal| refusal.error == ENOMEM,
    );

    assert!(sites >= 4, "only {sites} allocations");
}

/// Bytes that each entry of a vGPU's GGTT takes while no guest has written any: what became of it.
const GGTT_ENTRY: u64 = 1;

#[test]
fn vgpu_that_is_idle_takes_no_more_than_4_mib() {
    let host = testing::host(1024 * MIB);
    let device = testing::device(&host);
    for kind in &KINDS {
        let before = Ledger::current().live_bytes();
        let mut vgpu = make(&host, kind).unwrap();
        let mut vm = FakeVm::default();
        vgpu.open(&mut vm.world(&device, &host)).unwrap();

        let taken = (Ledger::current().live_bytes() - before).unsigned_abs() as u64;
        assert!(taken <= 4 * MIB, "{kind:?}: {taken}");
        let table = (kind.aperture + kind.high) / crate::address::PAGE_SIZE * GGTT_ENTRY;
        // Registers are 2 MiB of it. Less would mean that somebody counts wrongly.
        let rest = taken - table;
        assert!(
            (2 * MIB..=2 * MIB + MIB / 16).contains(&rest),
            "{kind:?}: {rest}"
        );

        vgpu.close(&mut vm.world(&device, &host));
        vgpu.destroy(&host);
        assert_eq!(Ledger::current().live_bytes(), before);
    }
}

#[test]
fn s_09_reset_close_and_open_leave_nothing_of_the_vm_before() {
    let host = testing::host(512 * MIB);
    let device = testing::device(&host);
    let ways: [fn(&mut Vgpu, &mut World<'_>); 3] = [Vgpu::reset, Vgpu::close, |vgpu, world| {
        vgpu.open(world).unwrap()
    }];
    for way in ways {
        let mut vgpu = make(&host, &KINDS[0]).unwrap();
        let mut vm = FakeVm::default();
        let mut world = vm.world(&device, &host);
        let start = vgpu.aperture().start;
        let at = start / crate::address::PAGE_SIZE * crate::gtt::entry::ENTRY_SIZE;
        vgpu.write(&mut world, Region::Config, 0xfc, &[0x55; 4])
            .unwrap();
        vgpu.ggtt
            .write(&mut world, &mut vgpu.pins, at, &0x5001_u64.to_le_bytes())
            .unwrap();
        let fences = vgpu.fences.count();
        assert_eq!(fences, 4);
        assert_ne!(host.entry(start), Some(testing::SCRATCH));

        way(&mut vgpu, &mut world);

        let (mut config, mut entry) = ([0xa5; 4], [0xa5; 8]);
        vgpu.read(&mut world, Region::Config, 0xfc, &mut config)
            .unwrap();
        vgpu.ggtt.read(at, &mut entry).unwrap();
        assert_eq!((config, entry), ([0; 4], [0; 8]));
        assert_eq!(host.entry(start), Some(testing::SCRATCH));
        assert!(vm.guest.pinned.is_empty());
        vgpu.destroy(&host);
    }
}

/// Lets messages of hotplug out: those of Skylake's port D.
fn want_hotplug(vgpu: &mut Vgpu, world: &mut World<'_>) {
    // A message address, and MSI enabled.
    for (offset, bytes) in [(0xb0, &[0x00, 0x00, 0xe0, 0xfe][..]), (0xae, &[0x01, 0x00])] {
        vgpu.write(world, Region::Config, offset, bytes).unwrap();
    }
    for (name, value) in [
        ("SDEIMR", 0),
        ("SDEIER", u32::MAX),
        ("GEN8_MASTER_IRQ", 1 << 31),
    ] {
        let at = iface::registers::named(name);
        vgpu.write(world, Region::Bar0, at.into(), &value.to_le_bytes())
            .unwrap();
    }
}

#[test]
fn edid_region_plugs_and_unplugs_the_monitor_with_a_message() {
    let host = testing::host(512 * MIB);
    let device = testing::device(&host);
    let mut vgpu = make(&host, &KINDS[0]).unwrap();
    let mut vm = FakeVm::default();
    vgpu.open(&mut vm.world(&device, &host)).unwrap();
    want_hotplug(&mut vgpu, &mut vm.world(&device, &host));
    let before = vm.guest.messages;
    for (count, link) in [(1, 2_u32), (2, 1)] {
        let mut world = vm.world(&device, &host);
        vgpu.write(&mut world, Region::Edid, 20, &link.to_le_bytes())
            .unwrap();
        let at = iface::registers::named("SDEIIR");
        vgpu.write(&mut world, Region::Bar0, at.into(), &[0xff; 4])
            .unwrap();
        let mut back = [0; 4];
        vgpu.read(&mut world, Region::Edid, 20, &mut back).unwrap();
        assert_eq!(u32::from_le_bytes(back), link);
        assert_eq!(vm.guest.messages, before + count);
    }
    let mut world = vm.world(&device, &host);
    let nonsense = vgpu.write(&mut world, Region::Edid, 20, &3_u32.to_le_bytes());
    assert_eq!(nonsense, Err(EINVAL));
    assert_eq!(vm.guest.messages, before + 2);
}

#[test]
fn edid_of_a_client_survives_a_reset_and_ends_with_close() {
    let host = testing::host(512 * MIB);
    let device = testing::device(&host);
    let mut vgpu = make(&host, &KINDS[0]).unwrap();
    let mut vm = FakeVm::default();
    let mut world = vm.world(&device, &host);
    vgpu.open(&mut world).unwrap();
    let blob = |vgpu: &mut Vgpu, world: &mut World<'_>| {
        let mut blob = [0; 128];
        vgpu.read(world, Region::Edid, 2048, &mut blob).unwrap();
        blob
    };
    let generated = blob(&mut vgpu, &mut world);
    let mut other = generated;
    (other[12], other[127]) = (1, generated[127].wrapping_sub(1));
    vgpu.write(&mut world, Region::Edid, 2048, &other).unwrap();
    vgpu.write(&mut world, Region::Edid, 20, &1_u32.to_le_bytes())
        .unwrap();

    vgpu.reset(&mut world);
    assert_eq!(blob(&mut vgpu, &mut world), other);
    vgpu.close(&mut world);
    assert_eq!(blob(&mut vgpu, &mut world), generated);
}

#[test]
fn resolution_is_one_of_the_type() {
    let host = testing::host(512 * MIB);
    let mut vgpu = make(&host, &KINDS[0]).unwrap();
    let size = |width, height| Resolution { width, height };
    assert_eq!(vgpu.resolution(), vgpu.largest_resolution());
    assert_eq!(vgpu.set_resolution(size(1025, 768)), Err(EINVAL));
    assert_eq!(vgpu.set_resolution(size(639, 480)), Err(EINVAL));
    assert_eq!(vgpu.set_resolution(size(800, 601)), Ok(()));
    assert_eq!(vgpu.resolution(), size(800, 601));
}

#[test]
fn s_04_opregion_can_be_read_and_not_be_written() {
    let host = testing::host(512 * MIB);
    let device = testing::device(&host);
    let mut vgpu = make(&host, &KINDS[0]).unwrap();
    let mut vm = FakeVm::default();
    let mut world = vm.world(&device, &host);
    let mut signature = [0; 16];

    vgpu.read(&mut world, Region::OpRegion, 0, &mut signature)
        .unwrap();
    let written = vgpu.write(&mut world, Region::OpRegion, 0x200, &[1; 4]);
    let beyond = vgpu.read(&mut world, Region::OpRegion, 0x1_0000, &mut [0; 4]);

    assert_eq!(&signature, b"IntelGraphicsMem");
    assert_eq!((written, beyond), (Err(EINVAL), Err(EINVAL)));
}

#[test]
fn swsci_is_answered_in_the_guests_copy_of_the_opregion() {
    let host = testing::host(512 * MIB);
    let device = testing::device(&host);
    let mut vgpu = make(&host, &KINDS[0]).unwrap();
    let mut vm = FakeVm::default();
    let opregion = 0x7000_0000_u32;
    let mut page = std::vec![0; 4096];
    page[..16].copy_from_slice(b"IntelGraphicsMem");
    // What calls of "get BIOS data" are there?
    page[0x200] = 4 << 1 | 1;
    page[0x204] = 0xff;
    let gfn = crate::address::Gfn(u64::from(opregion) >> 12);
    vm.memory.0.insert(gfn, page);
    let mut world = vm.world(&device, &host);
    let mut write = |offset, data: &[u8]| {
        vgpu.write(&mut world, Region::Config, offset, data)
            .unwrap()
    };

    // Without an address nothing is asked.
    write(0xe8, &[1, 0x80]);
    write(0xe8, &[0, 0x80]);
    write(0xfc, &opregion.to_le_bytes());
    write(0xe8, &[1, 0x80]);

    let page = &vm.memory.0[&gfn];
    assert_eq!(page[0x200..0x208], [1 << 5, 0, 0, 0, 0, 0, 0, 0]);
}
