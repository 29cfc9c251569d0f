// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::address::{DmaAddress, Gma, PAGE_SIZE};
use crate::guest::{Event, Guest};
use crate::message::Complaint;
use crate::testing::{self, FakeGuest, FakeHost, FakeVm, SCRATCH};
use crate::vgpu::kind::KINDS;
use kernel::testing::{fail_each_alloc_with, Ledger};
use std::vec::Vec;

const MIB: u64 = 1 << 20;
/// Where the pages of the stand-in's guest are for the GPU.
const DMA: u64 = 1 << 40;
/// A present entry that names page 5.
const PAGE_5: u64 = 0x5001;
const DMA_5: u64 = DMA | PAGE_5;

/// A guest that looks, when one of its pages is unpinned, whether the GPU still reaches it.
struct Watchful<'a> {
    host: &'a FakeHost,
    guest: FakeGuest,
    /// The GPU may still reach it: the host half does not take entries any more.
    resigned: bool,
}

impl Watchful<'_> {
    fn reaches(&self, page: DmaAddress) -> bool {
        let state = self.host.state.borrow();
        let mut entries = state.ranges.values().flat_map(|(_, entries)| entries);
        entries.any(|entry| entry & !0xfff == page.0)
    }
}

impl Guest for Watchful<'_> {
    fn pin(&mut self, gfn: Gfn) -> Result<DmaAddress> {
        self.guest.pin(gfn)
    }

    fn unpin(&mut self, gfn: Gfn, address: DmaAddress) {
        assert!(self.resigned || !self.reaches(address), "{gfn:?} is in use");
        self.guest.unpin(gfn, address);
    }

    fn send_msi(&mut self) {
        self.guest.send_msi();
    }

    fn note(&mut self, event: Event) {
        self.guest.note(event);
    }
}

/// A GGTT of the smallest type, and what surrounds it.
struct Bed<'a> {
    device: &'a Device,
    guest: Watchful<'a>,
    ggtt: Ggtt,
    vm: FakeVm,
    pins: Pins,
}

impl<'a> Bed<'a> {
    fn new(device: &'a Device, host: &'a FakeHost) -> Self {
        // So that the ranges do not begin where their region does.
        host.ggtt_reserve(&request(REGION_APERTURE)).unwrap();
        host.ggtt_reserve(&request(REGION_HIGH)).unwrap();
        Self {
            device,
            guest: Watchful {
                host,
                guest: FakeGuest::default(),
                resigned: false,
            },
            ggtt: Ggtt::new(device, host, &KINDS[0]).unwrap(),
            vm: FakeVm::default(),
            pins: Pins::new(),
        }
    }

    fn host(&self) -> &'a FakeHost {
        self.guest.host
    }

    /// Does something to the GGTT.
    fn with<R>(&mut self, f: impl FnOnce(&mut Ggtt, &mut World<'_>, &mut Pins) -> R) -> R {
        let host = self.guest.host;
        let mut world = World {
            guest: &mut self.guest,
            ..self.vm.world(self.device, host)
        };
        f(&mut self.ggtt, &mut world, &mut self.pins)
    }

    fn write(&mut self, at: u64, data: &[u8]) {
        self.with(|ggtt, world, pins| ggtt.write(world, pins, at, data))
            .unwrap();
    }

    /// Writes a whole entry.
    fn entry(&mut self, at: u64, value: u64) {
        self.write(at, &value.to_le_bytes());
    }

    fn read(&self, at: u64) -> u64 {
        let mut data = [0xa5; 8];
        self.ggtt.read(at, &mut data).unwrap();
        u64::from_le_bytes(data)
    }

    /// What the GPU has for the entry at byte `at` of the table.
    fn gpu(&self, at: u64) -> u64 {
        self.host().entry(at / 8 * PAGE_SIZE).unwrap()
    }

    fn pinned(&self) -> Vec<u64> {
        self.guest.guest.pinned.keys().map(|gfn| gfn.0).collect()
    }

    fn flushes(&self) -> usize {
        self.host().state.borrow().flushes
    }

    fn complaints(&self) -> &[Event] {
        &self.guest.guest.events
    }

    /// The first entry of its part of the aperture, and of the part behind it.
    fn firsts(&self) -> [u64; 2] {
        [self.ggtt.aperture().start, self.ggtt.high().start].map(|start| start / PAGE_SIZE * 8)
    }
}

fn request(region: u32) -> iface::types::GgttRequest {
    iface::types::GgttRequest {
        region,
        size: 3 * PAGE_SIZE,
        align: PAGE_SIZE,
        ..Default::default()
    }
}

/// Runs a test on a fresh GGTT.
fn on_bed(test: impl FnOnce(&mut Bed<'_>)) {
    let host = testing::host(512 * MIB);
    let device = testing::device(&host);
    test(&mut Bed::new(&device, &host));
}

#[test]
fn new_takes_a_range_in_each_region_that_destroy_gives_back() {
    let host = testing::host(512 * MIB);
    let device = testing::device(&host);
    for kind in &KINDS[..3] {
        let ggtt = Ggtt::new(&device, &host, kind).unwrap();

        let (aperture, high) = (ggtt.aperture(), ggtt.high());
        assert_eq!(aperture.end - aperture.start, kind.aperture);
        assert_eq!(high.end - high.start, kind.high);
        assert!(aperture.end <= 512 * MIB && 512 * MIB <= high.start);
        let handle = ggtt.aperture_handle();
        assert_eq!(host.state.borrow().ranges[&handle].0.start, aperture.start);
        ggtt.destroy(&host);
        assert!(host.state.borrow().ranges.is_empty());
    }
}

#[test]
fn new_when_the_host_has_no_room_names_the_region_and_takes_nothing() {
    for (ggtt_size, resource) in [(4 << 30, Resource::Aperture), (600 * MIB, Resource::High)] {
        let mut host = testing::host(128 * MIB);
        host.info.ggtt_size = ggtt_size;
        let device = testing::device(&host);
        let kind = match resource {
            Resource::Aperture => &KINDS[2],
            _ => &KINDS[1],
        };

        let refusal = Ggtt::new(&device, &host, kind).err().unwrap();

        assert_eq!(refusal, kind.refused(resource, ENOSPC));
        assert!(host.state.borrow().ranges.is_empty());
    }
}

#[test]
fn new_without_memory_anywhere_takes_nothing() {
    let host = testing::host(512 * MIB);
    let device = testing::device(&host);

    let sites = fail_each_alloc_with(
        || {
            let made = Ggtt::new(&device, &host, &KINDS[0]).map(|ggtt| ggtt.destroy(&host));
            assert!(host.state.borrow().ranges.is_empty());
            made
        },
        |refusal| refusal.error == ENOMEM,
    );

    assert_eq!(sites, 4);
}

#[test]
fn write_of_a_whole_entry_maps_the_pinned_page_and_reads_back() {
    on_bed(|bed| {
        for at in bed.firsts() {
            bed.entry(at, PAGE_5);
            assert_eq!((bed.gpu(at), bed.read(at)), (DMA_5, PAGE_5));
        }
        assert_eq!(bed.pinned(), [5]);
    });
}

#[test]
fn write_of_bits_that_are_not_for_the_gpu_keeps_them_from_it() {
    on_bed(|bed| {
        let at = bed.firsts()[0];
        let all = 0xfff0_0000_0000_5fff;

        bed.entry(at, all);

        assert_eq!(bed.read(at), all);
        assert_eq!(bed.gpu(at), DMA | 0x5000 | 1 << 7 | 1 << 4 | 1 << 3 | 1);
    });
}

#[test]
fn s_45d_between_two_halves_in_either_order_the_gpu_sees_scratch() {
    let halves = |value: u64| [(0, value as u32), (4, (value >> 32) as u32)];
    let (old, new) = (0x12_0000_5001_u64, 0x34_0000_7003_u64);
    for order in [[0, 1], [1, 0]] {
        on_bed(|bed| {
            let at = bed.firsts()[1];
            bed.entry(at, old);
            let writes = order.map(|which| halves(new)[which]);

            bed.write(at + writes[0].0, &writes[0].1.to_le_bytes());

            assert_eq!(bed.gpu(at), SCRATCH);
            assert_eq!(bed.pinned(), [] as [u64; 0]);
            let mut other = [0; 4];
            bed.ggtt.read(at + writes[1].0, &mut other).unwrap();
            assert_eq!(u32::from_le_bytes(other), halves(old)[order[1]].1);

            bed.write(at + writes[1].0, &writes[1].1.to_le_bytes());

            assert_eq!(bed.read(at), new);
            assert_eq!(bed.gpu(at), DMA + 0x34_0000_7001);
            assert_eq!(bed.pinned(), [0x0340_0007]);
        });
    }
}

#[test]
fn write_of_the_same_half_again_waits_for_the_other() {
    on_bed(|bed| {
        let at = bed.firsts()[0];
        bed.write(at, &0x3001_u32.to_le_bytes());
        bed.write(at, &0x5001_u32.to_le_bytes());
        assert_eq!((bed.gpu(at), bed.read(at)), (SCRATCH, PAGE_5));
        assert_eq!(bed.flushes(), 0, "it was scratch all the time");

        bed.write(at + 4, &[0; 4]);

        assert_eq!((bed.gpu(at), bed.pinned()), (DMA_5, std::vec![5]));
    });
}

#[test]
fn write_of_less_than_a_half_is_kept_and_leads_to_scratch() {
    on_bed(|bed| {
        let at = bed.firsts()[0];
        bed.entry(at, PAGE_5);

        bed.write(at + 1, &[0x70]);
        bed.write(at + 6, &[0x22, 0x11]);

        assert_eq!(bed.read(at), 0x1122_0000_0000_7001);
        assert_eq!((bed.gpu(at), bed.pinned()), (SCRATCH, std::vec![]));

        bed.write(at + 4, &[0; 4]);
        assert_eq!(bed.gpu(at), SCRATCH, "one half alone is not enough");
        bed.write(at, &0x5001_u32.to_le_bytes());
        assert_eq!(bed.gpu(at), DMA_5);
    });
}

#[test]
fn write_of_an_entry_that_is_not_present_leads_to_scratch_and_unpins() {
    on_bed(|bed| {
        let at = bed.firsts()[0];
        bed.entry(at, PAGE_5);

        bed.entry(at, 0x6000);

        assert_eq!((bed.gpu(at), bed.read(at)), (SCRATCH, 0x6000));
        assert_eq!(bed.pinned(), []);
    });
}

#[test]
fn s_45_write_of_another_page_pins_maps_and_only_then_unpins() {
    // `Watchful` looks at the moment of the unpin.
    on_bed(|bed| {
        let at = bed.firsts()[0];
        bed.entry(at, PAGE_5);

        bed.entry(at, 0x9001);

        assert_eq!((bed.gpu(at), bed.pinned()), (DMA | 0x9001, std::vec![9]));
        assert_eq!(bed.flushes(), 2, "there is no detour over scratch");
    });
}

#[test]
fn write_of_one_page_to_many_entries_pins_it_once_until_the_last_is_gone() {
    on_bed(|bed| {
        let [first, second] = bed.firsts();
        let places = [first, first + 8, first + 16, second];
        for at in places {
            bed.entry(at, PAGE_5);
        }
        for at in places {
            assert_eq!(bed.pinned(), [5]);
            bed.entry(at, 0);
        }
        assert_eq!(bed.pinned(), []);
    });
}

#[test]
fn write_of_what_is_there_already_does_nothing() {
    on_bed(|bed| {
        let at = bed.firsts()[0];
        bed.entry(at, PAGE_5);
        bed.entry(at, PAGE_5);
        bed.entry(at + 8, 0);

        assert_eq!(bed.flushes(), 1);
    });
}

#[test]
fn write_outside_of_its_ranges_is_ignored_and_reads_zero() {
    on_bed(|bed| {
        let of = |range: Range<u64>| [range.start / PAGE_SIZE * 8, range.end / PAGE_SIZE * 8];
        let [aperture, aperture_end] = of(bed.ggtt.aperture());
        let [high, high_end] = of(bed.ggtt.high());
        let outside = [0, aperture - 8, aperture_end, high - 8, high_end];
        for at in outside.into_iter().chain([(8 << 20) - 8]) {
            bed.entry(at, PAGE_5);
            bed.write(at + 4, &[0xff; 4]);
            assert_eq!(bed.read(at), 0, "{at:#x}");
        }
        assert_eq!((bed.pinned(), bed.flushes()), (std::vec![], 0));
        for at in [aperture, aperture_end - 8, high, high_end - 8] {
            bed.entry(at, PAGE_5);
            assert_eq!(bed.gpu(at), DMA_5, "{at:#x}");
        }
        assert_eq!(bed.complaints(), []);
    });
}

#[test]
fn access_that_is_none_returns_einval() {
    on_bed(|bed| {
        let end = 8 << 20;
        let wrong = [
            (0, 0),
            (0, 3),
            (0, 16),
            (4, 8),
            (2, 4),
            (1, 2),
            (end, 1),
            (end - 4, 8),
            (u64::MAX, 1),
            (u64::MAX - 7, 8),
        ];
        for (offset, len) in wrong {
            let mut data = [0; 16];
            let data = &mut data[..len];
            assert_eq!(
                bed.ggtt.read(offset, data),
                Err(EINVAL),
                "{offset:#x}+{len}"
            );
            let written = bed.with(|ggtt, world, pins| ggtt.write(world, pins, offset, data));
            assert_eq!(written, Err(EINVAL), "{offset:#x}+{len}");
        }
        assert_eq!(bed.ggtt.read(end - 8, &mut [0; 8]), Ok(()));
    });
}

#[test]
fn write_of_an_entry_that_names_no_page_leads_to_scratch_with_a_complaint() {
    let end_of_memory = Gfn(0x4000_0000 >> 12);
    let cases = [
        ("no such page", 0x4000_0001, Some(end_of_memory), EFAULT),
        ("beyond 46 bits", 1 << 46 | PAGE_5, None, EFAULT),
        // Behind the stand-in's offset it is beyond 46 bits.
        ("mapped beyond 46 bits", 0x3fff_ffff_f001, None, EINVAL),
    ];
    for (what, entry, end, error) in cases {
        on_bed(|bed| {
            bed.guest.guest.end = end;
            let at = bed.firsts()[0];
            bed.entry(at, PAGE_5);

            bed.entry(at, entry);

            assert_eq!((bed.gpu(at), bed.read(at)), (SCRATCH, entry), "{what}");
            assert_eq!(bed.pinned(), [], "{what}");
            let complaint = Complaint::GgttEntry {
                address: Gma(bed.ggtt.aperture().start),
                entry: GuestEntry(entry),
                error,
            };
            assert_eq!(bed.complaints(), [Event::Complaint(complaint)], "{what}");
        });
    }
}

#[test]
fn write_without_memory_for_the_pin_leads_to_scratch_and_works_later() {
    on_bed(|bed| {
        let at = bed.firsts()[0];
        Ledger::current().fail_at(0, false);
        bed.entry(at, PAGE_5);
        Ledger::current().fail_none();
        assert_eq!((bed.gpu(at), bed.pinned()), (SCRATCH, std::vec![]));
        assert_eq!(bed.read(at), PAGE_5);
        assert_eq!(bed.complaints().len(), 1);

        bed.entry(at, PAGE_5);

        assert_eq!(bed.gpu(at), DMA_5);
    });
}

#[test]
fn write_without_memory_to_keep_it_leaves_the_entry_as_it_was_and_works_later() {
    on_bed(|bed| {
        let at = bed.firsts()[0];
        for n in 0..512 {
            bed.entry(at + n * 8, PAGE_5);
        }
        // The pin of page 9 has memory.
        for (entry, fails) in [(0x9001, 1), (0, 0)] {
            Ledger::current().fail_at(fails, false);
            bed.entry(at, entry);
            Ledger::current().fail_none();
            assert_eq!((bed.gpu(at), bed.read(at)), (DMA_5, PAGE_5));
            assert_eq!(bed.pinned(), [5]);
        }
        let complaint = Complaint::GgttWrite {
            address: Gma(bed.ggtt.aperture().start),
            error: ENOMEM,
        };
        assert_eq!(bed.complaints(), [Event::Complaint(complaint); 2]);

        bed.entry(at, 0x9001);

        assert_eq!((bed.gpu(at), bed.pinned()), (DMA | 0x9001, std::vec![5, 9]));
    });
}

#[test]
fn write_of_one_page_to_all_entries_takes_no_memory_but_for_its_pin() {
    // What i915 of a guest does with all that it does not use.
    on_bed(|bed| {
        let start = bed.firsts()[0];
        let count = KINDS[0].aperture / PAGE_SIZE;
        bed.entry(start, PAGE_5);
        bed.entry(start, 0);
        let before = Ledger::current().live_objects();
        for n in 0..count {
            bed.entry(start + n * 8, PAGE_5);
        }

        let last = start + (count - 1) * 8;
        assert_eq!((bed.gpu(last), bed.read(last)), (DMA_5, PAGE_5));
        // The chunk of the first entry was taken before, and is given back; the pin is there.
        assert_eq!(Ledger::current().live_objects(), before);

        bed.with(|ggtt, world, pins| ggtt.clear(world, pins));

        assert_eq!((bed.gpu(start), bed.gpu(last)), (SCRATCH, SCRATCH));
        assert_eq!(bed.pinned(), []);
    });
}

#[test]
fn write_that_the_host_half_refuses_leaves_the_entry_as_it_was() {
    on_bed(|bed| {
        let at = bed.firsts()[0];
        bed.entry(at, PAGE_5);
        bed.host().state.borrow_mut().refuses_writes = Some(EIO);

        bed.entry(at, 0x9001);
        bed.entry(at, 0);
        bed.write(at, &[0; 4]);
        bed.write(at, &[0]);

        assert_eq!((bed.gpu(at), bed.read(at)), (DMA_5, PAGE_5));
        assert_eq!(bed.pinned(), [5]);
        let complaint = Complaint::GgttWrite {
            address: Gma(bed.ggtt.aperture().start),
            error: EIO,
        };
        assert_eq!(bed.complaints(), [Event::Complaint(complaint); 4]);
    });
}

#[test]
fn clear_when_much_is_mapped_scratches_in_runs_and_unpins_all() {
    on_bed(|bed| {
        let [first, second] = bed.firsts();
        for n in 0..1500 {
            bed.entry(first + n * 8, n << 12 | 1);
        }
        bed.entry(second, PAGE_5);
        bed.write(second + 8, &PAGE_5.to_le_bytes()[..4]);
        let before = bed.flushes();

        bed.with(|ggtt, world, pins| ggtt.clear(world, pins));

        assert_eq!(bed.flushes() - before, 3 + 1);
        assert_eq!(bed.pinned(), []);
        for at in [first, first + 8 * 1499, second, second + 8] {
            assert_eq!((bed.gpu(at), bed.read(at)), (SCRATCH, 0));
        }
        bed.write(second + 12, &[0; 4]);
        assert_eq!(bed.gpu(second + 8), SCRATCH, "the half before is forgotten");
    });
}

#[test]
fn clear_when_nothing_is_mapped_does_not_bother_the_gpu() {
    on_bed(|bed| {
        bed.with(|ggtt, world, pins| ggtt.clear(world, pins));
        assert_eq!(bed.flushes(), 0);
    });
}

#[test]
fn clear_when_the_host_half_is_gone_unpins_and_complains() {
    on_bed(|bed| {
        let at = bed.firsts()[0];
        bed.entry(at, PAGE_5);
        bed.host().state.borrow_mut().refuses_writes = Some(ENODEV);
        bed.guest.resigned = true;

        bed.with(|ggtt, world, pins| ggtt.clear(world, pins));

        assert_eq!((bed.read(at), bed.pinned()), (0, std::vec![]));
        assert_eq!(bed.complaints().len(), 1);
    });
}

#[test]
fn forget_memory_scratches_and_unpins_what_is_in_it_until_it_is_written_again() {
    on_bed(|bed| {
        let [first, second] = bed.firsts();
        let places = [first, first + 8, first + 16, second];
        for (at, gfn) in places.into_iter().zip([4, 5, 6, 5]) {
            bed.entry(at, gfn << 12 | 1);
        }

        bed.with(|ggtt, world, pins| ggtt.forget_memory(world, pins, Gfn(5), Gfn(5)));

        assert_eq!(bed.pinned(), [4, 6]);
        assert_eq!([bed.gpu(first + 8), bed.gpu(second)], [SCRATCH; 2]);
        assert_eq!([bed.read(first + 8), bed.read(second)], [PAGE_5; 2]);
        assert_eq!(bed.gpu(first), DMA | 0x4001);

        bed.entry(second, PAGE_5);

        assert_eq!((bed.gpu(second), bed.pinned()), (DMA_5, std::vec![4, 5, 6]));
    });
}

#[test]
fn forget_memory_of_what_nothing_is_pinned_of_does_not_bother_the_gpu() {
    on_bed(|bed| {
        let at = bed.firsts()[0];
        bed.entry(at, PAGE_5);
        for (first, last) in [(0, 4), (6, u64::MAX), (u64::MAX, u64::MAX)] {
            bed.with(|ggtt, world, pins| {
                ggtt.forget_memory(world, pins, Gfn(first), Gfn(last));
            });
        }
        assert_eq!((bed.flushes(), bed.pinned()), (1, std::vec![5]));

        bed.with(|ggtt, world, pins| ggtt.forget_memory(world, pins, Gfn(0), Gfn(u64::MAX)));

        assert_eq!((bed.gpu(at), bed.pinned()), (SCRATCH, std::vec![]));
    });
}
