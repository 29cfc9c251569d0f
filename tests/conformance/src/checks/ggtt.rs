// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Ranges of the GGTT.

use super::{aperture, ensure_entry, ensure_given_back, entry, open, refused, reserve, NO_HANDLE};
use crate::table::{ensure, expect};
use crate::{Check, Context, Outcome};
use iface::errno::{EBADF, EFAULT, EINVAL, ENOSPC, ERANGE};
use iface::types::{GgttRequest, GGTT_PAGE_SIZE, PTE_PRESENT, REGION_HIGH};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "ggtt_reserve called wrongly",
        run: wrong_requests,
    },
    Check {
        name: "ranges are apart and where they were asked for",
        run: apart,
    },
    Check {
        name: "a new range is scratch",
        run: fresh,
    },
    Check {
        name: "ggtt_write writes what it is told and no more",
        run: written,
    },
    Check {
        name: "ggtt_write called wrongly",
        run: wrong_writes,
    },
    Check {
        name: "ggtt_release leaves scratch, and a stale handle",
        run: released,
    },
    Check {
        name: "close gives ranges back",
        run: closed,
    },
    Check {
        name: "ranges end where handles do",
        run: exhausted,
    },
];

/// Addresses that no memory needs to have: nothing uses the entries.
const PAGE_A: u64 = 0x1_2345_6000 | PTE_PRESENT;
const PAGE_B: u64 = 0x2_3456_7000 | PTE_PRESENT;

fn wrong_requests(context: &Context<'_>) -> Outcome {
    open(context)?;
    let table = &context.table;
    let right = aperture(4);
    expect(
        "to nowhere",
        table.ggtt_reserve_nowhere(Some(&right)),
        -EFAULT,
    )?;
    expect("of nothing", table.ggtt_reserve_nowhere(None), -EFAULT)?;
    let wrong = [
        (
            "unknown region",
            GgttRequest {
                region: REGION_HIGH + 1,
                ..right
            },
        ),
        (
            "reserved",
            GgttRequest {
                reserved: 1,
                ..right
            },
        ),
        ("no size", GgttRequest { size: 0, ..right }),
        (
            "odd size",
            GgttRequest {
                size: GGTT_PAGE_SIZE + 1,
                ..right
            },
        ),
        ("no alignment", GgttRequest { align: 0, ..right }),
        (
            "odd alignment",
            GgttRequest {
                align: 3 * GGTT_PAGE_SIZE,
                ..right
            },
        ),
        (
            "small alignment",
            GgttRequest {
                align: GGTT_PAGE_SIZE / 2,
                ..right
            },
        ),
    ];
    for (what, request) in wrong {
        refused(what, table.ggtt_reserve(&request), -EINVAL)?;
    }
    for size in [1 << 40, !(GGTT_PAGE_SIZE - 1)] {
        let request = GgttRequest { size, ..right };
        refused("more than there is", table.ggtt_reserve(&request), -ENOSPC)?;
    }
    Ok(())
}

fn apart(context: &Context<'_>) -> Outcome {
    const ALIGN: u64 = 1 << 20;
    open(context)?;
    let Ok(info) = context.table.info() else {
        return refused("info", context.table.info(), 0);
    };
    let low = reserve(context, &aperture(16))?;
    let aligned = reserve(
        context,
        &GgttRequest {
            align: ALIGN,
            ..aperture(16)
        },
    )?;
    let high = reserve(
        context,
        &GgttRequest {
            region: REGION_HIGH,
            ..aperture(16)
        },
    )?;
    ensure("size", low.size as i64, 16 * GGTT_PAGE_SIZE as i64)?;
    ensure("alignment", (aligned.start % ALIGN) as i64, 0)?;
    ensure(
        "in the aperture",
        (low.start + low.size <= info.aperture_size).into(),
        1,
    )?;
    ensure(
        "behind the aperture",
        (high.start >= info.aperture_size).into(),
        1,
    )?;
    ensure(
        "in the GGTT",
        (high.start + high.size <= info.ggtt_size).into(),
        1,
    )?;
    let overlap = low.start < aligned.start + aligned.size && aligned.start < low.start + low.size;
    ensure("overlap", overlap.into(), 0)?;
    ensure(
        "handles differ",
        (low.handle != aligned.handle && low.handle != 0).into(),
        1,
    )
}

fn fresh(context: &Context<'_>) -> Outcome {
    open(context)?;
    let range = reserve(context, &aperture(64))?;
    let scratch = entry(context, &range, 0);
    ensure("scratch is a page", (scratch & PTE_PRESENT) as i64, 1)?;
    for page in 1..64 {
        ensure_entry("entry", context, &range, page, scratch)?;
    }
    Ok(())
}

fn written(context: &Context<'_>) -> Outcome {
    open(context)?;
    let range = reserve(context, &aperture(8))?;
    let scratch = entry(context, &range, 0);
    let write = |first, entries: &[u64]| context.table.ggtt_write(range.handle, first, entries);
    expect("write", write(2, &[PAGE_A, PAGE_B]), 0)?;
    expect("write of the last", write(7, &[PAGE_A]), 0)?;
    for (page, wanted) in [scratch, scratch, PAGE_A, PAGE_B, scratch]
        .into_iter()
        .enumerate()
    {
        ensure_entry("entry", context, &range, page as u64, wanted)?;
    }
    ensure_entry("last entry", context, &range, 7, PAGE_A)?;
    // Without the present bit the entry is scratch, whatever else it says.
    expect("write of nothing", write(2, &[PAGE_B & !PTE_PRESENT, 0]), 0)?;
    ensure_entry("entry not present", context, &range, 2, scratch)?;
    ensure_entry("entry of zero", context, &range, 3, scratch)
}

fn wrong_writes(context: &Context<'_>) -> Outcome {
    open(context)?;
    let range = reserve(context, &aperture(8))?;
    let before = context
        .bench
        .ggtt_entry((range.start / GGTT_PAGE_SIZE).wrapping_sub(1));
    let scratch = entry(context, &range, 0);
    let write = |first, entries: &[u64]| context.table.ggtt_write(range.handle, first, entries);
    let nowhere = context.table.ggtt_write_from_nowhere(range.handle);
    expect("from nowhere", nowhere, -EFAULT)?;
    expect("of nothing", write(0, &[]), -EINVAL)?;
    expect("behind the end", write(8, &[PAGE_A]), -ERANGE)?;
    expect("over the end", write(7, &[PAGE_A, PAGE_A]), -ERANGE)?;
    expect("far away", write(u32::MAX, &[PAGE_A, PAGE_A]), -ERANGE)?;
    for bits in [1 << 1, 1 << 46, 1 << 63, 1 << 11] {
        expect(
            "a bit that is none",
            write(0, &[PAGE_A, PAGE_A | bits]),
            -EINVAL,
        )?;
    }
    for handle in [0, NO_HANDLE, range.handle + 1, range.handle ^ 1 << 32] {
        expect(
            "no handle",
            context.table.ggtt_write(handle, 0, &[PAGE_A]),
            -EBADF,
        )?;
    }
    for page in 0..8 {
        ensure_entry("entry", context, &range, page, scratch)?;
    }
    let now = context
        .bench
        .ggtt_entry((range.start / GGTT_PAGE_SIZE).wrapping_sub(1));
    ensure("the entry before the range", now as i64, before as i64)
}

fn released(context: &Context<'_>) -> Outcome {
    open(context)?;
    let range = reserve(context, &aperture(8))?;
    let scratch = entry(context, &range, 0);
    expect(
        "write",
        context.table.ggtt_write(range.handle, 0, &[PAGE_A; 8]),
        0,
    )?;
    expect("release", context.table.ggtt_release(range.handle), 0)?;
    for page in 0..8 {
        ensure_given_back(context, &range, page, PAGE_A, scratch)?;
    }
    expect(
        "second release",
        context.table.ggtt_release(range.handle),
        -EBADF,
    )?;
    expect(
        "write",
        context.table.ggtt_write(range.handle, 0, &[PAGE_A]),
        -EBADF,
    )?;
    expect(
        "release of no handle",
        context.table.ggtt_release(NO_HANDLE),
        -EBADF,
    )?;
    // Whoever comes next has another handle, even for the same place.
    let next = reserve(context, &aperture(8))?;
    ensure("handle used again", (next.handle == range.handle).into(), 0)?;
    expect(
        "stale handle",
        context.table.ggtt_release(range.handle),
        -EBADF,
    )
}

fn closed(context: &Context<'_>) -> Outcome {
    open(context)?;
    let range = reserve(context, &aperture(8))?;
    let scratch = entry(context, &range, 0);
    expect(
        "write",
        context.table.ggtt_write(range.handle, 0, &[PAGE_A; 8]),
        0,
    )?;
    expect("close", context.table.close(), 0)?;
    for page in 0..8 {
        ensure_given_back(context, &range, page, PAGE_A, scratch)?;
    }
    open(context)?;
    expect(
        "handle of before",
        context.table.ggtt_release(range.handle),
        -EBADF,
    )
}

fn exhausted(context: &Context<'_>) -> Outcome {
    /// More than a client may hold.
    const MANY: usize = 256;
    for _ in 0..2 {
        open(context)?;
        let mut last = Ok(());
        for _ in 0..MANY {
            last = context.table.ggtt_reserve(&aperture(1)).map(|_| ());
            if last.is_err() {
                break;
            }
        }
        refused("one too many", last, -ENOSPC)?;
        // The second time shows that the first left nothing behind.
        expect("close", context.table.close(), 0)?;
    }
    Ok(())
}
