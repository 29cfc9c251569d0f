// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Whatever a guest writes into its GGTT and its VMM does to its memory: each entry of the GPU leads
//! to a page of the guest that is pinned, or to scratch, as a simple model says, and nothing else is
//! pinned.

use super::{Gpu, Guest, MEMORY, TABLE};
use hosted_glue::bed::Bed;
use iface::types::{GGTT_PAGE_SIZE, PTE_ADDRESS, PTE_VALID_BITS};
use kernel::testing::Ledger;
use kvmgt_core::address::Gfn;
use kvmgt_core::vgpu::kind::KINDS;
use kvmgt_core::vgpu::Region::Bar0;
use kvmgt_core::vgpu::Vgpu;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::collections::{BTreeMap, BTreeSet};

/// Entries that are written on either side of an edge of a range.
const EDGE: u64 = 3;
/// Pages of the guest that are mostly named.
const PAGES: u64 = 6;

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    /// The guest writes some bytes of the entry that is so far from an edge.
    Write {
        edge: usize,
        entry: u64,
        place: u64,
        width: usize,
        value: u64,
    },
    /// The same with no memory left.
    Starved { edge: usize, entry: u64, value: u64 },
    /// The VMM takes memory away.
    Forget { first: u64, count: u64 },
    /// The vGPU is reset.
    Reset,
    /// The host loses and restores what the GPU had.
    Sleep,
}

/// Entries: mostly present and of few pages, sometimes beyond the guest's memory, sometimes anything.
fn value() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => (0..PAGES, any::<bool>()).prop_map(|(page, present)| page << 12 | u64::from(present)),
        1 => (0..PAGES, any::<u16>()).prop_map(|(page, bits)| page << 12 | u64::from(bits & 0xfff)),
        1 => (0x3_fffe..0x4_0002_u64).prop_map(|page| page << 12 | 1),
        1 => any::<u64>(),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let place = (0..4_usize, 0..2 * EDGE);
    let width = prop_oneof![4 => Just(8_usize), 4 => Just(4), 1 => Just(2), 1 => Just(1)];
    prop_oneof![
        16 => (place.clone(), 0..8_u64, width, value()).prop_map(|((edge, entry), byte, width, value)| {
            let place = byte / width as u64 * width as u64;
            Step::Write { edge, entry, place, width, value }
        }),
        1 => (place, value()).prop_map(|((edge, entry), value)| Step::Starved { edge, entry, value }),
        2 => (0..PAGES + 1, 0..3_u64).prop_map(|(first, count)| Step::Forget { first, count }),
        1 => Just(Step::Reset),
        1 => Just(Step::Sleep),
    ]
}

/// An entry as it should be: what the guest reads, what it has begun, and what the GPU has.
#[derive(Clone, Copy, Default)]
struct Entry {
    guest: u64,
    /// The byte where the half begins that was written last, if the other one is awaited.
    begun: Option<u64>,
    gfn: Option<u64>,
}

impl Entry {
    fn write(&mut self, place: u64, bytes: &[u8], has: impl Fn(u64) -> bool) {
        let mut all = self.guest.to_le_bytes();
        all[place as usize..][..bytes.len()].copy_from_slice(bytes);
        let guest = u64::from_le_bytes(all);
        let whole = match bytes.len() {
            8 => true,
            4 => self.begun.is_some_and(|begun| begun != place),
            _ => false,
        };
        // The same entry again finds its page again.
        let gfn = guest << 12 >> 24;
        let mapped = whole && guest & 1 != 0 && gfn << 12 & !PTE_ADDRESS == 0 && has(gfn);
        *self = Entry {
            guest,
            begun: (bytes.len() == 4 && !whole).then_some(place),
            gfn: mapped.then_some(gfn),
        };
    }
}

/// What the GPU has for an entry that is as it should be.
fn seen(gpu: &Gpu<'_>, guest: &Guest<'_, '_>, entry: &Entry) -> u64 {
    match entry.gfn {
        None => gpu.scratch(),
        Some(gfn) => {
            let bits = entry.guest & PTE_VALID_BITS & !PTE_ADDRESS;
            guest.around.vm.address(Gfn(gfn)).unwrap() | bits
        }
    }
}

#[test]
fn gpu_reaches_what_the_model_says() {
    let bed = Bed::new("kbl");
    let mut gpu = Gpu::new(&bed);
    // A neighbour below, whose entries nobody touches.
    let neighbour = gpu.create(&KINDS[0]).unwrap();
    let vgpu = gpu.create(&KINDS[0]).unwrap();
    let mut guest = Guest::new(&gpu, vgpu, MEMORY[1].clone());
    let ranges: Vec<_> = bed.card().pages_taken();
    // Those of the second vGPU are the upper one of each region.
    let own = [ranges[1], ranges[3]].map(|(first, pages)| first..first + pages);
    assert_eq!(own[0].start, guest.first());
    let edges: Vec<u64> = own
        .iter()
        .flat_map(|range| [range.start, range.end])
        .collect();

    let mut runner = TestRunner::new(ProptestConfig::with_cases(400));
    let guest = std::cell::RefCell::new(&mut guest);
    let result = runner.run(&prop::collection::vec(step(), 1..40), |steps| {
        let mut guest = guest.borrow_mut();
        guest.with(Vgpu::reset);
        let mut model: BTreeMap<u64, Entry> = BTreeMap::new();
        for page in edges.iter().flat_map(|edge| edge - EDGE..edge + EDGE) {
            let is_own = own.iter().any(|range| range.contains(&page));
            if is_own {
                model.insert(page, Entry::default());
            }
        }
        for step in steps {
            let has = |gfn: u64| guest.around.vm.address(Gfn(gfn)).is_some();
            match step {
                Step::Write {
                    edge,
                    entry,
                    place,
                    width,
                    value,
                } => {
                    let page = edges[edge] - EDGE + entry;
                    let bytes = value.to_le_bytes();
                    let bytes = &bytes[place as usize % 8..][..width.min(8 - place as usize)];
                    if let Some(entry) = model.get_mut(&page) {
                        entry.write(place, bytes, has);
                    }
                    guest.write(Bar0, TABLE + page * 8 + place, bytes).unwrap();
                }
                Step::Starved { edge, entry, value } => {
                    let page = edges[edge] - EDGE + entry;
                    let pinned = guest.around.vm.pinned().clone();
                    Ledger::current().fail_at(0, true);
                    guest.map(page, value);
                    Ledger::current().fail_none();
                    if let Some(entry) = model.get_mut(&page) {
                        // Only a page that is pinned already can be mapped.
                        let has = |gfn| pinned.contains(&Gfn(gfn));
                        let mut written = *entry;
                        written.write(0, &value.to_le_bytes(), has);
                        // Nothing changes if there was no memory to keep what was written.
                        let now = (guest.mapped(page), gpu.entry(page));
                        if now == (written.guest, seen(&gpu, &guest, &written)) {
                            *entry = written;
                        }
                    }
                }
                Step::Forget { first, count } => {
                    let gone = first..first + count;
                    for entry in model.values_mut() {
                        entry.gfn = entry.gfn.filter(|gfn| !gone.contains(gfn));
                    }
                    guest.with(|vgpu, world| vgpu.forget_memory(world, Gfn(first), count));
                }
                Step::Reset => {
                    model
                        .values_mut()
                        .for_each(|entry| *entry = Entry::default());
                    guest.with(Vgpu::reset);
                }
                Step::Sleep => bed.i915.sleep(),
            }
            for page in edges.iter().flat_map(|edge| edge - EDGE..edge + EDGE) {
                let entry = model.get(&page).copied().unwrap_or_default();
                let expected = seen(&gpu, &guest, &entry);
                let is_own = model.contains_key(&page);
                let is_taken = ranges
                    .iter()
                    .any(|(first, pages)| (*first..first + pages).contains(&page));
                if is_own || is_taken {
                    prop_assert_eq!(gpu.entry(page), expected, "page {:#x}", page);
                }
                prop_assert_eq!(guest.mapped(page), entry.guest, "page {:#x}", page);
            }
            let pinned: BTreeSet<Gfn> = model.values().filter_map(|e| e.gfn).map(Gfn).collect();
            prop_assert_eq!(guest.around.vm.pinned(), &pinned);
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(neighbour.aperture().end <= own[0].start * GGTT_PAGE_SIZE);
}
