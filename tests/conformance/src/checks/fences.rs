// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fence registers.

use super::{aperture, open, refused, reserve, NO_HANDLE};
use crate::table::{ensure, expect};
use crate::{Check, Context, Outcome};
use iface::errno::{EBADF, EFAULT, EINVAL, ENOSPC, ERANGE};
use iface::types::{mmio, GgttRange, GgttRequest, MmioOp, GGTT_PAGE_SIZE, REGION_HIGH};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "fences_reserve called wrongly",
        run: wrong_reserve,
    },
    Check {
        name: "fence_write called wrongly",
        run: wrong_write,
    },
    Check {
        name: "fence_write writes a fence",
        run: written,
    },
    Check {
        name: "releasing a range disables its fences",
        run: range_released,
    },
    Check {
        name: "close gives fences back",
        run: closed,
    },
];

/// The first fence register (PRM Vol 2c, FENCE).
const FENCES: u32 = 0x10_0000;
/// Dwords of a fence register.
const DWORDS: usize = 2;
/// Fence registers of every GPU of the contract.
const COUNT: usize = 32;

/// A fence over a range, X-tiled with a pitch of 512 bytes (PRM Vol 2c, FENCE: upper bound 63:44,
/// pitch 43:32 in 128 bytes less one, lower bound 31:12, tile walk 1, valid 0).
fn fence(start: u64, end: u64) -> u64 {
    (end - GGTT_PAGE_SIZE) << 32 | 3 << 32 | start | 1
}

/// A fence over all of a range.
pub(crate) fn over(range: &GgttRange) -> u64 {
    fence(range.start, range.start + range.size)
}

/// How many fence registers hold `value`.
pub(crate) fn holding(context: &Context<'_>, value: u64) -> i64 {
    let mut ops = [MmioOp {
        kind: mmio::READ,
        ..MmioOp::default()
    }; DWORDS * COUNT];
    for (op, n) in ops.iter_mut().zip(0..) {
        op.offset = FENCES + 4 * n;
    }
    if context.table.wake_get() != 0 {
        return -1;
    }
    let returned = context.table.mmio_exec(&mut ops);
    context.table.wake_put();
    if returned != 0 {
        return -1;
    }
    let value_of = |pair: &[MmioOp]| {
        pair.iter()
            .rev()
            .fold(0, |value, op| value << 32 | u64::from(op.value))
    };
    ops.chunks_exact(DWORDS)
        .filter(|pair| value_of(pair) == value)
        .count() as i64
}

fn wrong_reserve(context: &Context<'_>) -> Outcome {
    open(context)?;
    expect(
        "to nowhere",
        context.table.fences_reserve_nowhere(),
        -EFAULT,
    )?;
    refused("none", context.table.fences_reserve(0), -EINVAL)?;
    for count in [COUNT as u32 + 1, u32::MAX] {
        refused(
            "more than there are",
            context.table.fences_reserve(count),
            -ENOSPC,
        )?;
    }
    expect(
        "release of no handle",
        context.table.fences_release(NO_HANDLE),
        -EBADF,
    )?;
    let Ok(fences) = context.table.fences_reserve(2) else {
        return refused("reserve", context.table.fences_reserve(2), 0);
    };
    expect("release", context.table.fences_release(fences), 0)?;
    expect(
        "second release",
        context.table.fences_release(fences),
        -EBADF,
    )
}

fn wrong_write(context: &Context<'_>) -> Outcome {
    open(context)?;
    let low = reserve(context, &aperture(16))?;
    let high = reserve(
        context,
        &GgttRequest {
            region: REGION_HIGH,
            ..aperture(16)
        },
    )?;
    let Ok(fences) = context.table.fences_reserve(2) else {
        return refused("reserve", context.table.fences_reserve(2), 0);
    };
    let write = |index, value, range| context.table.fence_write(fences, index, value, range);
    let right = over(&low);
    expect(
        "no fences",
        context.table.fence_write(NO_HANDLE, 0, right, low.handle),
        -EBADF,
    )?;
    expect("no range", write(0, right, NO_HANDLE), -EBADF)?;
    expect("no such fence", write(2, right, low.handle), -ERANGE)?;
    let (start, end) = (low.start, low.start + low.size);
    let outside = [
        fence(start, end + GGTT_PAGE_SIZE),
        fence(start - GGTT_PAGE_SIZE, end),
        fence(0, GGTT_PAGE_SIZE),
    ];
    for value in outside {
        expect("outside of the range", write(0, value, low.handle), -ERANGE)?;
    }
    expect(
        "behind the aperture",
        write(0, over(&high), high.handle),
        -ERANGE,
    )?;
    let backwards = fence(start + GGTT_PAGE_SIZE * 2, start + GGTT_PAGE_SIZE);
    expect(
        "ends before it begins",
        write(0, backwards, low.handle),
        -EINVAL,
    )?;
    ensure("fences written", holding(context, right), 0)
}

fn written(context: &Context<'_>) -> Outcome {
    open(context)?;
    let range = reserve(context, &aperture(16))?;
    let Ok(fences) = context.table.fences_reserve(4) else {
        return refused("reserve", context.table.fences_reserve(4), 0);
    };
    let value = over(&range);
    for index in 0..4 {
        expect(
            "write",
            context
                .table
                .fence_write(fences, index, value, range.handle),
            0,
        )?;
        ensure(
            "fences that hold it",
            holding(context, value),
            i64::from(index) + 1,
        )?;
    }
    // To disable one no range is needed.
    expect("disable", context.table.fence_write(fences, 1, 0, 0), 0)?;
    expect(
        "disable by the bit",
        context.table.fence_write(fences, 2, value & !1, NO_HANDLE),
        0,
    )?;
    ensure("fences that hold it", holding(context, value), 2)?;
    expect("release", context.table.fences_release(fences), 0)?;
    ensure("fences that hold it", holding(context, value), 0)
}

fn range_released(context: &Context<'_>) -> Outcome {
    open(context)?;
    let (one, other) = (
        reserve(context, &aperture(16))?,
        reserve(context, &aperture(16))?,
    );
    let Ok(fences) = context.table.fences_reserve(2) else {
        return refused("reserve", context.table.fences_reserve(2), 0);
    };
    for (index, range) in [(0, &one), (1, &other)] {
        let written = context
            .table
            .fence_write(fences, index, over(range), range.handle);
        expect("write", written, 0)?;
    }
    expect("release", context.table.ggtt_release(one.handle), 0)?;
    ensure(
        "fences over what is released",
        holding(context, over(&one)),
        0,
    )?;
    ensure("fences over what is not", holding(context, over(&other)), 1)
}

fn closed(context: &Context<'_>) -> Outcome {
    open(context)?;
    let range = reserve(context, &aperture(16))?;
    let Ok(fences) = context.table.fences_reserve(4) else {
        return refused("reserve", context.table.fences_reserve(4), 0);
    };
    let value = over(&range);
    expect(
        "write",
        context.table.fence_write(fences, 3, value, range.handle),
        0,
    )?;
    expect("close", context.table.close(), 0)?;
    open(context)?;
    ensure("fences that hold it", holding(context, value), 0)?;
    expect(
        "handle of before",
        context.table.fences_release(fences),
        -EBADF,
    )
}
