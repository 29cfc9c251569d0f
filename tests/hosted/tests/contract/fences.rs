// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fence registers.

use super::{aperture, NO_HANDLE, PAGES};
use hosted_glue::bed::Bed;
use hosted_glue::card::FENCES;
use hosted_glue::raw::{fence, Raw};
use iface::errno::{EBADF, EINVAL, ENOMEM, ENOSPC, ERANGE};
use iface::types::{GgttRequest, GGTT_PAGE_SIZE, MAX_FENCE_SETS, REGION_HIGH};
use kernel::testing::Ledger;

#[test]
fn fences_reserve_of_none_or_too_many_returns_its_error() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    assert_eq!(raw.fences(0), Err(-EINVAL));
    assert_eq!(raw.fences(33), Err(-ENOSPC));
    assert_eq!(raw.fences(u32::MAX), Err(-ENOSPC));
    assert_eq!(raw.fences(32), Err(-ENOSPC), "i915 has some of them");
    assert_eq!(
        bed.card().fences_taken(),
        [] as [u32; 0],
        "what was taken is given back"
    );

    let (four, four_more) = (raw.fences(4).unwrap(), raw.fences(4).unwrap());
    assert_ne!(four, four_more);
    assert_eq!(bed.card().fences_taken().len(), 8);
    for _ in 2..MAX_FENCE_SETS {
        assert!(raw.fences(1).is_ok());
    }
    let taken = bed.card().fences_taken();
    assert_eq!(raw.fences(1), Err(-ENOSPC), "no handle is left");
    assert_eq!(bed.card().fences_taken(), taken);
    assert!(taken.len() < FENCES as usize / 2, "but fences are");
}

#[test]
fn fences_reserve_without_memory_returns_enomem() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    Ledger::current().fail_at(0, true);
    assert_eq!(raw.fences(4), Err(-ENOMEM));
    Ledger::current().fail_none();
    assert_eq!(bed.card().fences_taken(), [] as [u32; 0]);
}

#[test]
fn fence_write_that_is_wrong_returns_its_error_and_writes_nothing() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let range = raw.reserve(aperture(PAGES)).unwrap();
    let high = raw
        .reserve(GgttRequest {
            region: REGION_HIGH,
            ..aperture(PAGES)
        })
        .unwrap();
    let fences = raw.fences(2).unwrap();
    let numbers = bed.card().fences_taken();
    let (start, page) = (range.start, GGTT_PAGE_SIZE);
    let good = fence(start, PAGES);

    assert_eq!(
        raw.fence_write(NO_HANDLE, 0, good, range.handle),
        -EBADF,
        "fences"
    );
    assert_eq!(raw.fence_write(fences, 0, good, NO_HANDLE), -EBADF, "range");
    assert_eq!(
        raw.fence_write(fences, 2, good, range.handle),
        -ERANGE,
        "index"
    );
    assert_eq!(raw.fence_write(fences, u32::MAX, 0, 0), -ERANGE, "index");
    let wrong = [
        (
            fence(start - page, PAGES),
            ERANGE,
            "begins before the range",
        ),
        (fence(start + page, PAGES), ERANGE, "ends behind the range"),
        (fence(start + PAGES * page, 1), ERANGE, "behind the range"),
        (
            // Of a row of 4096 tiles, all but one.
            fence(start + page, PAGES - 1) | 0xfff << 32,
            ERANGE,
            "the last row of tiles ends behind the range",
        ),
        (
            start | (start - page) << 32 | 1,
            EINVAL,
            "ends before it begins",
        ),
    ];
    for (value, errno, what) in wrong {
        assert_eq!(
            raw.fence_write(fences, 0, value, range.handle),
            -errno,
            "{what}"
        );
    }
    let outside = fence(high.start, PAGES);
    assert_eq!(
        raw.fence_write(fences, 0, outside, high.handle),
        -ERANGE,
        "not in the aperture"
    );

    assert_eq!(
        numbers
            .iter()
            .map(|n| bed.card().fence(*n))
            .collect::<Vec<_>>(),
        [0, 0]
    );
}
