// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Ranges of the GGTT.

use super::{aperture, NO_HANDLE, PAGE, PAGES};
use hosted_glue::bed::Bed;
use hosted_glue::raw::Raw;
use iface::errno::{EBADF, EINVAL, ENOMEM, ENOSPC, ERANGE};
use iface::types::{
    GgttRequest, GGTT_PAGE_SIZE, MAX_RANGES, PTE_ADDRESS, PTE_PRESENT, REGION_HIGH,
};
use kernel::testing::Ledger;

#[test]
fn ggtt_reserve_of_more_than_there_is_returns_enospc() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let info = raw.info();
    let whole = GgttRequest {
        size: info.aperture_size,
        ..aperture(1)
    };
    assert_eq!(raw.reserve(whole), Err(-ENOSPC), "i915 has some of it");
    let huge = GgttRequest {
        size: 1 << 60,
        ..aperture(1)
    };
    assert_eq!(raw.reserve(huge), Err(-ENOSPC));
    let high = GgttRequest {
        region: REGION_HIGH,
        size: info.ggtt_size,
        ..aperture(1)
    };
    assert_eq!(raw.reserve(high), Err(-ENOSPC));
    assert_eq!(bed.card().pages_taken(), []);

    let mut ranges = 0;
    while raw.reserve(aperture(1)).is_ok() {
        ranges += 1;
        assert!(ranges <= MAX_RANGES, "no end of handles");
    }
    assert_eq!(ranges, MAX_RANGES);
    assert_eq!(raw.reserve(aperture(1)), Err(-ENOSPC), "no handle is left");
    assert_eq!(
        bed.card().pages_taken().len(),
        ranges,
        "what has no handle has no place"
    );
}

#[test]
fn ggtt_reserve_without_memory_returns_enomem() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    Ledger::current().fail_at(0, true);
    assert_eq!(raw.reserve(aperture(1)), Err(-ENOMEM));
    Ledger::current().fail_none();
    assert!(raw.reserve(aperture(1)).is_ok());
}

#[test]
fn ggtt_reserve_gives_scratch_pages_in_the_region_and_aligned() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let aperture_size = raw.info().aperture_size;
    let align = 1 << 20;
    // What another owner left.
    bed.machine().ggtt_write(0, &[PAGE; 8192]);
    bed.machine()
        .ggtt_write(aperture_size / GGTT_PAGE_SIZE, &[PAGE; 8192]);

    let low = raw
        .reserve(GgttRequest {
            align,
            ..aperture(PAGES)
        })
        .unwrap();
    let request = GgttRequest {
        region: REGION_HIGH,
        align,
        ..aperture(PAGES)
    };
    let high = raw.reserve(request).unwrap();

    assert!(low.start + low.size <= aperture_size && high.start >= aperture_size);
    for range in [low, high] {
        assert_ne!(range.handle, 0);
        assert_eq!(
            (range.start % align, range.size),
            (0, PAGES * GGTT_PAGE_SIZE)
        );
        assert!(raw
            .entries(&range)
            .iter()
            .all(|entry| *entry == raw.scratch()));
    }
}

#[test]
fn ggtt_write_that_is_wrong_returns_its_error_and_writes_nothing() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let range = raw.reserve(aperture(PAGES)).unwrap();
    let neighbour = raw.reserve(aperture(PAGES)).unwrap();
    let last = u32::try_from(PAGES - 1).unwrap();
    let fences = raw.fences(1).unwrap();

    assert_eq!(raw.write(0, 0, &[PAGE]), -EBADF);
    assert_eq!(raw.write(NO_HANDLE, 0, &[PAGE]), -EBADF);
    assert_eq!(raw.write(range.handle, last, &[PAGE; 2]), -ERANGE);
    assert_eq!(raw.write(range.handle, last + 1, &[PAGE]), -ERANGE);
    assert_eq!(raw.write(range.handle, u32::MAX, &[PAGE; 2]), -ERANGE);
    assert_eq!(
        raw.write(range.handle, 0, &[PAGE; PAGES as usize + 1]),
        -ERANGE
    );
    assert_eq!(raw.write(range.handle, 0, &[]), -EINVAL);
    for bit in [1, 2, 5, 6, 8, 9, 10, 11, 46, 47, 52, 62, 63] {
        assert_eq!(
            raw.write(range.handle, 0, &[PAGE, PAGE | 1 << bit]),
            -EINVAL,
            "bit {bit}"
        );
    }

    for range in [range, neighbour] {
        assert!(raw
            .entries(&range)
            .iter()
            .all(|entry| *entry == raw.scratch()));
    }
    assert_eq!(raw.fences_release(fences), 0);
}

#[test]
fn ggtt_write_reaches_the_gpu_and_maps_what_is_not_present_to_scratch() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let range = raw.reserve(aperture(PAGES)).unwrap();
    let highest = PTE_ADDRESS & ((1 << 39) - 1) | PTE_PRESENT;

    assert_eq!(
        raw.write(range.handle, 3, &[PAGE, PAGE & !PTE_PRESENT, highest]),
        0
    );

    let entries = raw.entries(&range);
    assert_eq!(
        entries[2..7],
        [raw.scratch(), PAGE, raw.scratch(), highest, raw.scratch()]
    );
}

#[test]
fn ggtt_write_without_memory_returns_enomem_and_yet_unmaps() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let range = raw.reserve(aperture(1024)).unwrap();
    let without_memory = |first: u32, entries: &[u64]| {
        Ledger::current().fail_at(0, true);
        let written = raw.write(range.handle, first, entries);
        Ledger::current().fail_none();
        written
    };

    assert_eq!(without_memory(0, &[0, PAGE]), -ENOMEM);
    assert_eq!(raw.entries(&range)[..2], [raw.scratch(); 2]);
    assert_eq!(raw.write(range.handle, 0, &[PAGE; 1024]), 0);
    assert_eq!(without_memory(7, &[PAGE]), 0, "it is that already");
    assert_eq!(without_memory(7, &[0]), 0);

    let entries = raw.entries(&range);
    assert_eq!(entries[7], raw.scratch());
    assert_eq!(entries[512..], [PAGE; 512], "what is far from it stays");
}
