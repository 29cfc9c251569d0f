// SPDX-License-Identifier: GPL-2.0 OR MIT
//! vGPUs are made out of what i915 leaves of a GPU, and give all of it back.

use super::{Gpu, Guest, MEMORY, MIB};
use hosted_glue::bed::Bed;
use iface::types::{GgttRequest, GGTT_PAGE_SIZE, REGION_APERTURE, REGION_HIGH};
use kernel::error::code::{ENOMEM, ENOSPC};
use kernel::testing::{fail_each_alloc_with, Ledger};
use kvmgt_core::host::Host;
use kvmgt_core::message::NotMade;
use kvmgt_core::vgpu::kind::KINDS;
use kvmgt_core::vgpu::shares::Shares;

/// Machines with each size of aperture that GPUs of the contract have.
const MACHINES: [&str; 3] = ["kbl,aperture=256M", "skl,aperture=512M", "bdw,aperture=1G"];

#[test]
fn all_types_on_all_apertures_can_be_made_as_often_as_they_say_and_removed() {
    for machine in MACHINES {
        let bed = Bed::new(machine);
        let mut gpu = Gpu::new(&bed);
        let before = gpu.available();
        let ledger = Ledger::current();
        let live = ledger.live_objects();
        for (kind, (_, count)) in KINDS.iter().zip(&before) {
            let mut vgpus = Vec::new();
            for _ in 0..*count {
                vgpus.push(gpu.create(kind).unwrap());
            }
            let pages = (kind.aperture + kind.high) / GGTT_PAGE_SIZE;
            let count = u64::from(*count);
            assert_eq!(
                gpu.taken(),
                (count * pages, count as usize * 4),
                "{machine}"
            );
            let lacking = gpu.create(kind).err().unwrap();
            assert!(matches!(lacking, NotMade::Shortage(..)), "{lacking}");
            for (a, b) in vgpus.iter().zip(vgpus.iter().skip(1)) {
                let (a, b) = (a.aperture(), b.aperture());
                assert!(a.end <= b.start || b.end <= a.start, "{machine}");
            }
            for vgpu in vgpus {
                gpu.remove(vgpu);
            }
            assert_eq!((gpu.taken(), gpu.available()), ((0, 0), before.clone()));
        }
        assert_eq!(ledger.live_objects(), live, "{machine}");
    }
}

#[test]
fn create_when_vgpus_have_the_aperture_says_what_is_left_and_needed() {
    let bed = Bed::new("kbl");
    let mut gpu = Gpu::new(&bed);
    let vgpu = gpu.create(&KINDS[0]).unwrap();

    let error = gpu.create(&KINDS[1]).err().unwrap();

    assert_eq!(error.error(), ENOSPC);
    assert_eq!(
        error.to_string(),
        "no vGPU of type GVTg_V5_4: too little is left of aperture: 64 MiB, and 128 MiB needed"
    );
    gpu.remove(vgpu);
}

#[test]
fn create_when_i915_has_the_gpu_says_what_is_not_there_and_takes_nothing() {
    let bed = Bed::new("bdw");
    let mut gpu = Gpu::new(&bed);
    let before = gpu.available();
    let kind = &KINDS[1];
    let part = |region, size| GgttRequest {
        region,
        size,
        align: GGTT_PAGE_SIZE,
        ..GgttRequest::default()
    };
    let host = gpu.kvmgt.host();
    let (aperture, high) = (256 * MIB, 3840 * MIB);

    // So much that no 128 MiB are left of the aperture, nor 512 MiB behind it.
    for (region, size, line) in [
        (
            REGION_APERTURE,
            aperture / 2,
            "aperture: 128 MiB needed in one piece",
        ),
        (
            REGION_HIGH,
            high - 500 * MIB,
            "GGTT behind the aperture: 512 MiB needed in one piece",
        ),
    ] {
        let range = Host::ggtt_reserve(host, &part(region, size)).unwrap();
        let taken = gpu.taken();
        let mut shares = Shares::new(&Host::info(host).unwrap());
        let id = shares.take(kind).unwrap();
        let refusal = gpu.make(id, kind).err().unwrap();
        assert_eq!(refusal.error, ENOSPC);
        assert_eq!(refusal.to_string(), format!("i915 uses too much of {line}"));
        assert_eq!(gpu.taken(), taken);
        Host::ggtt_release(host, range.handle).unwrap();
    }

    let fences = Host::fences_reserve(host, 27).unwrap();
    let error = gpu.create(kind).err().unwrap();
    assert_eq!(
        error.to_string(),
        "no vGPU of type GVTg_V4_4: i915 uses too much of fences: 4 needed"
    );
    assert_eq!((gpu.taken(), gpu.available()), ((0, 27), before));
    let host = gpu.kvmgt.host();
    Host::fences_release(host, fences).unwrap();
}

#[test]
fn create_with_each_allocation_failing_is_a_clean_enomem() {
    let bed = Bed::new("kbl");
    let mut gpu = Gpu::new(&bed);
    let id = gpu.shares.take(&KINDS[0]).unwrap();

    let sites = fail_each_alloc_with(
        || {
            let made = gpu.make(id, &KINDS[0]);
            let made = made.map(|vgpu| vgpu.destroy(gpu.kvmgt.host()));
            assert_eq!(gpu.taken(), (0, 0));
            made
        },
        |refusal| refusal.error == ENOMEM,
    );

    assert!(sites >= 6, "only {sites} sites were met");
    gpu.make(id, &KINDS[0]).unwrap().destroy(gpu.kvmgt.host());
}

#[test]
fn a_thousand_vgpus_one_after_the_other_leave_everything_as_it_was() {
    let bed = Bed::new("kbl");
    let mut gpu = Gpu::new(&bed);
    let before = gpu.available();
    let ledger = Ledger::current();
    let live = (ledger.live_objects(), ledger.live_bytes());
    let mut places = None;
    for _ in 0..1000 {
        let vgpu = gpu.create(&KINDS[0]).unwrap();
        let place = (vgpu.id(), vgpu.aperture());
        assert_eq!(*places.get_or_insert_with(|| place.clone()), place);
        gpu.remove(vgpu);
    }
    assert_eq!((gpu.taken(), gpu.available()), ((0, 0), before));
    assert_eq!((ledger.live_objects(), ledger.live_bytes()), live);
}

#[test]
fn vgpu_that_is_idle_takes_no_more_than_4_mib_of_both_halves() {
    let bed = Bed::new(MACHINES[2]);
    let mut gpu = Gpu::new(&bed);
    for kind in &KINDS {
        let live = || Ledger::current().live_bytes();
        let before = live();
        let vgpu = gpu.create(kind).unwrap();
        let mut guest = Guest::new(&gpu, vgpu, MEMORY[0].clone());
        let opened = live() - before;
        // What a guest's i915 does with all that it does not use.
        for (first, pages) in bed.card().pages_taken() {
            for page in first..first + pages {
                guest.map(page, 0x5001);
            }
        }
        let cleared = live() - before;

        println!(
            "{}: {opened} bytes, {cleared} when all was cleared",
            kind.share
        );
        let registers = 2 * MIB as isize;
        for taken in [opened, cleared] {
            assert!((registers..2 * registers).contains(&taken), "{taken}");
        }

        let vgpu = guest.close();
        gpu.remove(vgpu);
        assert_eq!(live(), before);
    }
}
