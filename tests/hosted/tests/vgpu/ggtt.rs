// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a guest writes into its GGTT is what the GPU translates by: inside of the vGPU's own ranges,
//! and to pages of that guest only.

use super::{bed_with_memory, Gpu, Guest, MEMORY, TABLE};
use gen9_gpu::{DmaAddress, DmaMemory};
use hosted_glue::bed::Bed;
use iface::types::GGTT_PAGE_SIZE;
use kernel::error::code::EINVAL;
use kvmgt_core::address::{Gfn, Gma};
use kvmgt_core::gtt::entry::GuestEntry;
use kvmgt_core::guest::Event;
use kvmgt_core::message::Complaint;
use kvmgt_core::vgpu::kind::KINDS;
use kvmgt_core::vgpu::Region::Bar0;
use kvmgt_core::vgpu::Vgpu;

/// A page of a guest, and the entry that maps it.
const GFN: u64 = 0x123;
const ENTRY: u64 = GFN << 12 | 1;
/// What is written into memory.
const SECRET: u64 = 0x7365_6372_6574_2121;

#[test]
fn entry_when_written_is_what_the_gpu_translates_by() {
    let (bed, memory) = bed_with_memory("kbl");
    let mut gpu = Gpu::new(&bed);
    let vgpu = gpu.create(&KINDS[0]).unwrap();
    let mut guest = Guest::new(&gpu, vgpu, MEMORY[0].clone());
    let page = guest.first() + 7;
    let address = guest.around.vm.address(Gfn(GFN)).unwrap();

    guest.map(page, ENTRY);

    gpu.aperture_write(page, SECRET);
    assert_eq!(memory.read_u64(DmaAddress(address)), Ok(SECRET));
    assert_eq!((gpu.entry(page), guest.mapped(page)), (address | 1, ENTRY));
    assert!(guest.around.vm.pinned().iter().eq(&[Gfn(GFN)]));
    let high = guest.vgpu.aperture().end.max(256 << 20) / GGTT_PAGE_SIZE;
    let high = (high..1 << 20).find(|page| {
        guest.map(*page, ENTRY);
        guest.mapped(*page) == ENTRY
    });
    assert_eq!(gpu.entry(high.unwrap()), address | 1);
    guest.close();
}

#[test]
fn entry_outside_of_the_vgpu_stays_whose_it_is() {
    let bed = Bed::new("kbl");
    let mut gpu = Gpu::new(&bed);
    let vgpus = [0, 1].map(|_| gpu.create(&KINDS[0]).unwrap());
    let [mut a, mut b] = {
        let mut memory = MEMORY.into_iter();
        vgpus.map(|vgpu| Guest::new(&gpu, vgpu, memory.next().unwrap()))
    };
    let (of_a, of_b) = (a.first(), b.first());
    b.map(of_b, ENTRY);
    let before = gpu.entry(of_b);
    bed.machine().ggtt_write(0, &[0x0bad_c001]);

    // b's entries, i915's, and those of nobody.
    for page in [0, of_b, of_b + 1, (1 << 20) - 1] {
        let entry = gpu.entry(page);
        a.map(page, 0x777_7001);
        a.write(Bar0, TABLE + page * 8, &[0; 4]).unwrap();
        assert_eq!((gpu.entry(page), a.mapped(page)), (entry, 0), "{page:#x}");
    }
    assert_eq!(gpu.entry(of_b), before);
    assert!(a.around.vm.pinned().is_empty());

    a.map(of_a, ENTRY);
    gpu.aperture_write(of_a, SECRET);
    assert_eq!(gpu.aperture(of_b), 0, "the same page number, another VM");
    assert_ne!(gpu.entry(of_a), gpu.entry(of_b));
    a.close();
    b.close();
}

#[test]
fn entry_that_names_no_memory_of_the_guest_is_scratch_and_complained_about() {
    let bed = Bed::new("kbl");
    let mut gpu = Gpu::new(&bed);
    let vgpu = gpu.create(&KINDS[0]).unwrap();
    let mut guest = Guest::new(&gpu, vgpu, MEMORY[0].clone());
    let page = guest.first();
    guest.map(page, ENTRY);
    guest.around.vm.take_events();
    for entry in [0x4000_0001, 0xffff_ffff_ffff_ffff, 1 << 46 | ENTRY] {
        guest.map(page, entry);
        assert_eq!(
            (gpu.entry(page), guest.mapped(page)),
            (gpu.scratch(), entry)
        );
        let events = guest.around.vm.take_events();
        let about = |event: &Event| match event {
            Event::Complaint(Complaint::GgttEntry { address, entry, .. }) => {
                Some((*address, *entry))
            }
            _ => None,
        };
        let expected = (Gma(page * GGTT_PAGE_SIZE), GuestEntry(entry));
        assert_eq!(
            events.iter().filter_map(about).collect::<Vec<_>>(),
            [expected]
        );
    }
    assert!(guest.around.vm.pinned().is_empty());
    guest.close();
}

#[test]
fn table_access_that_is_none_returns_einval() {
    let bed = Bed::new("kbl");
    let mut gpu = Gpu::new(&bed);
    let vgpu = gpu.create(&KINDS[0]).unwrap();
    let mut guest = Guest::new(&gpu, vgpu, MEMORY[0].clone());
    for (at, len) in [
        (2 * TABLE, 1),
        (2 * TABLE - 4, 8),
        (TABLE + 4, 8),
        (TABLE + 1, 2),
    ] {
        assert_eq!(
            guest.write(Bar0, at, &[0; 8][..len]),
            Err(EINVAL),
            "{at:#x}"
        );
    }
    assert_eq!(guest.read(Bar0, 2 * TABLE - 8), Ok([0; 8]));
    guest.close();
}

#[test]
fn s_09_vgpu_that_is_closed_and_opened_again_shows_nothing_of_the_vm_before() {
    let (bed, memory) = bed_with_memory("kbl");
    let mut gpu = Gpu::new(&bed);
    let vgpu = gpu.create(&KINDS[0]).unwrap();
    let mut guest = Guest::new(&gpu, vgpu, MEMORY[0].clone());
    let page = guest.first();
    let address = guest.around.vm.address(Gfn(GFN)).unwrap();
    guest.map(page, ENTRY);
    gpu.aperture_write(page, SECRET);
    let fence = page * GGTT_PAGE_SIZE;
    let fence = (fence + 7 * GGTT_PAGE_SIZE) << 32 | fence | 1;
    guest.write(Bar0, 0x10_0000, &fence.to_le_bytes()).unwrap();
    let number = bed.card().fences_taken()[0];
    assert_ne!(bed.card().fence(number), 0);

    let vgpu = guest.close();

    assert_eq!(gpu.entry(page), gpu.scratch());
    let mut next = Guest::new(&gpu, vgpu, MEMORY[1].clone());
    assert_eq!((gpu.aperture(page), next.mapped(page)), (0, 0));
    gpu.aperture_write(page, 1);
    assert_eq!(memory.read_u64(DmaAddress(address)), Ok(SECRET));
    assert_eq!(bed.card().fence(number), 0);
    next.close();
}

#[test]
fn s_10_memory_that_goes_away_is_not_reached_until_it_is_mapped_anew() {
    let (bed, memory) = bed_with_memory("kbl");
    let mut gpu = Gpu::new(&bed);
    let vgpu = gpu.create(&KINDS[0]).unwrap();
    let mut guest = Guest::new(&gpu, vgpu, MEMORY[0].clone());
    let page = guest.first();
    let address = guest.around.vm.address(Gfn(GFN)).unwrap();
    guest.map(page, ENTRY);
    guest.map(page + 1, ENTRY + GGTT_PAGE_SIZE);

    guest.with(|vgpu, world| vgpu.forget_memory(world, Gfn(0), GFN + 1));

    gpu.aperture_write(page, SECRET);
    assert_eq!(memory.read_u64(DmaAddress(address)), Ok(0));
    assert!(guest.around.vm.pinned().iter().eq(&[Gfn(GFN + 1)]));

    guest.map(page, ENTRY);

    gpu.aperture_write(page, SECRET);
    assert_eq!(memory.read_u64(DmaAddress(address)), Ok(SECRET));
    guest.close();
}

#[test]
fn mappings_survive_reset_and_sleep_of_the_host() {
    let bed = Bed::new("kbl");
    let mut gpu = Gpu::new(&bed);
    let vgpu = gpu.create(&KINDS[0]).unwrap();
    let mut guest = Guest::new(&gpu, vgpu, MEMORY[0].clone());
    let page = guest.first();
    guest.map(page, ENTRY);
    let entry = gpu.entry(page);

    bed.i915.reset();
    assert_eq!(gpu.entry(page), entry);
    bed.i915.sleep();
    assert_eq!(gpu.entry(page), entry);
    assert_eq!(gpu.entry(page + 1), gpu.scratch());

    guest.with(Vgpu::reset);
    assert_eq!(gpu.entry(page), gpu.scratch());
    guest.close();
}
